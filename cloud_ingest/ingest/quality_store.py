"""Days of devices in the store: which are due to be judged, what is known of them, and their reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, or_, select

from cloud_ingest.ingest.aggregates import HOUR_S
from cloud_ingest.ingest.quality import DayReport, Hint, Interval, Span, clock_jumps, judge_day, missing_day
from cloud_ingest.store.bulk import upsert
from cloud_ingest.store.schema import clock_fixes, health
from cloud_ingest.store.telemetry_schema import maintenance, quality_days, telemetry, telemetry_aggregates
from smokesentry.clock import from_wire, to_wire

GATEWAY = ""  # stands for the sensor where a gateway itself is meant
_DAYS = 14  # so far back a day is judged again: a spool may hold back so much
_AT_ONCE = 40
_HINTS = 20  # of one day and device
#: What a camera's or sensor's own words tell of (detector.health, detector.sight; edge's notices).
_SAID = (
    ("moved", ("has moved", "been moved")),
    ("covered", ("covers", "covered", "obstruction", "black picture", "white picture")),
    ("constant", ("frozen", "does not change", "has changed for")),
    ("clock", ("clock went", "clock jumped", "clock was set", "boot's clock")),
)

Device = tuple[str, str, str]  # tenant, gateway, sensor


def span_of(day: date, zone: str) -> Span:
    """A day of a zone as two moments; it has 23 or 25 hours where the clocks change."""
    where = ZoneInfo(zone)
    return datetime.combine(day, time(), where), datetime.combine(day + timedelta(days=1), time(), where)


def judge_some(connection: Connection, now: datetime, zone: str) -> list[dict[str, Any]]:
    """Judges some of the days that are due, for :func:`keep_reports`. Today is due often, old days seldom."""
    today = now.astimezone(ZoneInfo(zone)).date()
    due = _due(connection, today, now, zone)[:_AT_ONCE]
    rows = []
    for device, day in due:
        report = _judge(connection, device, day, now, zone)
        tenant, gateway, sensor = device
        rows.append(
            {
                "gateway": gateway, "sensor": sensor, "day": day.isoformat(), "tenant": tenant,
                "report": asdict(report), "made_at": to_wire(now),
            }
        )  # fmt: skip
    return rows


def keep_reports(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Stores what was judged, in the place of what was judged before."""
    upsert(connection, quality_days, rows)


def list_days(
    connection: Connection, tenants: Iterable[str], first: str, last: str, *, flagged: bool = False
) -> list[dict[str, Any]]:
    """Reports of days from ``first`` to ``last``, the newest first."""
    table = quality_days
    query = select(table).where(table.c.tenant.in_(list(tenants)), table.c.day.between(first, last))
    rows = connection.execute(query.order_by(table.c.day.desc(), table.c.gateway, table.c.sensor)).mappings()
    return [dict(row) for row in rows if not flagged or row["report"]["flagged"] or row["report"]["hints"]]


def _due(connection: Connection, today: date, now: datetime, zone: str) -> list[tuple[Device, date]]:
    oldest = today - timedelta(days=_DAYS)
    hour = telemetry_aggregates.c
    seen: dict[Device, str] = {}
    query = select(hour.tenant, hour.gateway, hour.sensor, hour.begins_at).where(
        hour.step_s == HOUR_S, hour.begins_at >= to_wire(span_of(oldest, zone)[0])
    )
    for tenant, gateway, sensor, begins in connection.execute(query):
        for device in ((tenant, gateway, sensor), (tenant, gateway, GATEWAY)):
            seen[device] = min(begins, seen.get(device, begins))
    made = {
        (row.gateway, row.sensor, row.day): row.made_at
        for row in connection.execute(
            select(quality_days.c.gateway, quality_days.c.sensor, quality_days.c.day, quality_days.c.made_at).where(
                quality_days.c.day >= oldest.isoformat()
            )
        )
    }
    due: list[tuple[Device, date]] = []
    for age in range(_DAYS + 1):
        day = today - timedelta(days=age)
        every = timedelta(minutes=10) if age == 0 else timedelta(hours=1) if age == 1 else timedelta(hours=12)
        stale, end = to_wire(now - every), to_wire(span_of(day, zone)[1])
        due += [
            (device, day)
            for device, since in sorted(seen.items())
            if since < end and made.get((device[1], device[2], day.isoformat()), "") < stale
        ]
    return due


def _judge(connection: Connection, device: Device, day: date, now: datetime, zone: str) -> DayReport:
    _, gateway, sensor = device
    span = span_of(day, zone)
    off, said = _from_health(connection, gateway, span)
    if sensor == GATEWAY:
        fixes = connection.execute(
            select(clock_fixes.c.offset_ms, clock_fixes.c.received_at).where(
                clock_fixes.c.gateway == gateway, clock_fixes.c.received_at.between(to_wire(span[0]), to_wire(span[1]))
            )
        )
        said += [Hint("clock", from_wire(at), f"the clock was wrong by {ms / 1000:.1f} s") for ms, at in fixes]
        return judge_day(span, [], off, said[:_HINTS], now)
    off += _entered(connection, gateway, sensor, span)
    intervals = _intervals(connection, gateway, sensor, span)
    if intervals:
        return judge_day(span, intervals, off, clock_jumps(intervals)[:_HINTS], now)
    return missing_day(span, off, _usual_interval_s(connection, gateway, sensor), now)


def _intervals(connection: Connection, gateway: str, sensor: str, span: Span) -> list[Interval]:
    table = telemetry.c
    rows = connection.execute(
        select(
            table.from_at, table.to_at, table.received_at, table.readings, table.marks, table.quantities,
            table.time_mark, table.spool, table.seq,
        ).where(table.gateway == gateway, table.sensor == sensor)
        .where(table.from_at >= to_wire(span[0]), table.from_at < to_wire(span[1]))
    )  # fmt: skip
    return [
        Interval(
            from_wire(row.from_at), from_wire(row.to_at), from_wire(row.received_at), row.readings, row.marks,
            bool(row.quantities), row.time_mark, (row.spool or "", row.seq or 0),
        )
        for row in rows
    ]  # fmt: skip


def _usual_interval_s(connection: Connection, gateway: str, sensor: str) -> float:
    hour = telemetry_aggregates.c
    row = connection.execute(
        select(hour.covered_s, hour.intervals)
        .where(hour.gateway == gateway, hour.sensor == sensor, hour.step_s == HOUR_S)
        .order_by(hour.begins_at.desc())
        .limit(1)
    ).one_or_none()
    return max(1.0, row.covered_s / row.intervals) if row is not None and row.intervals else 60.0


def _entered(connection: Connection, gateway: str, sensor: str, span: Span) -> list[Span]:
    table = maintenance.c
    rows = connection.execute(
        select(table.from_at, table.to_at)
        .where(table.gateway == gateway, or_(table.sensor.is_(None), table.sensor == sensor))
        .where(table.from_at < to_wire(span[1]), table.to_at > to_wire(span[0]))
    )
    return [(from_wire(begin), from_wire(end)) for begin, end in rows]


def _from_health(connection: Connection, gateway: str, span: Span) -> tuple[list[Span], list[Hint]]:
    """Maintenance that the gateway itself announced, and what its words hint at: each text once, at its first time."""
    off: list[Span] = []
    texts: dict[tuple[str, str], Hint] = {}
    rows = connection.execute(
        select(health.c.captured_at, health.c.body)
        .where(health.c.gateway == gateway, health.c.captured_at.between(to_wire(span[0]), to_wire(span[1])))
        .order_by(health.c.captured_at)
    )
    for at, body in rows:
        if body.get("maintenance"):
            off.append((from_wire(at), from_wire(body["maintenance"]["until"])))
        said: dict[str, list[str]] = defaultdict(list)
        for camera in body.get("cameras", []):
            if camera.get("cause"):
                said[camera["camera"]].append(camera["cause"])
        said[""] += body.get("notices", [])
        for who, lines in said.items():
            for line in lines:
                kind = next((kind for kind, words in _SAID if any(word in line for word in words)), None)
                if kind is not None and (kind, who) not in texts:
                    texts[kind, who] = Hint(kind, from_wire(at), f"{who}: {line}" if who else line)
    return off, list(texts.values())
