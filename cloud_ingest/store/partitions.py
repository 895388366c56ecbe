"""PostgreSQL's partitions of telemetry: one a UTC day, made ahead, dropped when their time is over.

What lies outside of the days that have a partition (a clock years off, a spool that was away for weeks) is in
``telemetry_other``; :func:`prepare` moves it to a day's own partition where that day is kept. Elsewhere than on
PostgreSQL there are no partitions and nothing is done.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from sqlalchemy import Connection, text

AHEAD = timedelta(days=3)
BEHIND = timedelta(days=2)  # days that get a partition even where nothing came yet
_NAME = re.compile(r"telemetry_(\d{4})_(\d\d)_(\d\d)")
_OTHER = "telemetry_other"


def days_of(connection: Connection) -> list[date]:
    """The days that have a partition."""
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.execute(
        text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass('telemetry') ORDER BY 1"
        )
    )
    found = (_NAME.fullmatch(row.relname) for row in rows)
    return [date(*map(int, match.groups())) for match in found if match]


def prepare(connection: Connection, today: date, keep_days: int) -> list[date]:
    """Makes the partitions of the days around ``today`` and of kept days that wait in the default one; the new ones.

    Each takes a short exclusive lock on the default partition; writers wait for it.
    """
    if connection.dialect.name != "postgresql":
        return []
    wanted = {today + timedelta(days=n) for n in range(-BEHIND.days, AHEAD.days + 1)}
    waiting = connection.execute(
        text(f"SELECT DISTINCT substr(from_at, 1, 10) FROM {_OTHER} WHERE from_at >= :first AND from_at < :end"),
        {"first": _bound(today - timedelta(days=keep_days)), "end": _bound(today + AHEAD + timedelta(days=1))},
    )
    wanted |= {date.fromisoformat(day) for (day,) in waiting}
    missing = sorted(wanted - set(days_of(connection)))
    for day in missing:
        _make(connection, day)
    return missing


def drop_before(connection: Connection, first_kept: date) -> list[date]:
    """Drops the partitions of days before ``first_kept``; which they were."""
    gone = [day for day in days_of(connection) if day < first_kept]
    for day in gone:
        connection.execute(text(f"DROP TABLE {_table(day)}"))
    return gone


def _make(connection: Connection, day: date) -> None:
    """Beside the parent first, so that rows that wait in the default partition can move before it is attached."""
    name, bounds = _table(day), {"first": _bound(day), "end": _bound(day + timedelta(days=1))}
    connection.execute(text(f"CREATE TABLE {name} (LIKE telemetry INCLUDING DEFAULTS)"))
    connection.execute(text(f"LOCK TABLE {_OTHER} IN ACCESS EXCLUSIVE MODE"))
    connection.execute(
        text(
            f"WITH moved AS (DELETE FROM {_OTHER} WHERE from_at >= :first AND from_at < :end RETURNING *) "
            f"INSERT INTO {name} SELECT * FROM moved"
        ),
        bounds,
    )
    connection.execute(
        text(
            f"ALTER TABLE telemetry ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{bounds['first']}') TO ('{bounds['end']}')"
        )
    )


def _table(day: date) -> str:
    return f"telemetry_{day:%Y_%m_%d}"


def _bound(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"
