"""A real broker on a free port, two identities, facts to spool, and a tiny cloud that checks and acknowledges."""

from __future__ import annotations

import datetime
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from numpy.typing import NDArray
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from detector.settings import DetectorSettings
from detector.types import FrameResult, PlumeEvent
from edge.clockwatch import WatchedClock
from edge.facts import Fact
from lab.processes import free_port, port_answers
from smokesentry.clock import ClockState, Stamp
from smokesentry.identity import Identity, load_identity, public_key_of, write_private_key
from smokesentry.messages.control import Ack, Command, State, ack_of
from smokesentry.messages.envelope import ACK_TYPE, BATCH_TYPE, COMMAND_TYPE, STATE_TYPE, seal, unseal
from smokesentry.messages.records import Batch, Detection, Model, Record, Telemetry, decode_batch
from smokesentry.messages.topics import Address
from smokesentry.weather import Weather

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
        deadline = time.monotonic() + 60
        while not port_answers(self.port):
            assert self.process is not None and self.process.poll() is None, "the broker ended"
            assert time.monotonic() < deadline, "the broker does not listen"
            time.sleep(0.02)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None


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
    arrivals: queue.Queue[Batch] = field(default_factory=queue.Queue)
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
        assert self._subscribed.wait(60)

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
        self.arrivals.put(batch)
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
    """Waits for a condition that other threads bring about; fails by name after two minutes."""

    def wait(condition: Callable[[], bool], what: str, patience_s: float = 120.0) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {what}"
            time.sleep(0.01)

    return wait


@pytest.fixture
def steadily(until: Callable[..., None]) -> Callable[..., None]:
    """Waits for a span of time in which a condition held at every look. One look alone would prove little, and on a
    busy machine it may fall into the moment in which a loop has not had its turn yet."""

    def wait(condition: Callable[[], bool], what: str, for_s: float) -> None:
        began_s = time.monotonic()

        def held() -> bool:
            nonlocal began_s
            if not condition():
                began_s = time.monotonic()
            return time.monotonic() - began_s >= for_s

        until(held, what)

    return wait


@pytest.fixture
def clock() -> WatchedClock:
    return WatchedClock()


# -- a detector that says what a test wants ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Plume:
    """Shows from ``from_s`` to ``to_s`` of the detector's time at a place of the pushed frame."""

    from_s: float
    to_s: float
    origin: tuple[float, float]
    confidence: float = 0.8
    plume_class: str = "smoke"
    knows_after_s: float = 4.0


class ScriptedDetector:
    """Opens and closes the plumes that it was given, whatever the frame shows; ``blind`` is when it cannot judge."""

    model_name = "scripted"
    model_digest = "sha256:" + "1" * 64

    def __init__(self, settings: DetectorSettings, plumes: list[Plume], blind: tuple[float, float] = (0, 0)) -> None:
        self.settings = settings
        self.plumes = plumes
        self.blind = blind
        self.pushed: list[tuple[float, tuple[int, ...], Weather | None]] = []
        self._open: dict[int, Plume] = {}

    def push(self, frame: NDArray[np.uint8], t_s: float, weather: Weather | None = None) -> FrameResult:
        self.pushed.append((t_s, frame.shape, weather))
        events = []
        for track, plume in enumerate(self.plumes):
            if track not in self._open and plume.from_s + plume.knows_after_s <= t_s < plume.to_s:
                self._open[track] = plume
                events.append(self._event(track, "start", t_s))
            elif track in self._open and t_s >= plume.to_s:
                events.append(self._event(track, "end", t_s))
                del self._open[track]
        blind = self.blind[0] <= t_s < self.blind[1]
        verdict = "suspected" if self._open else "cannot_judge" if blind else "not_suspected"
        standing = tuple(self._event(track, "update", t_s) for track in self._open)
        return FrameResult(verdict, "fog" if verdict == "cannot_judge" else None, tuple(events), standing)  # type: ignore[arg-type]

    def finish(self) -> FrameResult:
        t_s = self.pushed[-1][0]
        ends = tuple(self._event(track, "end", t_s) for track in self._open)
        self._open.clear()
        return FrameResult("not_suspected", None, ends, ())

    def _event(self, track: int, phase: str, t_s: float) -> PlumeEvent:
        plume = self.plumes[track]
        x, y = plume.origin
        return PlumeEvent(
            track=track,
            phase=phase,  # type: ignore[arg-type]
            origin_px=plume.origin,
            origin_sigma_px=(2.0, 2.0),
            bbox_px=(x - 10, y - 40, x + 10, y),
            outline_px=(),
            plume_class=plume.plume_class,  # type: ignore[arg-type]
            class_scores={"smoke": 0.9, "steam": 0.1},
            confidence=plume.confidence,
            opacity=0.3,
            started_s=plume.from_s,
            alarm_s=plume.from_s + plume.knows_after_s,
            last_seen_s=min(t_s, plume.to_s),
            visible_s=min(t_s, plume.to_s) - plume.from_s,
            reasons=("scripted",),
        )


@pytest.fixture(scope="session")
def scripted() -> type[ScriptedDetector]:
    return ScriptedDetector


@pytest.fixture(scope="session")
def plume() -> type[Plume]:
    return Plume


@pytest.fixture(scope="session")
def jpeg_of() -> Callable[..., bytes]:
    """A noisy picture as a camera would send it."""

    def make(width: int = 640, height: int = 360, seed: int = 0, grey: bool = False, quality: int = 90) -> bytes:
        noise = np.random.default_rng(seed).integers(0, 60, (height, width) if grey else (height, width, 3), np.uint8)
        done, data = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done
        return bytes(data)

    return make
