"""Lanes in the store: how far each is known, read without a lock, folded and written under one.

Two workers may hold messages of one lane at the same time, so its row is locked only at the end of a transaction. Where
the other has meanwhile stored the *same* messages (a gateway sent again while the first was under way), the whole
transaction is to be done again: :class:`Raced`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from cloud_ingest.ingest.progress import Progress, Range
from cloud_ingest.store.bulk import upsert
from cloud_ingest.store.database import insert_new
from cloud_ingest.store.schema import lane_progress
from smokesentry.messages.topics import Address

LaneKey = tuple[Address, str, str]  # address, spool, lane
_Row = tuple[str, str, str]


class Raced(Exception):
    """Another worker committed some of the same messages in between; nothing is wrong, do the transaction again."""


def load(connection: Connection, keys: Iterable[LaneKey], *, lock: bool = False) -> dict[LaneKey, Progress]:
    """The progress of those lanes that have any. Locked rows are locked in one order by everybody."""
    wanted = {(address.gateway, spool, lane): (address, spool, lane) for address, spool, lane in keys}
    table = lane_progress
    query = select(table.c.gateway, table.c.spool, table.c.lane, table.c.contiguous, table.c.ranges).where(
        table.c.gateway.in_(sorted({gateway for gateway, _, _ in wanted}))
    )
    if lock:
        query = query.where(table.c.spool.in_(sorted({spool for _, spool, _ in wanted})))
        query = query.where(table.c.lane.in_(sorted({lane for _, _, lane in wanted})))
        query = query.order_by(table.c.gateway, table.c.spool, table.c.lane).with_for_update()
    found: dict[LaneKey, Progress] = {}
    for gateway, spool, lane, contiguous, ranges in connection.execute(query):
        key = wanted.get((gateway, spool, lane))
        if key is not None:
            found[key] = Progress(contiguous, tuple((first, last) for first, last in ranges))
    return found


def fold(
    connection: Connection,
    before: Mapping[LaneKey, Progress],
    held: Mapping[LaneKey, list[Range]],
    new: Mapping[LaneKey, list[Range]],
    now: str,
) -> dict[LaneKey, Progress]:
    """Writes what is held now; the answer may be acknowledged after the commit. ``held``: all that came, ``new``: what
    the transaction stores of it. Raises :class:`Raced`, and ``progress.TooManyGaps`` when two workers' holes add up."""
    current = dict(before)
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        empty = {"contiguous": 0, "ranges": [], "updated_at": now}
        fresh = sorted(
            (address.gateway, spool, lane) for address, spool, lane in held if (address, spool, lane) not in before
        )
        insert_new(
            connection, lane_progress, [{"gateway": g, "spool": s, "lane": lane, **empty} for g, s, lane in fresh]
        )
        current = load(connection, held, lock=True)
        for key, ranges in new.items():
            was, now_there = before.get(key, Progress()), current[key]
            if now_there != was and any(_meets(now_there, one) for one in ranges):
                raise Raced
    after = {key: current.get(key, Progress()).folded(ranges) for key, ranges in held.items()}
    rows = [
        {
            "gateway": address.gateway, "spool": spool, "lane": lane,
            "contiguous": progress.contiguous, "ranges": progress.ranges, "updated_at": now,
        }
        for (address, spool, lane), progress in after.items()
        if progress != before.get((address, spool, lane)) or progress != current.get((address, spool, lane))
    ]  # fmt: skip
    upsert(connection, lane_progress, rows)
    return after


def _meets(progress: Progress, one: Range) -> bool:
    first, last = one
    return first <= progress.contiguous or any(begin <= last and first <= end for begin, end in progress.ranges)
