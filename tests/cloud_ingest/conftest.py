"""A small town, two gateways that can sign what they say, a store, and a private broker."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import atan2, cos, degrees, hypot, radians
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine, Table, func, select

from cloud_ingest.ingest.accept import accept
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import open_store, reading, writing
from lab.postgres import find_postgres, private_postgres
from smokesentry.clock import ClockState, to_wire
from smokesentry.messages import records as wire
from smokesentry.messages.envelope import ACK_TYPE, BATCH_TYPE, MAX_ENVELOPE_BYTES, STATE_TYPE, key_id, seal
from smokesentry.messages.topics import Address
from smokesentry.place import CameraPose, Place

NIGHT = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
LAT, LON = 38.05, 114.5  # the town's middle
M_PER_LAT = 111_007.0  # at this latitude, WGS-84
M_PER_LON = 111_320.0 * cos(radians(LAT)) * 1.00127
TENANT = "lab"
NOW = "2026-11-22T19:05:00.000Z"  # when messages of that night are taken in
_HAS_DRIVER = importlib.util.find_spec("psycopg") is not None
_POSTGRES = find_postgres()


def lat_lon(x: float, y: float) -> tuple[float, float]:
    return LAT + y / M_PER_LAT, LON + x / M_PER_LON


class Enrolled:
    """The keys of a test, as the registry would give them."""

    def __init__(self) -> None:
        self.holders: dict[str, tuple[Ed25519PublicKey, str, str]] = {}

    def add(self, key: Ed25519PrivateKey, name: str, tenant: str = TENANT) -> None:
        public = key.public_key()
        self.holders[key_id(public)] = (public, name, tenant)

    def find_key(self, key: str) -> Ed25519PublicKey | None:
        return self.holders[key][0] if key in self.holders else None

    def name_of(self, key: str) -> str | None:
        return self.holders[key][1] if key in self.holders else None

    def tenant_of(self, key: str) -> str | None:
        return self.holders[key][2] if key in self.holders else None


class FakeGateway:
    """Numbers, signs and names what it says, as a gateway does; says nothing by itself."""

    def __init__(self, name: str, pose: CameraPose, tenant: str = TENANT) -> None:
        self.name = name
        self.pose = pose
        self.key = Ed25519PrivateKey.generate()
        self.address = Address(tenant, name)
        self.spool = hashlib.sha256(name.encode()).hexdigest()[:16]
        self.seqs: dict[str, int] = defaultdict(int)
        self.night = NIGHT

    def at(self, after_s: float) -> str:
        return to_wire(self.night + timedelta(seconds=after_s))

    def record(self, lane: str, body: wire.Body, at_s: float = 0.0, **changes: Any) -> wire.Record:
        self.seqs[lane] += 1
        fields: dict[str, Any] = {
            "seq": self.seqs[lane],
            "captured_at": self.at(at_s),
            "mono_ns": 1,
            "boot_id": "boot",
            "clock": ClockState("ntp", "synchronised", 5.0),
            "body": body,
        }
        return wire.Record(**(fields | changes))

    def batch(self, lane: str, *bodies: wire.Body, at_s: float = 0.0) -> tuple[str, bytes]:
        return self.sealed(lane, [wire.encode_record(self.record(lane, body, at_s)) for body in bodies])

    def sealed(self, lane: str, records: list[bytes], **changes: str) -> tuple[str, bytes]:
        fields = {"tenant": self.address.tenant, "gateway": self.name, "spool": self.spool, "lane": lane} | changes
        return self.address.up(lane), seal(wire.encode_batch(records=records, **fields), BATCH_TYPE, self.key)

    def state(self, online: bool, since_s: float = 0.0) -> tuple[str, bytes]:
        body = {"v": 1, "gateway": self.name, "online": online, "boot_id": "boot", "since": self.at(since_s)}
        return self.address.state, seal(json.dumps(body).encode(), STATE_TYPE, self.key)

    def pose_notice(self) -> wire.PoseNotice:
        return wire.PoseNotice(pose=self.pose)

    def detection(
        self, number: int, origin: tuple[float, float], start_s: float = 0.0, **changes: Any
    ) -> wire.Detection:
        fields: dict[str, Any] = {
            "detection_id": f"{self.name}/{self.pose.camera}/{number:016x}",
            "revision": 1,
            "phase": "start",
            "camera": self.pose.camera,
            "pose_version": self.pose.pose_version,
            "frame_size": self.pose.frame_size,
            "origin_px": origin,
            "origin_sigma_px": (6.0, 6.0),
            "bbox_px": (origin[0] - 20, origin[1] - 60, origin[0] + 20, origin[1]),
            "plume_class": "smoke",
            "confidence": 0.8,
            "started_at": self.at(start_s),
            "alarmed_at": self.at(start_s + 10),
            "last_seen_at": self.at(start_s + 20),
            "visible_s": 20.0,
            "model": wire.Model("test", "sha256:" + "0" * 64),
            "evidence_id": hashlib.sha256(f"{self.name}{number}".encode()).hexdigest()[:32],
        }
        return wire.Detection(**(fields | changes))

    def evidence(self, number: int, data: bytes, **changes: Any) -> wire.Evidence:
        picture: dict[str, Any] = {
            "role": "drawn",
            "content_type": "image/jpeg",
            "taken_at": self.at(12),
            "digest": "sha256:" + hashlib.sha256(data).hexdigest(),
            "data": data,
        }
        detection = self.detection(number, (0.0, 0.0))
        return wire.Evidence(
            evidence_id=detection.evidence_id,
            detection_id=detection.detection_id,
            camera=self.pose.camera,
            pictures=[wire.Picture(**(picture | changes))],
        )

    def telemetry(self, at_s: float, pm25: float = 40.0) -> wire.Telemetry:
        return wire.Telemetry(
            sensor="pm-1",
            model="pms5003",
            from_at=self.at(at_s),
            to_at=self.at(at_s + 10),
            values={"pm25_atm_ug_m3": wire.Aggregate(mean=pm25, low=pm25 - 1, high=pm25 + 1, count=10)},
            readings=10,
            marks={"ok": 10},
        )

    def health(self) -> wire.Health:
        return wire.Health(software="0.1", uptime_s=5.0, spool_depth={"detection": 0})


def pose_at(camera: str, x: float, y: float, look_at: tuple[float, float], height: float = 9.0) -> CameraPose:
    """A camera at metres from the town's middle, looking at a point at roof height."""
    dx, dy = look_at[0] - x, look_at[1] - y
    lat, lon = lat_lon(x, y)
    return CameraPose(
        camera=camera,
        pose_version=1,
        place=Place(lat, lon),
        height_m=height,
        heading_deg=degrees(atan2(dx, dy)) % 360,
        tilt_deg=-degrees(atan2(height - 5.0, hypot(dx, dy))),
        hfov_deg=60.0,
        frame_size=(1280, 720),
    )


#: Nine houses, 11 x 8 m, in three rows; r1c1 is the middle one at (0, 0).
HOUSES = {f"r{r}c{c}": ((c - 1) * 18.0, (r - 1) * 20.0) for r in range(3) for c in range(3)}


def town_geojson(with_chimneys: bool = False) -> str:
    features: list[dict[str, Any]] = []
    for rooftop, (x, y) in HOUSES.items():
        corners = [(x - 5.5, y - 4), (x + 5.5, y - 4), (x + 5.5, y + 4), (x - 5.5, y + 4), (x - 5.5, y - 4)]
        ring = [list(reversed(lat_lon(*corner))) for corner in corners]
        features.append(
            {
                "type": "Feature",
                "id": rooftop,
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {"name": f"House {rooftop}", "height_m": 4.0},
            }
        )
        if with_chimneys:
            features.append(
                {
                    "type": "Feature",
                    "id": f"{rooftop}-flue",
                    "geometry": {"type": "Point", "coordinates": list(reversed(lat_lon(x + 2, y + 1)))},
                    "properties": {"rooftop": rooftop, "height_m": 5.2},
                }
            )
    return json.dumps({"type": "FeatureCollection", "features": features})


@pytest.fixture
def town_text() -> Callable[..., str]:
    return town_geojson


@pytest.fixture
def houses() -> dict[str, tuple[float, float]]:
    return HOUSES


@pytest.fixture
def east() -> FakeGateway:
    return FakeGateway("gw-east", pose_at("cam", 75.0, -30.0, (0.0, 0.0)))


@pytest.fixture
def south() -> FakeGateway:
    return FakeGateway("gw-south", pose_at("cam", -20.0, -80.0, (0.0, 0.0)))


def _with_body(gateway: FakeGateway, body: dict[str, Any]) -> tuple[str, bytes]:
    """One signed telemetry record with whatever body."""
    record = json.loads(wire.encode_record(gateway.record("telemetry", gateway.telemetry(0))))
    return gateway.sealed("telemetry", [json.dumps(record | {"body": body}).encode()])


def _with_impossible_cue(gateway: FakeGateway) -> bytes:
    """A detection's record whose rise in the air is of a day that no calendar has."""
    cue = wire.ParticulateCue(sensor="pm-1", rise_ug_m3=9.0, background_ug_m3=20.0, at="2026-11-30T19:00:00.000Z")
    detection = gateway.detection(1, (600.0, 300.0), particulates=[cue])
    return wire.encode_record(gateway.record("detection", detection)).replace(b"2026-11-30", b"2026-11-31")


def _poison(gateway: FakeGateway) -> dict[str, tuple[str, bytes]]:
    """Cause of the dead letter, with a number behind it -> message. Numbers that are taken are held as refused."""
    up, strange = gateway.address.up("telemetry"), Ed25519PrivateKey.generate()
    telemetry = msgspec.to_builtins(gateway.telemetry(0))
    topic, raw = _with_body(gateway, telemetry | {"readings": "ten"})
    values = {"pm25_atm_ug_m3": {"mean": 1.0, "low": 1.0, "high": 1.0, "count": 1}}
    bad: dict[str, tuple[str, bytes]] = {
        "invalid_record 1": (topic, raw),
        "oversized 1": (up, b"x" * (MAX_ENVELOPE_BYTES + 1)),
        "malformed 1": (up, raw[: len(raw) // 2]),
        "malformed 2": (up, b"[" * 200_000),
        "malformed 3": (up, b""),
        "malformed 4": (up, raw.replace(b'"payload"', b'"pay\xff\xfeload"')),
        "malformed 5": (gateway.address.up("detection"), b"no envelope"),
        "invalid_batch 1": (up, seal(b'{"v":1,"records":' + b"[" * 200_000, BATCH_TYPE, gateway.key)),
        "wrong_type 1": (up, seal(b"{}", ACK_TYPE, gateway.key)),
        "unknown_key 1": (up, seal(b"{}", BATCH_TYPE, strange)),
        "bad_signature 1": (up, raw.replace(b'"payload":"ey', b'"payload":"eX')),
        "wrong_name 1": (up.replace(gateway.name, "gw-south"), raw),
        "bad_topic 1": (f"smokesentry/v1/Lab!/{gateway.name}/up/telemetry", raw),
        "invalid_batch 2": gateway.sealed("telemetry", [b'{"seq":-1}']),
        "invalid_record 2": _with_body(gateway, telemetry | {"values": {"PM2.5 (ug/m3)": values}}),
        "invalid_record 3": _with_body(gateway, telemetry | {"from_at": "22.11.2026 18:00"}),
        "invalid_record 4": _with_body(gateway, telemetry | {"readings": 2**70}),
        "invalid_record 5": _with_body(gateway, {"type": "health", "software": [], "uptime_s": {}}),
        "invalid_record 6": _with_body(gateway, telemetry | {"model": "a\x00b"}),
        "invalid_record 7": gateway.sealed("detection", [_with_impossible_cue(gateway)]),
    }
    for number, token in enumerate(("NaN", "Infinity", "-Infinity", "1e999", "0x10")):
        record = wire.encode_record(gateway.record("telemetry", gateway.telemetry(0))).replace(b"40.0", token.encode())
        payload = wire.encode_batch(
            tenant=TENANT, gateway=gateway.name, spool=gateway.spool, lane="telemetry", records=[b"{}"]
        ).replace(b"{}", record)
        # 1e999 is written as JSON writes numbers: only its record is bad, not the whole batch.
        name = f"invalid_record {10 + number}" if token == "1e999" else f"invalid_batch {10 + number}"
        bad[name] = (up, seal(payload, BATCH_TYPE, gateway.key))
    return bad


@pytest.fixture
def poison() -> Callable[[FakeGateway], dict[str, tuple[str, bytes]]]:
    return _poison


@pytest.fixture
def keys(east: FakeGateway, south: FakeGateway) -> Enrolled:
    enrolled = Enrolled()
    for gateway in (east, south):
        enrolled.add(gateway.key, gateway.name)
    return enrolled


@pytest.fixture
def origin_of() -> Callable[[FakeGateway, float, float, float], tuple[float, float]]:
    """Pixel of a point in metres from the town's middle, by OpenCV and spherical metres: not by the code under test."""
    import cv2
    import numpy as np

    def find(gateway: FakeGateway, x: float, y: float, z: float) -> tuple[float, float]:
        pose = gateway.pose
        at = np.array([(pose.place.lon - LON) * M_PER_LON, (pose.place.lat - LAT) * M_PER_LAT, pose.height_m])
        h, t = radians(pose.heading_deg), radians(pose.tilt_deg)
        # World to a level camera looking north (x right, y down, z ahead), then turned by heading and tilted.
        level = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
        turn = np.array([[np.cos(h), -np.sin(h), 0], [np.sin(h), np.cos(h), 0], [0, 0, 1]])
        lean = np.array([[1, 0, 0], [0, np.cos(t), np.sin(t)], [0, -np.sin(t), np.cos(t)]])
        rotation = lean @ level @ turn
        focal = 640 / np.tan(radians(pose.hfov_deg / 2))
        matrix = np.array([[focal, 0, 640.0], [0, focal, 360.0], [0, 0, 1]])
        vector, _ = cv2.Rodrigues(rotation)
        pixel, _ = cv2.projectPoints(np.array([[x, y, z]], float), vector, -rotation @ at, matrix, None)
        return float(pixel[0, 0, 0]), float(pixel[0, 0, 1])

    return find


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A private PostgreSQL on a free port."""
    if not _HAS_DRIVER:
        pytest.skip("needs psycopg, the PostgreSQL driver, which is not installed")
    if not _POSTGRES:
        pytest.skip("needs PostgreSQL, which is not installed (Debian package postgresql)")
    # Not below pytest's own folder: each pytest that starts closes that one to everybody but its owner.
    folder = Path(tempfile.mkdtemp(prefix="smokesentry-pg-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user than root
    with private_postgres(folder / "pg", _POSTGRES, "-c", "fsync=off") as url:
        yield url
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"] if _HAS_DRIVER and _POSTGRES else ["sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        store = open_store(f"sqlite:///{tmp_path / 'cloud.db'}")
    else:
        store = open_store(request.getfixturevalue("postgres"))
    yield store
    if request.param == "postgresql":
        with store.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
    store.dispose()


@pytest.fixture
def take(engine: Engine, keys: Enrolled) -> Callable[..., Any]:
    """Checks messages and stores them in one commit, as a worker does; gives what it then has to tell."""

    def take(*messages: tuple[str, bytes], now: str = NOW, keys: Enrolled = keys) -> Any:
        with writing(engine) as connection:
            writer = Writer(connection, now)
            for message in messages:
                writer.add(accept(*message, keys, frozenset({TENANT})))
            return writer.finish()

    return take


@pytest.fixture
def rows(engine: Engine) -> Callable[[Table], list[dict[str, Any]]]:
    def rows(table: Table) -> list[dict[str, Any]]:
        with reading(engine) as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    return rows


@pytest.fixture
def number_of(engine: Engine) -> Callable[[Table], int]:
    def number_of(table: Table) -> int:
        with reading(engine) as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    return number_of
