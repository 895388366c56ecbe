"""Means over minutes and hours, made anew from what they stand for whenever something of it arrives."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select

from cloud_ingest.store.bulk import upsert
from cloud_ingest.store.followers import move, next_stretch, rows_of
from cloud_ingest.store.telemetry_schema import telemetry, telemetry_aggregates
from smokesentry.clock import from_wire

FOLLOWER = "aggregates"
MINUTE_S, HOUR_S = 60, 3600
_ROWS_AT_ONCE = 500  # a transaction: on SQLite a worker waits for it

Bucket = tuple[str, str, str, str]  # tenant, gateway, sensor, begins_at


def minute_of(at: str) -> str:
    """The beginning of a time's minute, both as the wire writes them."""
    return at[:16] + ":00.000Z"


def hour_of(at: str) -> str:
    """The beginning of a time's hour."""
    return at[:13] + ":00:00.000Z"


def folded(parts: Iterable[Mapping[Any, Any]]) -> dict[str, Any]:
    """One aggregate of many: means weighted by count, extremes, sums; what is no finite number is left out.

    Parts have ``quantities``, ``readings``, ``marks``, ``intervals`` and ``covered_s``, and so has the answer.
    """
    sums: dict[str, list[float]] = {}
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
    return {
        "quantities": {
            name: {"mean": total / count, "low": low, "high": high, "count": int(count)}
            for name, (total, low, high, count) in sums.items()
            if count and math.isfinite(total)
        },
        "readings": readings,
        "marks": dict(marks),
        "intervals": intervals,
        "covered_s": covered_s,
    }


def follow(connection: Connection, now: str) -> int:
    """Brings the aggregates up to the next stretch of telemetry; how many minutes were made anew. 0: nothing to do."""
    stretch = next_stretch(connection, FOLLOWER, _ROWS_AT_ONCE, now)
    if stretch is None:
        return 0
    minutes = {
        (row["tenant"], row["gateway"], row["sensor"], minute_of(row["from_at"]))
        for row in rows_of(connection, stretch)
    }
    _make_minutes(connection, minutes)
    _make_hours(connection, {(*bucket[:3], hour_of(bucket[3])) for bucket in minutes})
    move(connection, FOLLOWER, stretch.until, now)
    return max(len(minutes), 1)


def _make_minutes(connection: Connection, minutes: set[Bucket]) -> None:
    rows = []
    for (tenant, gateway, sensor), begins in _by_sensor(minutes):
        parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        query = select(telemetry).where(
            telemetry.c.gateway == gateway,
            telemetry.c.sensor == sensor,
            telemetry.c.from_at.between(min(begins), max(begins)[:17] + "59.999Z"),
        )
        for row in connection.execute(query).mappings():
            begin = minute_of(row["from_at"])
            if begin in begins:
                parts[begin].append({**row, "intervals": 1, "covered_s": _length_s(row["from_at"], row["to_at"])})
        rows += [_row(tenant, gateway, sensor, MINUTE_S, begin, some) for begin, some in parts.items()]
    upsert(connection, telemetry_aggregates, rows)


def _make_hours(connection: Connection, hours: set[Bucket]) -> None:
    table, rows = telemetry_aggregates, []
    for (tenant, gateway, sensor), begins in _by_sensor(hours):
        parts: dict[str, list[Mapping[Any, Any]]] = defaultdict(list)
        query = select(table).where(
            table.c.gateway == gateway,
            table.c.sensor == sensor,
            table.c.step_s == MINUTE_S,
            table.c.begins_at.between(min(begins), max(begins)[:14] + "59:59.999Z"),
        )
        for row in connection.execute(query).mappings():
            begin = hour_of(row["begins_at"])
            if begin in begins:
                parts[begin].append(row)
        rows += [_row(tenant, gateway, sensor, HOUR_S, begin, some) for begin, some in parts.items()]
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
