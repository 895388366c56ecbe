"""The durable spool: every record is on disk before it is sent and leaves only on the cloud's verified acknowledgement.

One SQLite file in WAL mode with ``synchronous=FULL``: a commit is on the medium when it returns. Numbers count from 1
per lane and never come back; the bytes that are stored are the bytes that are sent. Acknowledged detections stay for
some days so that a restored cloud can ask again. The spool reads no clock: times come with the facts, and age is
counted in seconds of running (:meth:`Spool.grow_older`), which no jump of a clock can change.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from edge.facts import Fact
from edge.room import drop_older, drop_oldest, forget_copies
from edge.spool_file import FILE_NAME, SpoolDamaged, finish_setting_aside, open_file, set_aside, trouble
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.records import LANES, Detection, Dropped

#: When space runs out the records of these lanes go in this order; see :meth:`Spool.make_room`.
_GIVEN_UP_FIRST = ("telemetry", "health", "evidence", "detection")
_RAN = "ran_s"
_MOST_PAGES = 1 << 30


class Spool:
    """One gateway's store of records. Every method may be called from any thread; each is one transaction."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._broken = False  # set aside, and no new file yet
        self._open()

    def _open(self) -> None:
        finish_setting_aside(self.path.parent)
        self._db = open_file(self.path)
        with self._commits():
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('spool_id', ?)", (secrets.token_hex(8),))
            self._db.executemany("INSERT OR IGNORE INTO lane VALUES (?, 0)", [(lane,) for lane in LANES])
        self._broken = False
        self.spool_id = str(self._one("SELECT value FROM meta WHERE key = 'spool_id'"))
        self._ran_s = float(self._counter(_RAN))

    def begin_anew(self, unix_s: float) -> None:
        """Sets a file that turned out to be damaged aside and opens a new one, under a new id. Raises
        :class:`SpoolError` when the disk does not take a new one either; it can be tried again."""
        with self._lock:
            self._db.close()
            if self._broken:  # since an earlier try; the damaged file is out of the way, unless the disk refused that
                with suppress(SpoolDamaged):
                    self._open()
                    return
            self._broken = True
            set_aside(self.path.parent, unix_s)
            self._open()

    def close(self) -> None:
        """Closes the file; what was stored stays."""
        with self._lock:
            self._db.close()

    # -- writing ---------------------------------------------------------------------------------------------------

    def append(self, facts: Iterable[Fact], counters: Mapping[str, int] | None = None) -> list[int]:
        """Stores facts durably, all or none, and gives their numbers. Detections keep the table of open events current
        in the same commit, which keeps ``counters``, too (:meth:`set_counter`). Raises :class:`SpoolError` when the
        disk does not take them, :class:`Unfit` for a fact that the wire forbids."""
        with self._lock, self._transaction():
            for name, value in (counters or {}).items():
                self._keep_counter(name, value)
            return [self._insert(fact) for fact in facts]

    def _insert(self, fact: Fact) -> int:
        seq = int(self._one("SELECT last_seq FROM lane WHERE name = ?", fact.lane)) + 1
        raw = fact.encode(seq)
        announces = int(isinstance(fact.body, Dropped))
        self._db.execute(
            "INSERT INTO record (lane, seq, stored_ran_s, announces, bytes) VALUES (?, ?, ?, ?, ?)",
            (fact.lane, seq, int(self._ran_s), announces, raw),
        )
        self._db.execute("UPDATE lane SET last_seq = ? WHERE name = ?", (seq, fact.lane))
        if isinstance(fact.body, Detection):
            self._note_event(fact.body)
        return seq

    def _note_event(self, detection: Detection) -> None:
        if detection.phase == "end":
            self._db.execute("DELETE FROM open_event WHERE detection_id = ?", (detection.detection_id,))
            return
        self._db.execute(
            "INSERT INTO open_event VALUES (?, ?, ?) ON CONFLICT (detection_id) DO UPDATE SET bytes = excluded.bytes",
            (detection.detection_id, detection.camera, msgspec.json.encode(detection)),
        )

    def acknowledge(self, lane: str, contiguous: int, ranges: list[tuple[int, int]]) -> int:
        """Applies an acknowledgement that the caller has verified; gives how many records it settled.

        Detections are kept and marked, the others are deleted. Raises ``ValueError`` for numbers never given.
        """
        closed = [(1, contiguous), *ranges]
        with self._lock, self._transaction():
            last = int(self._one("SELECT last_seq FROM lane WHERE name = ?", lane))
            beyond = max(high for _, high in closed)
            if beyond > last:
                raise ValueError(f"acknowledges {lane}/{beyond}, but this spool has given numbers only up to {last}")
            return sum(self._settle(lane, low, high) for low, high in closed)

    def _settle(self, lane: str, low: int, high: int) -> int:
        where = "WHERE lane = ? AND acked_ran_s IS NULL AND seq BETWEEN ? AND ?"
        if lane == "detection":
            done = self._db.execute(f"UPDATE record SET acked_ran_s = ? {where}", (int(self._ran_s), lane, low, high))
        else:
            done = self._db.execute(f"DELETE FROM record {where}", (lane, low, high))
        return done.rowcount

    def resend(self, lane: str, from_seq: int, to_seq: int) -> int:
        """Makes kept acknowledged records wait for sending again; gives how many there were."""
        with self._lock, self._transaction():
            return self._db.execute(
                "UPDATE record SET acked_ran_s = NULL"
                " WHERE lane = ? AND acked_ran_s IS NOT NULL AND seq BETWEEN ? AND ?",
                (lane, from_seq, to_seq),
            ).rowcount

    def grow_older(self, elapsed_s: float) -> None:
        """Counts time that the gateway has run (monotonic seconds); the time without power is not counted."""
        with self._lock:
            ran_s = self._ran_s + elapsed_s
            with self._transaction():
                self._keep_counter(_RAN, int(ran_s))
            self._ran_s = ran_s  # only now: what the disk refuses is told again, with the time since

    def forget(self, older_than_s: float) -> int:
        """Deletes records that were acknowledged more than so many seconds of running ago; gives how many."""
        with self._lock, self._transaction():
            done = self._db.execute("DELETE FROM record WHERE acked_ran_s <= ?", (self._ran_s - older_than_s,))
            return done.rowcount

    def give_up_old(self, older_than_s: float, stamp: Stamp, boot_id: str, clock: ClockState) -> list[Dropped]:
        """Telemetry and health that have waited for more than so many seconds of running go, each loss announced in the
        same commit. Detections and evidence wait for as long as there is room."""
        losses: list[Dropped] = []
        for lane in ("telemetry", "health"):
            with self._lock, self._transaction():
                dropped = drop_older(self._db, lane, self._ran_s - older_than_s)
                for loss in dropped:
                    self._insert(Fact(lane, loss, stamp, boot_id, clock))
            losses += dropped
        return losses

    def make_room(
        self, max_bytes: int, stamp: Stamp, boot_id: str, clock: ClockState, *, spare_detections: bool = False
    ) -> list[Dropped]:
        """Brings the content below ``max_bytes``: first copies that the cloud holds, then the oldest telemetry, and
        detections last or not at all. Each loss is announced by a ``Dropped`` record in the same commit."""
        lanes = _GIVEN_UP_FIRST[:-1] if spare_detections else _GIVEN_UP_FIRST
        losses: list[Dropped] = []
        while (excess := self.used_bytes() - max_bytes) > 0:
            with self._lock, self._transaction():
                if forget_copies(self._db):
                    continue
                loss = drop_oldest(self._db, lanes, excess)
                if loss is None:
                    break
                lane, dropped = loss
                self._insert(Fact(lane, dropped, stamp, boot_id, clock))
            losses.append(dropped)
        return losses

    def settle(self, *, may_grow: bool) -> None:
        """Moves what the write-ahead log holds into the file and cuts the log off. A file that may not grow takes new
        records only into pages that others have left."""
        try:
            with self._lock:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                # Never below what the file has: 1 means "as it is now".
                self._db.execute(f"PRAGMA max_page_count = {_MOST_PAGES if may_grow else 1}").fetchall()
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error

    def set_counter(self, name: str, value: int) -> None:
        """Keeps a number across restarts (the last command's counter)."""
        with self._lock, self._transaction():
            self._keep_counter(name, value)

    def _keep_counter(self, name: str, value: int) -> None:
        self._db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (f"counter:{name}", str(value)),
        )

    # -- reading ---------------------------------------------------------------------------------------------------

    def counter(self, name: str) -> int:
        """A number kept by :meth:`set_counter`; 0 if never set."""
        with self._lock:
            return self._counter(name)

    def _counter(self, name: str) -> int:
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (f"counter:{name}",)).fetchone()
        return int(found[0]) if found else 0

    def waiting(self, lane: str, after_seq: int, limit: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """The next records that wait for the cloud, ascending; ``max_bytes`` holds unless the first alone is larger."""
        chosen: list[tuple[int, bytes]] = []
        size = 0
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, bytes FROM record WHERE lane = ? AND acked_ran_s IS NULL AND seq > ? ORDER BY seq LIMIT ?",
                (lane, after_seq, limit),
            )
            for seq, raw in rows:
                size += len(raw)
                if chosen and size > max_bytes:
                    break
                chosen.append((int(seq), bytes(raw)))
            rows.close()
        return chosen

    def still_waiting(self, lane: str, seqs: list[int]) -> list[tuple[int, bytes]]:
        """Those of some records that the cloud has not acknowledged yet."""
        marks = ",".join("?" * len(seqs))
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, bytes FROM record WHERE lane = ? AND acked_ran_s IS NULL"
                f" AND seq IN ({marks}) ORDER BY seq",
                (lane, *seqs),
            ).fetchall()
        return [(int(seq), bytes(raw)) for seq, raw in rows]

    def depth(self) -> dict[str, int]:
        """How many records of each lane wait for the cloud."""
        with self._lock:
            rows = self._db.execute(
                "SELECT lane, COUNT(*) FROM record WHERE acked_ran_s IS NULL GROUP BY lane"
            ).fetchall()
        return dict.fromkeys(LANES, 0) | {str(lane): int(count) for lane, count in rows}

    def last_seq(self, lane: str) -> int:
        """The newest number given in a lane; 0 before the first."""
        with self._lock:
            return int(self._one("SELECT last_seq FROM lane WHERE name = ?", lane))

    def open_events(self, camera: str) -> list[Detection]:
        """Detections of a camera that were open when the process last stored something."""
        with self._lock:
            rows = self._db.execute("SELECT bytes FROM open_event WHERE camera = ?", (camera,)).fetchall()
        return [msgspec.json.decode(row[0], type=Detection) for row in rows]

    def cameras_with_open_events(self) -> list[str]:
        """Cameras for which :meth:`open_events` has something."""
        with self._lock:
            return [str(row[0]) for row in self._db.execute("SELECT DISTINCT camera FROM open_event ORDER BY camera")]

    def used_bytes(self) -> int:
        """Bytes of the pages in use, the freed ones not counted."""
        with self._lock:
            pages = int(self._one("PRAGMA page_count")) - int(self._one("PRAGMA freelist_count"))
            return pages * int(self._one("PRAGMA page_size"))

    def _one(self, statement: str, *values: Any) -> Any:
        return self._db.execute(statement, values).fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._broken:
            raise SpoolDamaged(f"{self.path}: was set aside as damaged and no new one could be begun")
        with self._commits():
            yield

    @contextmanager
    def _commits(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._commit()
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error

    def _commit(self) -> None:
        try:
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
