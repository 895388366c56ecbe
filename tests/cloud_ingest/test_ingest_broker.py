"""The worker as a process of its own against a real Mosquitto: acknowledged after the commit, safe from kill -9."""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from sqlalchemy import func, select

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from cloud_ingest.ingest.mqtt_source import MqttSource, secret_group
from cloud_ingest.settings import load_cloud_settings
from cloud_ingest.store.database import open_store, reading
from cloud_ingest.store.schema import (
    alert_detections,
    dead_letters,
    detections,
    envelopes,
    gateways,
    lane_progress,
    telemetry,
)
from smokesentry.clock import from_unix
from smokesentry.identity import load_identity
from smokesentry.messages.control import Ack, Command
from smokesentry.messages.envelope import ACK_TYPE, COMMAND_TYPE, key_id, unseal
from smokesentry.messages.records import LANES
from smokesentry.messages.topics import UP_FILTER

pytestmark = pytest.mark.mosquitto
MOSQUITTO = next((p for p in ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto") if Path(p).exists()), "mosquitto")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _eventually(ready, seconds=20.0):
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
        self.port = _free_port()
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
        _eventually(lambda: self._answers())

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

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
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=60)

    def worker_log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def subscriptions(self) -> int:
        """How many shared subscriptions the broker was asked for since its start."""
        return (self.folder / "broker.log").read_text().count(f" $share/{secret_group(self.cloud)}/")

    def worker_connected(self) -> None:
        """Both sessions stand, so that nothing published from now on passes it by."""
        _eventually(lambda: self.subscriptions() == self.subscribed + len(LANES), 120)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def publish(self, topic: str, raw: bytes) -> None:
        self.client.publish(topic, raw, qos=1).wait_for_publish(10)

    def next_ack(self, seconds=20.0) -> Ack:
        topic, raw = self.acks.get(timeout=seconds)
        own = self.cloud.key.public_key()
        payload, _ = unseal(raw, ACK_TYPE, lambda wanted: own if wanted == key_id(own) else None)
        ack = msgspec.json.decode(payload, type=Ack)
        assert topic == f"smokesentry/v1/lab/{ack.gateway}/down/ack"
        return ack

    def held(self, wanted: dict[tuple[str, str], int], seconds=40.0) -> None:
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
            process.wait(20)


@pytest.fixture
def bench(tmp_path, east, south, town_text):
    (tmp_path / "town.geojson").write_text(town_text())
    bench = Bench(tmp_path)
    for gateway in (east, south):
        bench.enrol(gateway)
        gateway.night = from_unix(time.time() - 60)
    yield bench
    bench.stop()


def test_what_is_acknowledged_is_stored_and_a_duplicate_is_acknowledged_again(bench, east):
    bench.worker()
    bench.worker_connected()
    message = east.batch("telemetry", east.telemetry(0), east.telemetry(10))
    bench.publish(*message)
    ack = bench.next_ack()
    assert (ack.gateway, ack.spool, ack.lane, ack.contiguous, ack.ranges) == ("gw-east", east.spool, "telemetry", 2, [])
    assert bench.read(select(func.count()).select_from(telemetry)) == [(2,)]
    bench.publish(*message)
    again = bench.next_ack()
    assert again == msgspec.structs.replace(ack, at=again.at)
    assert bench.read(select(func.count()).select_from(telemetry)) == [(2,)]
    assert bench.read(select(func.count()).select_from(envelopes)) == [(1,)]


def test_poison_is_set_aside_and_stops_nobody(bench, east, south):
    bench.worker()
    bench.worker_connected()
    topic, raw = east.batch("telemetry", east.telemetry(0))
    forged = raw.replace(b'"payload":"', b'"payload":"AAAA', 1)
    bench.publish(topic, b"\x00not an envelope")
    bench.publish(topic, forged)
    bench.publish("smokesentry/v1/lab/gw-south/up/telemetry", raw)  # somebody else's topic
    bench.publish("smokesentry/v1/Lab!/gw-east/up/telemetry", raw)  # no name of a town
    bench.publish(topic, b"x" * (3 * 1024 * 1024))
    bench.publish(*south.batch("telemetry", south.telemetry(0)))
    ack = bench.next_ack()
    assert (ack.gateway, ack.contiguous) == ("gw-south", 1)
    causes = [
        row.cause for row in _eventually(lambda: bench.read(select(dead_letters.c.cause).order_by(dead_letters.c.id)))
    ]
    assert sorted(causes) == ["bad_signature", "bad_topic", "malformed", "oversized", "wrong_name"]
    listed = bench.run("dead-letters", "--json")
    assert sorted(json.loads(line)["cause"] for line in listed.stdout.splitlines()) == sorted(causes)


def test_a_flood_of_poison_holds_up_no_neighbour_and_all_of_it_is_set_aside(bench, east, south, poison):
    """Forty times each kind of poison, shuffled among good messages, half of them twice, wait at the broker.

    Held up is who is stored later than something behind it in the queue: order is compared, not seconds.
    """
    bench.worker()
    bench.worker_connected()
    bench.kill("worker")  # its sessions stay: the broker queues
    bad = poison(east)
    times = {name: 3 if len(raw) > 100_000 else 40 for name, (_, raw) in bad.items()}
    good = [south.batch("telemetry", south.telemetry(n)) for n in range(100)]
    flood = good + good[::2] + [message for name, message in bad.items() for _ in range(times[name])]
    random.Random(7).shuffle(flood)
    flood.append(south.batch("detection", south.detection(1, (600.0, 300.0))))
    for sent in [bench.client.publish(*message, qos=1) for message in flood]:
        sent.wait_for_publish(60)
    bench.worker()
    bench.held({("gw-south", "telemetry"): 100, ("gw-south", "detection"): 1}, seconds=120)

    # A refused record's number is held like any other's, so that its repetitions are duplicates.
    wanted = Counter[str]()
    for name, count in times.items():
        wanted[name.split()[0]] += 1 if name.startswith("invalid_record") else count
    causes = select(dead_letters.c.cause, func.count()).group_by(dead_letters.c.cause)
    _eventually(lambda: sum(dict(map(tuple, bench.read(causes))).values()) >= wanted.total(), 120)
    assert dict(map(tuple, bench.read(causes))) == wanted
    stored = dict(map(tuple, bench.read(select(telemetry.c.seq, telemetry.c.received_at))))
    assert sorted(stored) == list(range(1, 101))
    assert len(bench.read(select(telemetry.c.seq))) == 100
    ((detected_at,),) = bench.read(select(detections.c.received_at))

    letters = bench.read(select(dead_letters.c.received_at, dead_letters.c.topic))
    bulk = sorted(at for at, topic in letters if topic.endswith("/up/telemetry"))
    seq_of = {raw: seq for seq, (_, raw) in enumerate(good, 1)}
    seen, before = set[int](), 0
    for topic, raw in flood[:-1]:
        seq = seq_of.get(raw)
        if seq is None:
            before += topic.endswith("/up/telemetry")
        elif seq not in seen:
            seen.add(seq)
            first = bisect_left(bulk, stored[seq])
            assert first <= before, f"{first} letters were stored before it, {before} stood before it in the queue"
    assert detected_at < bulk[-1], "sent last of all, the detection waited for the whole flood"
    assert "going one by one" not in bench.worker_log()
    assert bench.processes["worker"].poll() is None


def _night(east, south, origin_of) -> list[tuple[str, bytes]]:
    """Poses, three hundred telemetry batches, and a plume every now and then, seen by both gateways in turn."""
    messages = [gateway.batch("health", gateway.pose_notice()) for gateway in (east, south)]
    for n in range(300):
        gateway = (east, south)[n % 2]
        if n % 15 in (0, 1):
            x = 18.0 * (n // 15 % 3) - 18.0
            plume = gateway.detection(n // 15, origin_of(gateway, x, 0.0, 5.0), start_s=2.0 * (n // 15))
            messages.append(gateway.batch("detection", plume))
        messages.append(gateway.batch("telemetry", gateway.telemetry(n)))
    return messages


def test_nothing_is_lost_or_doubled_when_worker_and_broker_are_killed(bench, east, south, origin_of):
    bench.worker()
    bench.worker_connected()
    messages = _night(east, south, origin_of)
    wanted = {(g.name, lane): seq for g in (east, south) for lane, seq in g.seqs.items()}
    for n, message in enumerate(messages):
        bench.client.publish(*message, qos=1)
        if n in (90, 230):
            bench.kill("worker")
        if n in (150, 260):
            bench.worker()
    _eventually(lambda: bench.read(select(func.count()).select_from(telemetry))[0][0] > 0)
    bench.kill("broker")  # what it had acknowledged may be gone: the gateways send again what the cloud did not confirm
    bench.broker()
    _eventually(bench.client.is_connected)
    for message in messages:
        bench.client.publish(*message, qos=1)
    bench.held(wanted)
    assert bench.read(select(func.count()).select_from(telemetry)) == [(300,)]
    plumes = {row.detection_id for row in bench.read(select(detections.c.detection_id))}
    assert len(plumes) == wanted["gw-east", "detection"] + wanted["gw-south", "detection"] == 40
    assert {row.detection_id for row in bench.read(select(alert_detections.c.detection_id))} == plumes
    lanes = bench.read(select(lane_progress.c.gateway, lane_progress.c.lane, lane_progress.c.contiguous))
    assert {(row.gateway, row.lane): row.contiguous for row in lanes} == wanted
    assert bench.read(select(func.count()).select_from(dead_letters)) == [(0,)]


def test_state_and_last_will_are_followed(bench, east):
    bench.worker()
    bench.worker_connected()
    online = lambda: [tuple(row) for row in bench.read(select(gateways.c.gateway, gateways.c.online))]  # noqa: E731
    bench.client.publish(*east.state(True, 10), qos=1, retain=True)
    _eventually(lambda: online() == [("gw-east", True)])
    bench.client.publish(*east.state(False, 10), qos=1, retain=True)
    _eventually(lambda: online() == [("gw-east", False)])
    bench.client.publish(*east.state(True, 20), qos=1, retain=True)
    _eventually(lambda: online() == [("gw-east", True)])
    bench.client.publish(*east.state(False, 10), qos=1, retain=True)  # the last will of the connection before
    bench.publish(*east.batch("telemetry", east.telemetry(0)))
    bench.next_ack()
    assert online() == [("gw-east", True)]


def test_the_worker_stops_when_told(bench):
    bench.worker()
    bench.worker_connected()
    worker = bench.processes.pop("worker")
    worker.terminate()
    assert worker.wait(10) == 0


def test_the_road_is_the_same_over_tls_with_client_certificates(tmp_path, east, town_text):
    (tmp_path / "town.geojson").write_text(town_text())
    bench = Bench(tmp_path, tls=True)
    try:
        bench.enrol(east)
        bench.worker()
        bench.worker_connected()
        bench.publish(*east.batch("telemetry", east.telemetry(0)))
        assert bench.next_ack().contiguous == 1
    finally:
        bench.stop()


def test_a_gateway_that_is_revoked_while_the_worker_runs_is_refused(bench, east):
    bench.worker()
    bench.worker_connected()
    bench.publish(*east.batch("telemetry", east.telemetry(0)))
    assert bench.next_ack().contiguous == 1
    bench.authority.revoke("gw-east", "stolen", from_unix(time.time()))
    bench.publish(*east.batch("telemetry", east.telemetry(10)))
    causes = _eventually(lambda: [row.cause for row in bench.read(select(dead_letters.c.cause))])
    assert causes == ["unknown_key"]


def test_the_group_of_the_workers_is_the_same_for_all_of_one_cloud_and_another_for_every_key(bench, east, south):
    again = load_identity(bench.folder / "own/cloud.key", bench.folder / "own/cloud.crt")
    group = secret_group(bench.cloud)
    assert group == secret_group(again)
    assert len(group) == 32 and set(group) <= set("0123456789abcdef")
    other = load_identity(bench.folder / "gw-east/gw-east.key", bench.folder / "gw-east/gw-east.crt")
    assert secret_group(other) != group


def test_a_stranger_in_a_group_of_a_guessed_name_takes_no_message_from_the_worker(bench, east):
    bench.worker()
    bench.worker_connected()
    stranger = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, client_id="stranger")
    subscribed = threading.Event()
    stranger.on_subscribe = lambda *_: subscribed.set()
    stranger.on_connect = lambda client, *_: client.subscribe(f"$share/ingest/{UP_FILTER}", qos=1)
    stranger.connect("localhost", bench.port)
    stranger.loop_start()
    try:
        assert subscribed.wait(20)
        for n in range(20):
            bench.publish(*east.batch("telemetry", east.telemetry(n)))
        bench.held({("gw-east", "telemetry"): 20})
    finally:
        stranger.disconnect()
        stranger.loop_stop()


@pytest.mark.parametrize("tls", [False, True])
def test_an_order_from_the_command_line_reaches_its_gateway_signed_and_numbered(tmp_path, town_text, tls):
    (tmp_path / "town.geojson").write_text(town_text())
    bench = Bench(tmp_path, tls)
    try:
        heard, subscribed = queue.SimpleQueue(), threading.Event()
        bench.client.message_callback_add(
            "smokesentry/v1/lab/gw-east/down/command", lambda _c, _d, message: heard.put(message.payload)
        )
        bench.client.on_subscribe = lambda *_: subscribed.set()
        bench.client.subscribe("smokesentry/v1/lab/gw-east/down/command", qos=1)
        assert subscribed.wait(20)
        to_east = ("--tenant", "lab", "--gateway", "gw-east")
        said = bench.run("command", *to_east, "resend", "lane=telemetry", "from_seq=3", "to_seq=7")
        assert said.returncode == 0, said.stderr
        assert said.stdout.startswith('sent to gw-east: command 1, resend {"lane": "telemetry", "from_seq": 3')
        assert "command 2, ping {}" in bench.run("command", *to_east, "ping").stdout
        own = bench.cloud.key.public_key()
        find = lambda wanted: own if wanted == key_id(own) else None  # noqa: E731
        first, second = (
            msgspec.json.decode(unseal(heard.get(timeout=20), COMMAND_TYPE, find)[0], type=Command) for _ in range(2)
        )
        assert (first.gateway, first.counter, first.kind) == ("gw-east", 1, "resend")
        assert first.args == {"lane": "telemetry", "from_seq": 3, "to_seq": 7}
        assert (second.counter, second.kind, second.args) == (2, "ping", {})
        nobody = bench.run("command", "--tenant", "lab", "--gateway", "gw-never", "ping")
        assert nobody.returncode == 1
        assert "nobody listens" in nobody.stderr
        bench.kill("broker")
        away = bench.run("command", *to_east, "ping")
        assert away.returncode == 1
        assert "cannot be reached" in away.stderr
    finally:
        bench.stop()


def test_a_flood_without_quality_of_service_fills_no_memory_and_hides_nothing(bench, east, monkeypatch):
    settings = load_cloud_settings(bench.folder / "cloud.toml").broker.model_copy(update={"inflight": 10})
    source = MqttSource(settings, "trial")
    source.start()
    try:
        # Until the subscription stands, the broker has nobody to hand a message to.
        _eventually(lambda: bench.publish(east.address.up("telemetry"), b"probe") or source.gather(0.2, 0.0, 1, 1))
        while source.gather(0.5, 0.0, 500, 10**7):
            pass
        for _ in range(200):
            bench.client.publish(east.address.up("telemetry"), b"flood", qos=0)
        bench.publish(*east.batch("telemetry", east.telemetry(0)))
        got = []
        _eventually(lambda: got.extend(source.gather(0.1, 0.05, 500, 10**7)) or any(m.mid for m in got))
        assert source.dropped + len(got) == 201
        assert len([m for m in got if m.mid == 0]) >= 10
    finally:
        source.stop()
