"""What can still be read of a damaged spool: its waiting records become facts again, for a new spool to number."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec

from edge.facts import Fact, Unfit
from edge.reserve import Reserve
from edge.spool import Spool
from edge.spool_file import SpoolDamaged, SpoolError, mark_read, set_aside, unread
from smokesentry.clock import Stamp, from_wire
from smokesentry.messages.records import LANES, Dropped, decode_record

#: Where a page cannot be read, rows are passed over one by one, and in strides once that has not helped for long.
_PATIENCE, _STRIDE, _MOST_BROKEN = 500, 64, 5000
#: A damaged file is read once for the detections, which must be safe first, and once for everything else.
_PASSES = {"detection": LANES[:1], "rest": LANES[1:]}
_AT_ONCE = 200


def open_spool(folder: Path, unix_s: float) -> tuple[Spool, str | None]:
    """The spool and, where a damaged one had to be set aside (now, or by a process that died before it had saved its
    records), a sentence about it: nobody can climb up to repair it.

    Raises ``SpoolError`` when the disk takes no spool at all.
    """
    try:
        spool = _open(folder)
    except SpoolDamaged:
        set_aside(folder, unix_s)
        spool = _open(folder)
    return spool, rescue_unread(spool)


def _open(folder: Path) -> Spool:
    """On a disk that is full even opening needs room (the log's index): then the reserve is given up for it."""
    try:
        return Spool(folder)
    except SpoolDamaged:
        raise
    except SpoolError:
        Reserve(folder).release()
        return Spool(folder)


def rescue(source: Path, into: Spool) -> None:
    """Stores every readable waiting record of another spool's file anew, detections first, all or none.

    A record keeps its own time, boot and clock. The numbers are the new spool's: the cloud knows a detection by its id
    and revision, so one that had arrived before is not told twice.
    """
    into.append(sorted(readable(source), key=lambda fact: LANES.index(fact.lane)))


def rescue_unread(spool: Spool) -> str | None:
    """Saves the waiting records of every damaged file that lies beside the spool and was not read to its end yet; says
    what came of it, if there was one."""
    return "; ".join(_rescue_damaged(kept, spool) for kept in unread(spool.path.parent)) or None


def _rescue_damaged(kept: Path, into: Spool) -> str:
    """Like :func:`rescue`, in small commits, each of which says how far the file has been read: whenever this is cut
    off, even again and again (systemd waits 90 seconds for a start), the next one goes on and no record waits twice."""
    began = "the spool was damaged and a new one begun"
    saved = 0
    try:
        for name, lanes in _PASSES.items():
            mark = f"rescue:{kept.name}:{name}"
            rows = _read(kept, into.counter(mark), lanes)
            while some := list(islice(rows, _AT_ONCE)):
                saved += len(into.append((fact for _, fact in some), {mark: some[-1][0]}))
        return f"{began}: {saved} waiting records were saved, the old file is kept as {mark_read(kept).name}"
    except (SpoolError, Unfit, sqlite3.Error) as error:
        return f"{began}: {saved} waiting records were saved; the next start tries the rest of {kept.name} ({error})"


def readable(damaged: Path) -> Iterator[Fact]:
    """The waiting records of a file whose pages may be torn, by ascending row."""
    return (fact for _, fact in _read(damaged, 0, LANES))


def _read(damaged: Path, row: int, lanes: Container[object]) -> Iterator[tuple[int, Fact]]:
    """The waiting records of some lanes with their rows, all above ``row``."""
    with closing(sqlite3.connect(damaged, isolation_level=None)) as db:
        broken = 0  # tries in a row that hit an unreadable page
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
            fact = _fact(found[1], found[2]) if found[1] in lanes else None
            if fact is not None:
                yield row, fact


def _fact(lane: object, raw: object) -> Fact | None:
    if not isinstance(raw, bytes):
        return None
    try:
        record = decode_record(raw)
        if isinstance(record.body, Dropped):
            return None  # speaks of the old file's numbers
        stamp = Stamp(from_wire(record.captured_at).timestamp(), record.mono_ns)
        fact = Fact(str(lane), record.body, stamp, record.boot_id, record.clock)
        fact.encode(record.seq)  # one that does not fit must not hold back the others
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return fact
