"""Which records go when a spool has no room, or keeps them for too long. Inside the spool's own transactions."""

from __future__ import annotations

import sqlite3

from smokesentry.messages.records import Dropped

_FULL = "the gateway's spool was full; the oldest records of the least urgent lane were given up"
_OLD = "the cloud could not be reached for longer than this gateway keeps such records"
_COPIES_AT_ONCE = 200
_LOOK_AT = 5000


def forget_copies(db: sqlite3.Connection) -> int:
    """Deletes some records that the cloud holds, the longest acknowledged first; gives how many."""
    return db.execute(
        "DELETE FROM record WHERE rowid IN"
        " (SELECT rowid FROM record WHERE acked_ran_s IS NOT NULL ORDER BY acked_ran_s, rowid LIMIT ?)",
        (_COPIES_AT_ONCE,),
    ).rowcount


def drop_oldest(db: sqlite3.Connection, lanes: tuple[str, ...], excess: int) -> tuple[str, Dropped] | None:
    """Deletes the oldest unbroken run of the first lane that has one, a little more than ``excess`` bytes."""
    for lane in lanes:
        rows = db.execute(
            "SELECT seq, LENGTH(bytes) FROM record WHERE lane = ? AND acked_ran_s IS NULL AND announces = 0"
            " ORDER BY seq LIMIT ?",
            (lane, _LOOK_AT),
        ).fetchall()
        if not rows:
            continue
        first = last = int(rows[0][0])
        freed = 0
        for seq, size in rows:
            if seq > last + 1 or freed > excess * 1.05:
                break
            last, freed = int(seq), freed + int(size)
        _delete(db, lane, first, last)
        return lane, Dropped(first_seq=first, last_seq=last, cause=_FULL)
    return None


def drop_older(db: sqlite3.Connection, lane: str, stored_before_ran_s: float) -> list[Dropped]:
    """Deletes a lane's waiting records that were stored before a moment; one loss for each unbroken run."""
    rows = db.execute(
        "SELECT seq FROM record WHERE lane = ? AND acked_ran_s IS NULL AND announces = 0 AND stored_ran_s < ?"
        " ORDER BY seq",
        (lane, stored_before_ran_s),
    ).fetchall()
    losses: list[Dropped] = []
    for (seq,) in rows:
        if losses and seq == losses[-1].last_seq + 1:
            losses[-1] = Dropped(first_seq=losses[-1].first_seq, last_seq=seq, cause=_OLD)
        else:
            losses.append(Dropped(first_seq=seq, last_seq=seq, cause=_OLD))
    for loss in losses:
        _delete(db, lane, loss.first_seq, loss.last_seq)
    return losses


def _delete(db: sqlite3.Connection, lane: str, first: int, last: int) -> None:
    db.execute("DELETE FROM record WHERE lane = ? AND seq BETWEEN ? AND ?", (lane, first, last))
