"""A real broker with the production configuration, certificates from `smokesentry ca`, and plain MQTT clients."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from hardware.broker import render_acl, render_broker, rights_in_ledger
from lab.processes import free_port

PATIENCE_S = 120.0
TENANT = "changxin"


def wait_for(condition: Callable[[], bool]) -> None:
    """Fails when the condition does not come true in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def tls_of(folder: Path, name: str | None, ca: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A client's TLS, with or without a certificate of its own."""
    context = ssl.create_default_context(cafile=str(ca))
    context.maximum_version = newest
    if name is not None:
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


@dataclass
class Peer:
    """One MQTT connection under test, with everything that the broker ever told it."""

    client: Client
    connected: ReasonCode | None = None
    hung_up: bool = False
    session_present: bool = False
    got: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[int, ReasonCode] = field(default_factory=dict)
    answered: threading.Condition = field(default_factory=threading.Condition)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> str:
        """The broker's answer to one QoS 1 message."""
        mid = self.client.publish(topic, payload, qos=1, retain=retain).mid
        wait_for(lambda: mid in self.answers)
        return str(self.answers[mid])

    def subscribe(self, topic: str) -> None:
        _, mid = self.client.subscribe(topic, qos=1)
        assert mid is not None
        wait_for(lambda: mid in self.answers)
        assert not self.answers[mid].is_failure

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Broker:
    """Mosquitto as a child process, in a folder of its own, on a free loopback port."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder = folder
        self.handed = folder / "handed over"
        self.ca = CaFolder.create(folder / "ca", datetime.now(UTC))
        for name in names:
            self.ca.enrol(Subject(name, "gateway", TENANT), self.handed, datetime.now(UTC))
        self.ca.enrol(Subject("cloud", "cloud"), self.handed, datetime.now(UTC))
        self.ca.enrol(Subject("broker", "broker", hosts=("127.0.0.1",)), self.handed, datetime.now(UTC))
        (folder / "data").mkdir()
        self.port = free_port()
        self.write_acl()
        (folder / "mosquitto.conf").write_text(
            render_broker(
                folder / "data",
                self.port,
                ca=self.ca.folder / "ca.crt",
                crl=self.ca.folder / "crl.pem",
                certificate=self.handed / "broker.crt",
                key=self.handed / "broker.key",
                acl_file=folder / "access list.acl",
                address="127.0.0.1",
                user=getpass.getuser(),
            )
        )
        self._stack = ExitStack()
        self.start()

    def write_acl(self) -> None:
        """From the ledger: whoever is revoked is not in it."""
        gateways, clouds = rights_in_ledger((self.ca.folder / "ledger.json").read_text())
        (self.folder / "access list.acl").write_text(render_acl(gateways, clouds))

    def start(self) -> None:
        binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert binary is not None
        starts = self.log().count(" running\n")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([binary, "-c", self.folder / "mosquitto.conf"], stderr=log)
        # It listens before it handles signals: a reload sent as soon as the port answers would end it.
        wait_for(lambda: self._alive() and self.log().count(" running\n") > starts)

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.log()
        return True

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def reload(self) -> None:
        before = self.log().count("Reloading config")
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self._alive() and self.log().count("Reloading config") > before)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)

    def connect(
        self,
        name: str | None,
        client_id: str | None = None,
        *,
        expiry_s: int = 0,
        tls: ssl.SSLContext | None = None,
        will: str | None = None,
    ) -> Peer:
        """Connects as an enrolled name (or with ``tls`` of one's own) and waits for the broker's yes or its hang-up."""
        client = Client(CallbackAPIVersion.VERSION2, client_id or f"{name}", protocol=MQTTv5)
        peer = Peer(client)
        client.tls_set_context(tls or tls_of(self.handed, name, self.ca.folder / "ca.crt"))
        client.user_data_set(peer)
        client.on_connect, client.on_message, client.on_disconnect = _on_connect, _on_message, _on_disconnect
        client.on_publish = client.on_subscribe = _on_answer
        if will is not None:
            client.will_set(will, b"gone", qos=1, retain=True)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = expiry_s
        client.connect("127.0.0.1", self.port, keepalive=30, clean_start=expiry_s == 0, properties=properties)
        client.loop_start()
        self._stack.callback(peer.close)
        wait_for(lambda: peer.connected is not None or peer.hung_up)
        return peer

    def hang_up(self) -> None:
        """Ends all connections. A client goes on to connect anew, and would take its name from that of a later test."""
        self._stack.close()

    def close(self) -> None:
        self.hang_up()
        self.stop()


def _on_connect(_client: Client, peer: Peer, flags: object, reason: ReasonCode, _properties: object) -> None:
    peer.session_present = bool(getattr(flags, "session_present", False))
    peer.connected = reason


def _on_message(_client: Client, peer: Peer, message: MQTTMessage) -> None:
    peer.got.append((message.topic, bytes(message.payload)))


def _on_disconnect(_client: Client, peer: Peer, _flags: object, _reason: ReasonCode, _properties: object) -> None:
    peer.hung_up = True


def _on_answer(
    _client: Client, peer: Peer, mid: int, reason: ReasonCode | list[ReasonCode], _properties: object
) -> None:
    peer.answers[mid] = reason[0] if isinstance(reason, list) else reason


@pytest.fixture
def broker(shared_broker: Broker) -> Iterator[Broker]:
    """The module's broker, at which nobody of the tests before is left."""
    yield shared_broker
    shared_broker.hang_up()


@pytest.fixture(scope="module")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that a module's tests share: two gateways and a revoked third one."""
    running = Broker(tmp_path_factory.mktemp("broker with space"), ["gw-1", "gw-2", "gw-lost"])
    try:
        running.ca.revoke("gw-lost", "stolen", datetime.now(UTC))
        running.write_acl()
        running.reload()
        yield running
    finally:
        running.close()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker for one test alone, which may stop or change it."""
    running = Broker(tmp_path / "b", ["gw-1", "gw-2"])
    yield running
    running.close()


@pytest.fixture
def wait() -> Callable[[Callable[[], bool]], None]:
    """:func:`wait_for`, for test modules."""
    return wait_for


@pytest.fixture
def tls() -> Callable[..., ssl.SSLContext]:
    """:func:`tls_of`, for test modules."""
    return tls_of
