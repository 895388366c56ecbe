"""Writes into a store what ingest and geotag would: a street, gateways, telemetry, with times around now."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from cloud_ingest.store import schema
from cloud_ingest.store.database import bump, writing
from smokesentry.clock import to_wire

TENANT = "lijing"
LAT, LON = 38.4700, 106.2900
M_LAT = 1 / 111_320
M_LON = M_LAT / math.cos(math.radians(LAT))

HOUSES = ["东巷1号", "东巷2号", "东巷3号", "东巷4号", "东巷5号", "东巷6号", "东巷7号", "东巷8号"]


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """(lat, lon) of a point so many metres from the street's middle."""
    return LAT + north_m * M_LAT, LON + east_m * M_LON


@dataclass
class Street:
    """Writes into the store what ingest and geotag would, with times around ``now``."""

    engine: Engine
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def at(self, minutes: float) -> str:
        """So many minutes from now, as the wire writes times."""
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
            newest = connection.execute(select(func.max(schema.footprint_versions.c.version))).scalar()
            version = (newest or 0) + 1
            connection.execute(
                schema.footprint_versions.insert().values(
                    version=version,
                    tenant=TENANT,
                    imported_at=self.at(-9000),
                    source="street.geojson",
                    digest="sha256:" + "0" * 64,
                    roofs_version=version,
                )
            )
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
        tenant: str = TENANT,
        **more: Any,
    ) -> None:
        """A gateway with one camera; ``more`` goes into its health report as it stands."""
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
            "verdict": verdict,
            **more,
        }
        with writing(self.engine) as connection:
            connection.execute(
                schema.gateways.insert().values(
                    gateway=name,
                    tenant=tenant,
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

    def add_ticket(self, gateway: str, said: str) -> None:
        """Its camera was seen to have moved two hours ago."""
        with writing(self.engine) as connection:
            connection.execute(
                schema.pose_tickets.insert().values(
                    gateway=gateway, camera="cam-1", pose_version=1, since=self.at(-120), last_said_at=self.at(-1),
                    said=said, moved_px=31.0, turned_deg=0.4, frame_width=640, closed_at=None,
                )
            )  # fmt: skip
            bump(connection, "gateways")

    def add_dead_letter(self, cause: str, reason: str) -> None:
        """A message that was set aside, signed by nobody."""
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
