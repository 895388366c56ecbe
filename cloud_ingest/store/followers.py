"""Following telemetry in the order in which it was committed: aggregates and the time-series database read it here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, delete, func, select, update

from cloud_ingest.store.bulk import upsert
from cloud_ingest.store.database import insert_new
from cloud_ingest.store.telemetry_schema import followers, telemetry, telemetry_writes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some transactions' telemetry, committed one after another."""

    until: int  # the change counter of the last
    written: tuple[int, ...]
    first_from_at: str
    last_from_at: str


def next_stretch(connection: Connection, follower: str, max_rows: int, now: str) -> Stretch | None:
    """What comes after the follower's cursor, about ``max_rows`` rows of it (one transaction at least); None: nothing.

    Holds the cursor until the transaction ends: a second process of the same follower waits.
    """
    insert_new(connection, followers, [{"follower": follower, "change": 0, "moved_at": now}])
    change = connection.execute(
        select(followers.c.change).where(followers.c.follower == follower).with_for_update()
    ).scalar_one()
    table = telemetry_writes
    rows = 0
    found: list[Row[Any]] = []
    for write in connection.execute(select(table).where(table.c.change > change).order_by(table.c.change).limit(1000)):
        if found and rows + write.rows > max_rows:
            break
        rows += write.rows
        found.append(write)
    if not found:
        return None
    return Stretch(
        found[-1].change,
        tuple(write.written for write in found),
        min(write.first_from_at for write in found),
        max(write.last_from_at for write in found),
    )


def rows_of(connection: Connection, stretch: Stretch) -> Sequence[RowMapping]:
    """Its rows of telemetry. Some may be gone: retention does not wait for anybody."""
    query = select(telemetry).where(
        telemetry.c.written.between(min(stretch.written), max(stretch.written)),  # what PostgreSQL's index can find
        telemetry.c.written.in_(stretch.written),
        telemetry.c.from_at.between(stretch.first_from_at, stretch.last_from_at),
    )
    return connection.execute(query).mappings().all()


def move(
    connection: Connection, follower: str, change: int, now: str, *, safe: int | None = None, problem: str | None = None
) -> None:
    """Sets the follower's cursor. ``safe``: up to where nothing need be done again; left out: up to the cursor."""
    row = {"follower": follower, "change": change, "moved_at": now, "problem": problem}
    upsert(connection, followers, [row | {"safe": change if safe is None else safe}])


def go_back(connection: Connection, follower: str) -> int:
    """Sets the cursor back to what is safe, and says where that is."""
    connection.execute(update(followers).where(followers.c.follower == follower).values(change=followers.c.safe))
    found = connection.execute(select(followers.c.safe).where(followers.c.follower == follower)).scalar_one_or_none()
    return int(found or 0)


def complain(connection: Connection, follower: str, problem: str) -> None:
    """Says why the follower does not get on."""
    connection.execute(update(followers).where(followers.c.follower == follower).values(problem=problem[:1000]))


def behind(connection: Connection, follower: str) -> int:
    """How many rows are committed that the follower has not seen."""
    table = telemetry_writes
    cursor = select(func.coalesce(func.max(followers.c.change), 0)).where(followers.c.follower == follower)
    query = select(func.coalesce(func.sum(table.c.rows), 0)).where(table.c.change > cursor.scalar_subquery())
    return int(connection.execute(query).scalar_one())


def forget_followed(connection: Connection) -> int:
    """Removes the entries that every follower has safely passed; how many."""
    passed = connection.execute(select(func.min(followers.c.safe))).scalar_one_or_none()
    if passed is None:
        return 0
    return connection.execute(delete(telemetry_writes).where(telemetry_writes.c.change <= passed)).rowcount
