"""Means over minutes and hours, made anew from what they stand for whenever something of it arrives."""

from __future__ import annotations

import cmath
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, select

from cloud_ingest.store.bulk import upsert
from cloud_ingest.store.followers import move, next_stretch, rows_of
from cloud_ingest.store.telemetry_schema import telemetry, telemetry_aggregates
from smokesentry.clock import from_wire

FOLLOWER = "aggregates"
MINUTE_S, HOUR_S = 60, 3600
_DIRECTION, _NO_DIRECTION = "_from_deg", 1e-6  # of a mean of unit vectors: rounding
_ROWS_AT_ONCE = 500  # a transaction: on SQLite a worker waits for it

Bucket = tuple[str, str, str, str]  # tenant, gateway, sensor, begins_at


def minute_of(at: str) -> str:
    """The beginning of a time's minute, both as the wire writes them."""
    return at[:16] + ":00.000Z"


def hour_of(at: str) -> str:
    """The beginning of a time's hour."""
    return at[:13] + ":00:00.000Z"


def folded(parts: Iterable[Mapping[Any, Any]]) -> dict[str, Any]:
    """One aggregate of many: means weighted by count, extremes, sums; what is no finite number is left out. Directions
    (``..._from_deg``) are averaged round the circle, as gateways do; opposite ones have no mean and are left out.

    Parts have ``quantities``, ``readings``, ``marks``, ``intervals`` and ``covered_s``, and so has the answer.
    """
    sums: dict[str, list[float]] = {}
    vanes: dict[str, complex] = {}
    marks: Counter[str] = Counter()
    readings, intervals, covered_s = 0, 0, 0.0
    for part in parts:
        readings += part["readings"]
        intervals += part["intervals"]
        covered_s += part["covered_s"]
        marks.update(part["marks"])
        for name, one in part["quantities"].items():
            mean, low, high, count = one["mean"], one["low"], one["high"], one["count"]
            if not all(map(math.isfinite, (mean * count, low, high))):
                continue
            found = sums.setdefault(name, [0.0, math.inf, -math.inf, 0])
            found[0] += mean * count
            found[1], found[2] = min(found[1], low), max(found[2], high)
            found[3] += count
            if name.endswith(_DIRECTION):
                vanes[name] = vanes.get(name, 0j) + count * cmath.rect(1.0, math.radians(mean))
    return {
        "quantities": {
            name: {"mean": middle, "low": low, "high": high, "count": int(count)}
            for name, (total, low, high, count) in sums.items()
            if count and math.isfinite(total)
            if (middle := total / count if name not in vanes else _direction(vanes[name] / count)) is not None
        },
        "readings": readings,
        "marks": dict(marks),
        "intervals": intervals,
        "covered_s": covered_s,
    }


def _direction(vane: complex) -> float | None:
    return math.degrees(cmath.phase(vane)) % 360 if abs(vane) > _NO_DIRECTION else None


def follow(connection: Connection, now: str) -> int:
    """Brings the aggregates up to the next stretch of telemetry; how many minutes were made anew. 0: nothing to do."""
    stretch = next_stretch(connection, FOLLOWER, _ROWS_AT_ONCE, now)
    if stretch is None:
        return 0
    minutes = {
        (row["tenant"], row["gateway"], row["sensor"], minute_of(row["from_at"]))
        for row in rows_of(connection, stretch)
    }
    _make(connection, minutes, _MINUTES)
    _make(connection, {(*bucket[:3], hour_of(bucket[3])) for bucket in minutes}, _HOURS)
    move(connection, FOLLOWER, stretch.until, now)
    return max(len(minutes), 1)


@dataclass(frozen=True, slots=True)
class _Step:
    """How buckets of one length are made of smaller parts."""

    seconds: int
    parts: Select[Any]
    at: Column[str]  # the time by which a part belongs to a bucket
    begin_of: Callable[[str], str]
    last: str  # how a bucket's last moment ends, where its first ends in zeros
    part: Callable[[Mapping[Any, Any]], Mapping[Any, Any]] = lambda row: row


_MINUTES = _Step(
    MINUTE_S, select(telemetry), telemetry.c.from_at, minute_of, "59.999Z",
    lambda row: {**row, "intervals": 1, "covered_s": _length_s(row["from_at"], row["to_at"])},
)  # fmt: skip
_HOURS = _Step(
    HOUR_S, select(telemetry_aggregates).where(telemetry_aggregates.c.step_s == MINUTE_S),
    telemetry_aggregates.c.begins_at, hour_of, "59:59.999Z",
)  # fmt: skip


def _make(connection: Connection, buckets: set[Bucket], step: _Step) -> None:
    rows = []
    for (tenant, gateway, sensor), begins in _by_sensor(buckets):
        parts: dict[str, list[Mapping[Any, Any]]] = defaultdict(list)
        table = step.at.table
        query = step.parts.where(
            table.c.gateway == gateway,
            table.c.sensor == sensor,
            step.at.between(min(begins), max(begins)[: -len(step.last)] + step.last),
        )
        for row in connection.execute(query).mappings():
            begin = step.begin_of(row[step.at.name])
            if begin in begins:
                parts[begin].append(step.part(row))
        rows += [_row(tenant, gateway, sensor, step.seconds, begin, some) for begin, some in parts.items()]
    upsert(connection, telemetry_aggregates, rows)


def _by_sensor(buckets: set[Bucket]) -> list[tuple[tuple[str, str, str], set[str]]]:
    """A sensor's buckets; those of one day together, so that a late record far back widens no search."""
    found: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for tenant, gateway, sensor, begins in buckets:
        found[tenant, gateway, sensor, begins[:10]].add(begins)
    return [(key[:3], begins) for key, begins in sorted(found.items())]


def _row(
    tenant: str, gateway: str, sensor: str, step_s: int, begin: str, parts: Iterable[Mapping[Any, Any]]
) -> dict[str, Any]:
    heading = {"gateway": gateway, "sensor": sensor, "step_s": step_s, "begins_at": begin, "tenant": tenant}
    return heading | folded(parts)


def _length_s(from_at: str, to_at: str) -> float:
    return max(0.0, (from_wire(to_at) - from_wire(from_at)).total_seconds())
