"""Many nights of made-up minutes of a town's gateways: one haze, one vane, fires that each smells by its wind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import atan2, degrees, hypot
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection, insert

from cloud_ingest.store.telemetry_schema import telemetry_aggregates
from lab.showcase.town import TENANT
from smokesentry.clock import to_wire

Spot = tuple[float, float]  # metres east and north


@dataclass(frozen=True, slots=True)
class Winter:
    """``gateways`` and ``fires`` by place; the vane is at the first gateway. ``every_min``: one minute in so many is
    written, to keep a test's store small."""

    gateways: Mapping[str, Spot]
    fires: tuple[Spot, ...]
    nights: int = 30
    seed: int = 1
    every_min: int = 5
    begin: time = time(17)
    hours: int = 14
    zone: str = "Asia/Shanghai"
    strength: float = 1500.0  # µg/m³ x metres x m/s at the fire's axis


def write_winter(connection: Connection, winter: Winter, last: date, tenant: str = TENANT) -> None:
    """Minute aggregates of the nights up to the evening ``last``."""
    rng = np.random.default_rng(winter.seed)
    steps = winter.hours * 60 // winter.every_min
    vane = next(iter(winter.gateways))
    for night in range(winter.nights):
        evening = last - timedelta(days=winter.nights - 1 - night)
        start = datetime.combine(evening, winter.begin, ZoneInfo(winter.zone)).astimezone(UTC)
        direction = (rng.uniform(0, 360) + np.cumsum(rng.normal(0, 4, steps))) % 360
        speed = np.exp(rng.normal(0.4, 0.3) + rng.normal(0, 0.1, steps))
        haze = np.exp(rng.normal(3.6, 0.4)) * (1.5 / speed) ** 0.6
        burning = [np.repeat(rng.random(steps // 6 + 1) < 0.35, 6)[:steps] for _ in winter.fires]
        rows = []
        for name, spot in winter.gateways.items():
            level = haze + rng.normal(0, 1, steps)
            for fire, lit in zip(winter.fires, burning, strict=True):
                away = max(hypot(fire[0] - spot[0], fire[1] - spot[1]), 20.0)
                bearing = degrees(atan2(fire[0] - spot[0], fire[1] - spot[1]))
                off = (direction - bearing + 180) % 360 - 180
                level = level + lit * winter.strength / (away * speed) * np.exp(-((off / 11) ** 2) / 2)
            for step in range(steps):
                at = to_wire(start + timedelta(minutes=step * winter.every_min))
                rows.append(_row(tenant, name, "pm-1", at, {"pm25_atm_ug_m3": float(level[step])}))
                if name == vane:
                    wind = {"wind_speed_m_s": float(speed[step]), "wind_from_deg": float(direction[step])}
                    rows.append(_row(tenant, name, "wind-1", at, wind))
        connection.execute(insert(telemetry_aggregates), rows)


def _row(tenant: str, gateway: str, sensor: str, at: str, means: Mapping[str, float]) -> dict[str, object]:
    quantities = {name: {"mean": mean, "low": mean, "high": mean, "count": 60} for name, mean in means.items()}
    return {
        "gateway": gateway, "sensor": sensor, "step_s": 60, "begins_at": at, "tenant": tenant, "quantities": quantities,
        "readings": 60, "marks": {"ok": 60}, "intervals": 1, "covered_s": 60.0,
    }  # fmt: skip
