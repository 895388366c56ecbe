"""A real Mosquitto and the worker as a process of its own, with a client that plays the gateways."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from cloud_ingest.ingest.mqtt_source import secret_group
from cloud_ingest.store.database import open_store, reading
from lab.processes import free_port, port_answers
from smokesentry.clock import from_unix
from smokesentry.identity import load_identity
from smokesentry.messages.control import Ack
from smokesentry.messages.envelope import ACK_TYPE, key_id, unseal
from smokesentry.messages.records import LANES

MOSQUITTO = next((p for p in ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto") if Path(p).exists()), "mosquitto")


def _eventually(ready, seconds=120.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("did not come about in time")


class Bench:
    """A broker, an authority, a configured worker process, and a client that plays the gateways."""

    def __init__(self, folder: Path, tls: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.subscribed = 0  # how often a worker had subscribed when the last one was started
        self.processes: dict[str, subprocess.Popen] = {}
        self.acks: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        now = from_unix(time.time())
        self.authority = CaFolder.create(folder / "ca", now)
        self.authority.enrol(Subject(name="cloud", role="cloud"), folder / "own", now)
        self.authority.enrol(Subject(name="broker", role="broker", hosts=("localhost",)), folder / "broker", now)
        self.cloud = load_identity(folder / "own/cloud.key", folder / "own/cloud.crt")
        (folder / "store").mkdir()
        listener = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder / 'store'}/"]
        queues = ["max_queued_messages 0", "max_inflight_messages 0", *(["user root"] if os.geteuid() == 0 else [])]
        queues += ["log_type error", "log_type warning", "log_type notice", "log_type subscribe"]
        access = ["allow_anonymous true"]
        if tls:
            access = [f"cafile {folder / 'broker/ca.crt'}", f"certfile {folder / 'broker/broker.crt'}"]
            access += [f"keyfile {folder / 'broker/broker.key'}", "require_certificate true"]
            access += ["use_identity_as_username true", "allow_anonymous false"]
        (folder / "mosquitto.conf").write_text("\n".join([*listener, *access, *queues]) + "\n")
        own = 'certificate = "own/cloud.crt"\nkey = "own/cloud.key"\n'
        (folder / "cloud.toml").write_text(
            f'[cloud]\nfolder = "cloud"\ntenants = ["lab"]\n[broker]\nhost = "localhost"\nport = {self.port}\n'
            + (f'ca = "own/ca.crt"\n{own}' if tls else "plaintext = true\n")
            + f'[ca]\nfolder = "ca"\n[signing]\n{own}[town]\nfootprints = "town.geojson"\n'
        )
        self.broker()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, client_id="gateways")
        if tls:
            self.client.tls_set(
                str(folder / "own/ca.crt"), str(folder / "own/cloud.crt"), str(folder / "own/cloud.key")
            )
        self.client.on_message = lambda _c, _d, message: self.acks.put((message.topic, message.payload))
        self.client.on_connect = lambda client, *_: client.subscribe("smokesentry/v1/+/+/down/ack", qos=1)
        self.client.connect("localhost", self.port)
        self.client.loop_start()
        _eventually(self.client.is_connected)

    def broker(self) -> None:
        log = (self.folder / "broker.log").open("ab")
        self.processes["broker"] = subprocess.Popen(
            [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
        )
        _eventually(lambda: port_answers(self.port))

    def enrol(self, gateway) -> None:
        now = from_unix(time.time())
        out = self.folder / gateway.name
        self.authority.enrol(Subject(name=gateway.name, role="gateway", tenant="lab"), out, now)
        gateway.key = load_identity(out / f"{gateway.name}.key", out / f"{gateway.name}.crt").key

    def worker(self) -> None:
        self.subscribed = self.subscriptions()
        log = (self.folder / "worker.log").open("ab")
        self.processes["worker"] = subprocess.Popen(
            [sys.executable, "-m", "smokesentry", "cloud", "ingest", "--config", str(self.folder / "cloud.toml")],
            stdout=log,
            stderr=log,
        )

    def run(self, word: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Another ``smokesentry cloud WORD`` beside the worker, to its end."""
        command = [sys.executable, "-m", "smokesentry", "cloud", word, "--config", str(self.folder / "cloud.toml")]
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=240)

    def worker_log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def subscriptions(self) -> int:
        """How many shared subscriptions the broker was asked for since its start."""
        return (self.folder / "broker.log").read_text().count(f" $share/{secret_group(self.cloud)}/")

    def worker_connected(self) -> None:
        """Both sessions stand, so that nothing published from now on passes it by."""
        _eventually(lambda: self.subscriptions() >= self.subscribed + len(LANES), 240)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def publish(self, topic: str, raw: bytes) -> None:
        self.client.publish(topic, raw, qos=1).wait_for_publish(60)

    def next_ack(self, seconds=120.0) -> Ack:
        topic, raw = self.acks.get(timeout=seconds)
        own = self.cloud.key.public_key()
        payload, _ = unseal(raw, ACK_TYPE, lambda wanted: own if wanted == key_id(own) else None)
        ack = msgspec.json.decode(payload, type=Ack)
        assert topic == f"smokesentry/v1/lab/{ack.gateway}/down/ack"
        return ack

    def held(self, wanted: dict[tuple[str, str], int], seconds=120.0) -> None:
        """Reads acknowledgements until every lane is contiguous up to its number."""
        marks: dict[tuple[str, str], int] = defaultdict(int)
        deadline = time.monotonic() + seconds
        while any(marks[key] < mark for key, mark in wanted.items()):
            ack = self.next_ack(max(0.1, deadline - time.monotonic()))
            marks[ack.gateway, ack.lane] = max(marks[ack.gateway, ack.lane], ack.contiguous)

    def read(self, query):
        engine = open_store(f"sqlite:///{self.folder / 'cloud/cloud.db'}")
        try:
            with reading(engine) as connection:
                return connection.execute(query).all()
        finally:
            engine.dispose()

    def stop(self) -> None:
        self.client.loop_stop()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(60)


@pytest.fixture
def make_bench(tmp_path, town_text):
    (tmp_path / "town.geojson").write_text(town_text())
    made = []

    def make(tls=False):
        made.append(Bench(tmp_path, tls))
        return made[-1]

    yield make
    for bench in made:
        bench.stop()


@pytest.fixture
def bench(make_bench, east, south):
    bench = make_bench()
    for gateway in (east, south):
        bench.enrol(gateway)
        gateway.night = from_unix(time.time() - 60)
    return bench


@pytest.fixture(scope="session")
def eventually():
    """Waits for a condition that other processes bring about; gives what it gave."""
    return _eventually
