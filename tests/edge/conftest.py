"""A real broker on a free port, two identities, facts to spool, and a tiny cloud that checks and acknowledges."""

from __future__ import annotations

import datetime
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.spool import Fact
from smokesentry.clock import ClockState, Stamp, SystemClock
from smokesentry.identity import Identity, load_identity, public_key_of, write_private_key
from smokesentry.messages.control import Ack, Command, State, ack_of
from smokesentry.messages.envelope import ACK_TYPE, BATCH_TYPE, COMMAND_TYPE, STATE_TYPE, seal, unseal
from smokesentry.messages.records import Batch, Detection, Model, Record, Telemetry, decode_batch
from smokesentry.messages.topics import Address

BOOT = "boot-under-test"
NOW = Stamp(1_795_000_000.0, 5_000_000_000)


def write_identity(folder: Path, name: str) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .sign(key, None)
    )
    key_file, certificate_file = folder / f"{name}.key", folder / f"{name}.crt"
    write_private_key(key, key_file)
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    return key_file, certificate_file


@pytest.fixture
def identity_of(tmp_path: Path) -> Callable[[str], Identity]:
    def make(name: str) -> Identity:
        return load_identity(*write_identity(tmp_path, name))

    return make


@pytest.fixture(scope="session")
def telemetry_fact() -> Callable[..., Fact]:
    def make(text: str = "pm-1", unix_s: float = NOW.unix_s, values: int = 0) -> Fact:
        stamp = Stamp(unix_s, NOW.mono_ns)
        body = Telemetry(
            sensor=text,
            model="PMS7003",
            from_at=stamp.captured_at,
            to_at=stamp.captured_at,
            values={},
            readings=values,
        )
        return Fact("telemetry", body, stamp, BOOT, ClockState())

    return make


@pytest.fixture(scope="session")
def detection_fact() -> Callable[..., Fact]:
    def make(number: int = 1, revision: int = 1, phase: str = "start", camera: str = "cam-1") -> Fact:
        at = NOW.captured_at
        body = Detection(
            detection_id=f"gw-1/{camera}/{number:016x}",
            revision=revision,
            phase=phase,  # type: ignore[arg-type]
            camera=camera,
            pose_version=1,
            frame_size=(1280, 720),
            origin_px=(640.0, 360.0),
            origin_sigma_px=(4.0, 4.0),
            bbox_px=(600.0, 300.0, 680.0, 360.0),
            plume_class="smoke",
            confidence=0.9,
            started_at=at,
            alarmed_at=at,
            last_seen_at=at,
            visible_s=10.0,
            model=Model("test", "sha256:" + "0" * 64),
            evidence_id=f"{number:032x}",
        )
        return Fact("detection", body, NOW, BOOT, ClockState())

    return make


# -- a real broker ---------------------------------------------------------------------------------------------------


@dataclass
class Broker:
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nautosave_interval 1\n"
        )
        binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert binary is not None
        self.process = subprocess.Popen(
            [binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("the broker does not listen")

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    running = Broker(folder, free_port())
    running.start()
    yield running
    running.stop(signal.SIGKILL)


# -- a tiny cloud ----------------------------------------------------------------------------------------------------


@dataclass
class FakeCloud:
    """Keeps every record under its message id and acknowledges after that, as long as ``acknowledges`` is set."""

    identity: Identity
    gateway: Identity
    address: Address
    port: int
    acknowledges: bool = True
    batches: list[Batch] = field(default_factory=list)
    records: dict[tuple[str, int], Record] = field(default_factory=dict)
    arrivals: queue.Queue[tuple[float, Batch]] = field(default_factory=queue.Queue)
    states: list[State] = field(default_factory=list)
    _marks: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _client: Client | None = None
    _subscribed: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        client = Client(CallbackAPIVersion.VERSION2, client_id="cloud", protocol=MQTTv5)
        client.reconnect_delay_set(1, 1)
        client.on_connect = self._connected
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _c, _u, message: self._arrived(message.topic, message.payload)
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", self.port, clean_start=False, properties=properties)
        client.loop_start()
        self._client = client
        assert self._subscribed.wait(10)

    def stop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def _connected(self, client: Client, *_: Any) -> None:
        client.subscribe([("smokesentry/v1/+/+/up/+", _qos1()), ("smokesentry/v1/+/+/state", _qos1())])

    def _arrived(self, topic: str, raw: bytes) -> None:
        key = public_key_of(self.gateway.certificate)
        if topic.endswith("/state"):
            payload, _ = unseal(raw, STATE_TYPE, lambda _: key)
            self.states.append(msgspec.json.decode(payload, type=State))
            return
        payload, _ = unseal(raw, BATCH_TYPE, lambda _: key)
        batch = decode_batch(payload)
        with self._lock:
            self.batches.append(batch)
            for record in batch.records:
                self.records[batch.lane, record.seq] = record
        self.arrivals.put((time.monotonic(), batch))
        if self.acknowledges:
            self.acknowledge(batch.spool, batch.lane)

    def acknowledge(self, spool: str, lane: str, signer: Identity | None = None) -> None:
        with self._lock:
            seqs = [seq for of_lane, seq in self.records if of_lane == lane]
            self._marks[lane], ranges = ack_of(seqs, self._marks.get(lane, 0))
        mark = self._marks[lane]
        ack = Ack(gateway=self.address.gateway, spool=spool, lane=lane, contiguous=mark, ranges=ranges)  # type: ignore[arg-type]
        self.send_ack(ack, signer)

    def send_ack(self, ack: Ack, signer: Identity | None = None) -> None:
        self.publish(self.address.ack, seal(msgspec.json.encode(ack), ACK_TYPE, (signer or self.identity).key))

    def send_command(self, command: Command, signer: Identity | None = None) -> None:
        raw = seal(msgspec.json.encode(command), COMMAND_TYPE, (signer or self.identity).key)
        self.publish(self.address.command, raw)

    def publish(self, topic: str, raw: bytes) -> None:
        assert self._client is not None
        self._client.publish(topic, raw, qos=1)


def _qos1() -> Any:
    from paho.mqtt.subscribeoptions import SubscribeOptions

    return SubscribeOptions(qos=1)


@pytest.fixture
def cloud(broker: Broker, identity_of: Callable[[str], Identity]) -> Iterator[FakeCloud]:
    fake = FakeCloud(identity_of("cloud"), identity_of("gw-1"), Address("town", "gw-1"), broker.port)
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a condition that other threads bring about; fails by name after 20 s."""

    def wait(condition: Callable[[], bool], what: str, patience_s: float = 20.0) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {what}"
            time.sleep(0.01)

    return wait


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()
