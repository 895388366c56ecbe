"""A town in a real SQLite file, the console over it under a real uvicorn, a real headless Chromium to look at it."""

from __future__ import annotations

import hashlib
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn
from sqlalchemy import Engine, func, select

from cloud_ingest.console.app import create_app
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store import schema
from cloud_ingest.store.database import bump, open_store, writing
from smokesentry.clock import to_wire

TENANT = "lijing"
LAT, LON = 38.4700, 106.2900
M_LAT = 1 / 111_320
M_LON = M_LAT / math.cos(math.radians(LAT))

HOUSES = ["东巷1号", "东巷2号", "东巷3号", "东巷4号", "东巷5号", "东巷6号", "东巷7号", "东巷8号"]
CAUSE_FOG = "veiled: fog, frost or an obstruction"


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """(lat, lon) of a point so many metres from the street's middle."""
    return LAT + north_m * M_LAT, LON + east_m * M_LON


@dataclass
class Town:
    """Writes into the store what ingest and geotag would, with times around ``now``."""

    engine: Engine
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def at(self, minutes: float) -> str:
        return to_wire(self.now + timedelta(minutes=minutes))

    def add_street(self, names: list[str] | None = None) -> None:
        """Two rows of houses along a street, each with a chimney, and a taller block at the west end."""
        rows, mouths = [], []
        for side, north in ((0, 12.0), (1, -12.0)):
            for index in range(8):
                number = side * 8 + index
                name = (names or HOUSES)[index] if side == 0 else f"西巷{index + 1}号"
                rows.append(_roof(f"roof-{number}", name, -63 + index * 18, north, 13, 10, 4.5 + index % 3))
                lat, lon = place(-60 + index * 18, north + 2)
                mouths.append({"chimney": f"c{number}", "rooftop": f"roof-{number}", "lat": lat, "lon": lon})
        rows.append(_roof("block", "街道办事处", -95, 0, 18, 22, 18.0))
        with writing(self.engine) as connection:
            version = connection.execute(
                schema.footprint_versions.insert()
                .values(tenant=TENANT, imported_at=self.at(-9000), source="street.geojson", digest="sha256:" + "0" * 64)
                .returning(schema.footprint_versions.c.version)
            ).scalar_one()
            connection.execute(schema.rooftops.insert(), [{**row, "version": version} for row in rows])
            connection.execute(schema.chimneys.insert(), [{**m, "version": version, "height_m": 6.0} for m in mouths])
            bump(connection, "footprints")

    def add_gateway(
        self,
        name: str,
        east: float,
        north: float,
        heading: float,
        *,
        verdict: str = "not_suspected",
        cause: str | None = None,
        online: bool = True,
        seen_min: float = -0.2,
        sensor: bool = True,
    ) -> None:
        lat, lon = place(east, north)
        pose = {
            "camera": "cam-1",
            "pose_version": 1,
            "place": {"lat": lat, "lon": lon, "crs": "WGS-84"},
            "height_m": 16.0,
            "heading_deg": heading,
            "tilt_deg": -6.0,
            "roll_deg": 0.0,
            "hfov_deg": 60.0,
            "frame_size": [1280, 720],
            "sigma_heading_deg": 0.5,
            "sigma_tilt_deg": 0.5,
            "sigma_place_m": 1.0,
        }
        camera = {
            "camera": "cam-1",
            "verdict": verdict,
            "cause": cause,
            "frames": 41000,
            "unreadable": 2,
            "frame_age_s": 0.4,
            "judged_s": 20700.0,
            "not_judged_s": 900.0,
        }
        sensors = [
            {
                "sensor": "pm-1",
                "model": "PMS5003",
                "connected": True,
                "frames": 20000,
                "rejected": 3,
                "skipped_bytes": 12,
                "causes": {},
            }
        ]
        health = {
            "software": "smoke-sentry 0.1.0",
            "uptime_s": 21600.0,
            "cameras": [camera],
            "spool_depth": {"detection": 0, "health": 0, "evidence": 0, "telemetry": 4},
            "sensors": sensors if sensor else [],
        }
        with writing(self.engine) as connection:
            connection.execute(
                schema.gateways.insert().values(
                    gateway=name,
                    tenant=TENANT,
                    last_seen_at=self.at(seen_min),
                    online=online,
                    state_since=self.at(-360),
                    boot_id="b",
                    clock={"source": "ntp", "state": "synchronised", "error_ms": 4.0},
                    health_at=self.at(seen_min),
                    health=health,
                )
            )
            connection.execute(
                schema.camera_poses.insert().values(
                    gateway=name,
                    camera="cam-1",
                    pose_version=1,
                    pose=pose,
                    captured_at=self.at(-360),
                    received_at=self.at(-360),
                )
            )
            bump(connection, "gateways")

    def add_telemetry(
        self, gateway: str, sensor: str, value_at: Callable[[float], float], begin_min: int = -120
    ) -> None:
        """One interval of 30 s after another until now; ``value_at`` takes minutes from now."""
        rows = []
        for step in range(begin_min * 2, 0):
            minutes = step / 2
            mean = value_at(minutes)
            values = {"pm25_atm_ug_m3": {"mean": mean, "low": mean * 0.8, "high": mean * 1.25, "count": 30}}
            rows.append(
                {
                    "tenant": TENANT,
                    "gateway": gateway,
                    "sensor": sensor,
                    "model": "PMS5003",
                    "from_at": self.at(minutes),
                    "to_at": self.at(minutes + 0.5),
                    "quantities": values,
                    "readings": 30,
                    "marks": {"ok": 30},
                    "received_at": self.at(minutes + 0.6),
                }
            )
        with writing(self.engine) as connection:
            connection.execute(schema.telemetry.insert(), rows)
            bump(connection, "telemetry")

    def add_alert(
        self,
        alert_id: str,
        candidates: list[tuple[str, float]],
        *,
        gateways: tuple[str, ...] = ("gw-west",),
        state: str = "open",
        plume_class: str = "smoke",
        begin_min: float = -6.0,
        end_min: float = -0.2,
        pictures: bool = True,
        names: dict[str, str] | None = None,
        reasons: list[str] | None = None,
        reason_text: str = "one camera saw a plume begin at a chimney",
    ) -> None:
        with writing(self.engine) as connection:
            named = self._candidates(connection, candidates, names or {})
            counter = bump(connection, "alerts")
            connection.execute(
                schema.alerts.insert().values(
                    alert_id=alert_id,
                    tenant=TENANT,
                    state=state,
                    first_at=self.at(begin_min),
                    raised_at=self.at(begin_min + 0.6),
                    last_at=self.at(end_min),
                    confidence=0.87,
                    version=1,
                    changed=counter,
                    **{"class": plume_class},
                )
            )
            connection.execute(
                schema.alert_versions.insert().values(
                    alert_id=alert_id,
                    version=1,
                    made_at=self.at(begin_min + 0.6),
                    state=state,
                    confidence=0.87,
                    candidates=named,
                    elsewhere=round(1 - sum(share for _, share in candidates), 4),
                    factors=[
                        {"factor": "chimney", "weight": 0.4, "text": "A chimney is registered on 东巷5号"},
                        {
                            "factor": "wind",
                            "weight": 0.2,
                            "text": "One ray crosses 5 possible roofs; poses, origins and hidden points weighed",
                        },
                    ],
                    reason="raised",
                    reason_text=reason_text,
                    footprint_version=1,
                    **{"class": plume_class},
                )
            )
            for index, gateway in enumerate(gateways):
                self._add_detection(
                    connection, alert_id, gateway, index, plume_class, begin_min, end_min, state, reasons, pictures
                )

    def _candidates(
        self, connection: Any, shares: list[tuple[str, float]], names: dict[str, str]
    ) -> list[dict[str, Any]]:
        roofs = {row.rooftop: row for row in connection.execute(select(schema.rooftops))}
        return [
            {
                "rooftop": roof,
                "name": names.get(roof, roofs[roof].name),
                "probability": share,
                "lat": roofs[roof].lat,
                "lon": roofs[roof].lon,
            }
            for roof, share in shares
        ]

    def _add_detection(
        self,
        connection: Any,
        alert_id: str,
        gateway: str,
        index: int,
        plume_class: str,
        begin_min: float,
        end_min: float,
        state: str,
        reasons: list[str] | None,
        pictures: bool,
    ) -> None:
        detection_id = f"{gateway}/cam-1/{hashlib.sha256((alert_id + gateway).encode()).hexdigest()[:16]}"
        evidence_id = hashlib.sha256(detection_id.encode()).hexdigest()[:32]
        origin = [[700.0, 330.0], [560.0, 352.0]][index % 2]
        body = {
            "origin_px": origin,
            "bbox_px": [origin[0] - 30, origin[1] - 120, origin[0] + 110, origin[1]],
            "frame_size": [1280, 720],
            "opacity": 0.31,
            "visible_s": 240.0,
            "particulates": [],
            "reasons": reasons
            if reasons is not None
            else ["moves and stays at one origin: score 0.91", "visible for 240 s"],
        }
        connection.execute(
            schema.detections.insert().values(
                detection_id=detection_id,
                tenant=TENANT,
                gateway=gateway,
                camera="cam-1",
                revision=2,
                phase="update" if state == "open" else "end",
                confidence=0.84,
                pose_version=1,
                started_at=self.at(begin_min + index * 0.3),
                alarmed_at=self.at(begin_min + 0.5 + index * 0.3),
                last_seen_at=self.at(end_min),
                evidence_id=evidence_id,
                body=body,
                time_mark=None,
                received_at=self.at(end_min),
                **{"class": plume_class},
            )
        )
        connection.execute(schema.alert_detections.insert().values(detection_id=detection_id, alert_id=alert_id))
        if pictures:
            for role in ("frame", "drawn", "before"):
                data = night_picture(role, origin, seed=index)
                digest = "sha256:" + hashlib.sha256(data).hexdigest()
                known = connection.execute(select(func.count()).where(schema.pictures.c.digest == digest)).scalar_one()
                if not known:
                    connection.execute(
                        schema.pictures.insert().values(digest=digest, content_type="image/jpeg", data=data)
                    )
                connection.execute(
                    schema.evidence_pictures.insert().values(
                        evidence_id=evidence_id,
                        role=role,
                        digest=digest,
                        detection_id=detection_id,
                        gateway=gateway,
                        camera="cam-1",
                        taken_at=self.at(begin_min + (0.5 if role != "before" else -0.5)),
                        received_at=self.at(begin_min + 1),
                    )
                )
        bump(connection, "detections")
        bump(connection, "evidence")

    def revise(self, alert_id: str, state: str, plume_class: str, reason: str, text: str) -> None:
        """A new version with the same candidates."""
        table = schema.alert_versions
        with writing(self.engine) as connection:
            old = (
                connection.execute(select(table).where(table.c.alert_id == alert_id).order_by(table.c.version.desc()))
                .mappings()
                .first()
            )
            assert old is not None
            changed = {"version": old["version"] + 1, "state": state, "class": plume_class}
            connection.execute(
                table.insert().values({**old, **changed, "reason": reason, "reason_text": text, "made_at": self.at(0)})
            )
            counter = bump(connection, "alerts")
            connection.execute(
                schema.alerts.update()
                .where(schema.alerts.c.alert_id == alert_id)
                .values({**changed, "changed": counter})
            )

    def add_dead_letter(self, cause: str, reason: str) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                schema.dead_letters.insert().values(
                    received_at=self.at(-1),
                    topic="smokesentry/v1/x/y/up/health",
                    cause=cause,
                    reason=reason,
                    gateway=None,
                    seq=None,
                    size=12,
                    raw=b"not a message",
                )
            )
            bump(connection, "dead_letters")


def _roof(
    rooftop: str, name: str, east: float, north: float, width: float, depth: float, height: float
) -> dict[str, Any]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    ring = [place(east + x * width / 2, north + y * depth / 2)[::-1] for x, y in corners]
    lat, lon = place(east, north)
    polygon = {"type": "Polygon", "coordinates": [[list(point) for point in ring]]}
    return {
        "rooftop": rooftop,
        "name": name,
        "polygon": polygon,
        "height_m": height,
        "height_known": True,
        "lat": lat,
        "lon": lon,
    }


def night_picture(role: str, origin: list[float], seed: int) -> bytes:
    """A dark street drawn by hand: sky, roofs, lamps and, but for ``before``, a grey plume."""
    rng = np.random.default_rng(seed)
    frame = np.full((360, 640, 3), (26, 18, 12), np.uint8)
    frame[:170] = np.linspace(34, 60, 170).astype(np.uint8)[:, None, None] // np.array([1, 2, 3], np.uint8)
    for index in range(9):
        left = index * 74 - 10
        cv2.rectangle(frame, (left, 190 - 9 * (index % 3)), (left + 66, 360), (20 + 4 * (index % 3), 20, 18), -1)
        cv2.rectangle(frame, (left + 20, 240), (left + 34, 256), (70, 150, 200) if index % 2 else (30, 40, 40), -1)
    x, y = int(origin[0] / 2), int(origin[1] / 2)
    cv2.rectangle(frame, (x - 4, y), (x + 4, y + 24), (46, 50, 60), -1)
    if role != "before":
        veil = frame.copy()
        for step in range(14):
            cv2.circle(veil, (x + step * 4, y - step * 8), 6 + step * 2, (120, 120, 126), -1)
        frame = cv2.addWeighted(cv2.GaussianBlur(veil, (21, 21), 8), 0.6, frame, 0.4, 0)
    frame = np.clip(frame + rng.normal(0, 4, frame.shape), 0, 255).astype(np.uint8)
    if role == "drawn":
        cv2.rectangle(frame, (x - 15, y - 125), (x + 85, y + 4), (40, 150, 255), 2)
        cv2.drawMarker(frame, (x, y), (60, 220, 255), cv2.MARKER_CROSS, 16, 2)
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return data.tobytes()


def settings_for(folder: Path) -> CloudSettings:
    return CloudSettings.model_validate(
        {
            "cloud": {"folder": str(folder), "tenants": [TENANT]},
            "broker": {"plaintext": True},
            "ca": {"folder": str(folder)},
            "signing": {"key": str(folder / "k"), "certificate": str(folder / "c")},
        }
    )


def start(folder: Path, port: int = 0) -> tuple[uvicorn.Server, threading.Thread, str]:
    """The console under uvicorn in a thread; answers once it listens."""
    config = uvicorn.Config(
        create_app(settings_for(folder)), host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "uvicorn ended at once"
        assert time.monotonic() < deadline, "uvicorn did not start"
        time.sleep(0.02)
    return server, thread, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's one store lies."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Engine]:
    """A module's one store."""
    engine = open_store(settings_for(folder).database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def town(store: Engine) -> Town:
    """An empty town: tables, no rows, whatever the test before left."""
    with writing(store) as connection:
        for table in reversed(schema.metadata.sorted_tables):
            if table is not schema.changes:  # counters only ever rise
                connection.execute(table.delete())
        for subject in schema.SUBJECTS:
            bump(connection, subject)
    return Town(store)


@pytest.fixture
def street(town: Town) -> Town:
    """A street with two gateways and a quiet evening behind it."""
    town.add_street()
    town.add_gateway("gw-west", -95, 0, 90)
    town.add_gateway("gw-north", 30, 75, 195)
    town.add_telemetry("gw-west", "pm-1", lambda minutes: 38 + 4 * math.sin(minutes / 9))
    return town


@pytest.fixture(scope="module")
def served(store: Engine, folder: Path) -> Iterator[str]:
    """The address of a module's one console."""
    server, thread, address = start(folder)
    yield address
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive(), "uvicorn did not stop"


@pytest.fixture
def console(town: Town, served: str) -> str:
    """The console's address, over the test's own town."""
    return served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One headless Chromium with software WebGL. Ends with its module: while it lives, an event loop runs in this
    thread, and no other test could start one."""
    from playwright.sync_api import sync_playwright

    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield browser
        browser.close()
