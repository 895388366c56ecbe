"""What can still be read of a damaged spool: its waiting records become facts again, for a new spool to number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from edge.facts import Fact
from edge.reserve import Reserve
from edge.spool import Spool
from edge.spool_file import SpoolDamaged, SpoolError, set_aside
from smokesentry.clock import Stamp, from_wire
from smokesentry.messages.records import LANES, Dropped, decode_record

#: Where a page cannot be read, rows are passed over one by one, and in strides once that has not helped for long.
_PATIENCE, _STRIDE, _MOST_BROKEN = 500, 64, 5000


def open_spool(folder: Path, unix_s: float) -> tuple[Spool, str | None]:
    """The spool and, where a damaged one had to be set aside, a sentence about it: nobody can climb up to repair it.

    Raises ``SpoolError`` when the disk takes no spool at all.
    """
    try:
        return _open(folder), None
    except SpoolDamaged:
        kept = set_aside(folder, unix_s)
        spool = Spool(folder)
        return spool, rescue(kept, spool)


def _open(folder: Path) -> Spool:
    """On a disk that is full even opening needs room (the log's index): then the reserve is given up for it."""
    try:
        return Spool(folder)
    except SpoolDamaged:
        raise
    except SpoolError:
        Reserve(folder).release()
        return Spool(folder)


def rescue(damaged: Path, into: Spool) -> str:
    """Stores every readable waiting record of a damaged file anew, detections first; says what came of it.

    A record keeps its own time, boot and clock. The numbers are the new spool's: the cloud knows a detection by its id
    and revision, so one that had arrived before is not told twice.
    """
    facts = sorted(readable(damaged), key=lambda fact: LANES.index(fact.lane))
    into.append(facts)
    saved = f"{len(facts)} waiting records were saved"
    return f"the spool was damaged and a new one begun: {saved}, the old file is kept as {damaged.name}"


def readable(damaged: Path) -> Iterator[Fact]:
    """The waiting records of a file whose pages may be torn, by ascending row."""
    with closing(sqlite3.connect(damaged, isolation_level=None)) as db:
        row, broken = 0, 0  # broken: tries in a row that hit an unreadable page
        while broken < _MOST_BROKEN:
            try:
                found = db.execute(
                    "SELECT rowid, lane, bytes FROM record NOT INDEXED WHERE rowid > ? AND acked_ran_s IS NULL"
                    " ORDER BY rowid LIMIT 1",
                    (row,),
                ).fetchone()
            except sqlite3.DatabaseError:
                row, broken = row + (1 if broken < _PATIENCE else _STRIDE), broken + 1
                continue
            broken = 0
            if found is None:
                return
            row = int(found[0])
            fact = _fact(found[1], found[2])
            if fact is not None:
                yield fact


def _fact(lane: object, raw: object) -> Fact | None:
    if not isinstance(raw, bytes) or lane not in LANES:
        return None
    try:
        record = decode_record(raw)
    except (msgspec.DecodeError, ValueError):
        return None
    if isinstance(record.body, Dropped):
        return None  # speaks of the old file's numbers
    stamp = Stamp(from_wire(record.captured_at).timestamp(), record.mono_ns)
    return Fact(str(lane), record.body, stamp, record.boot_id, record.clock)
