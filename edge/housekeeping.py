"""What has to be done now and then: telemetry and health records, room in the spool, the status file."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edge.clockwatch import WatchedClock
from edge.files import write_whole
from edge.reserve import Reserve
from edge.spool import Spool
from edge.spool_file import SpoolError
from edge.telemetry import Interval
from smokesentry.clock import Stamp
from smokesentry.messages.records import Body, Dropped, Health

_log = logging.getLogger("edge.housekeeping")
STATUS_FILE = "status.json"
_ROUND_S = 1.0
_STATUS_EVERY_S = 5.0
_SPOOL_EVERY_S = 30.0
_RELIEF_EVERY_S = 5.0
_RELIEF_SHARE, _RELIEF_LEAST_BYTES = 0.1, 500_000


@dataclass(slots=True)
class Housekeeping:
    """Runs by :meth:`run`. ``health_of`` builds the health record, ``more_status`` what only the status file says."""

    clock: WatchedClock
    spool: Spool
    folder: Path
    telemetry_interval_s: float
    health_interval_s: float
    spool_max_bytes: int
    keep_acknowledged_s: float
    keep_waiting_s: float
    intervals: dict[str, Interval]
    put: Callable[[str, Body, Stamp], None]
    disk_refuses: Callable[[], bool]
    health_of: Callable[[], Health]
    more_status: Callable[[], dict[str, object]]
    reserve: Reserve
    notice: Callable[[str], None] = _log.warning
    also: list[Callable[[float], None]] = field(default_factory=list)  # done with each status, told the time since
    _status_at_s: float = field(default_factory=time.monotonic)
    _tidied: Stamp = field(init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _health_wanted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._tidied = self.clock.now()

    def ask_health(self) -> None:
        """A health record at the next round, whatever the interval says."""
        self._health_wanted.set()

    def guard(self) -> threading.Lock:
        """Held while a reading is added to ``intervals``."""
        return self._guard

    def run(self, stop: threading.Event) -> None:
        """One round a second until ``stop`` is set."""
        now_s = time.monotonic()
        due = {
            "telemetry": now_s + self.telemetry_interval_s,
            "health": now_s,
            "status": now_s,
            "spool": now_s,
            "relief": now_s,
        }
        every = {
            "telemetry": self.telemetry_interval_s,
            "health": self.health_interval_s,
            "status": _STATUS_EVERY_S,
            "spool": _SPOOL_EVERY_S,
            "relief": _RELIEF_EVERY_S,
        }
        work = {
            "telemetry": self.close_intervals,
            "health": self._tell_health,
            "status": self._watch,
            "spool": self._tidy_spool,
            "relief": self._relieve_disk,
        }
        while not stop.is_set():
            if self._health_wanted.is_set():
                self._health_wanted.clear()
                due["health"] = time.monotonic()
            for name, task in work.items():
                if time.monotonic() >= due[name]:
                    due[name] = max(due[name] + every[name], time.monotonic())
                    task()
            self._health_wanted.wait(_ROUND_S)

    def finish(self) -> None:
        """What is told last, when all loops have ended."""
        self.close_intervals()
        self._tell_clock()

    def close_intervals(self) -> None:
        """Puts one telemetry record a sensor."""
        now = self.clock.now()
        for interval in self.intervals.values():
            with self._guard:
                record = interval.close(now)
            if record is not None:
                self.put("telemetry", record, now)

    def _tell_clock(self) -> None:
        """Corrections of the times that a jumping or wrong clock has stamped, and a word on each jump."""
        now = self.clock.now()
        jumped, fixes = self.clock.news()
        for step_s in jumped:
            way = "forward" if step_s > 0 else "back"
            self.notice(f"the wall clock jumped {way} by {abs(step_s):.1f} s")
        for fix in fixes:
            self.put("health", fix, now)

    def _tell_health(self) -> None:
        self._tell_clock()
        self.put("health", self.health_of(), self.clock.now())

    def _watch(self) -> None:
        elapsed_s, self._status_at_s = time.monotonic() - self._status_at_s, time.monotonic()
        for task in self.also:
            task(elapsed_s)
        self._write_status()

    def status(self) -> dict[str, Any]:
        """How everything is now: what the status file, the page and the metrics show."""
        now = self.clock.now().captured_at
        return {"written_at": now, "health": msgspec.to_builtins(self.health_of()), **self.more_status()}

    def _write_status(self) -> None:
        """Replaced as a whole, so that no reader sees half of it; not forced to the card, for it tells only of now."""
        status = self.status()
        target = self.folder / STATUS_FILE
        text = json.dumps(status, ensure_ascii=False, indent=1)
        try:
            write_whole(target, text.encode(), durable=False, mode=0o644)
        except OSError as error:
            _log.warning("%s: cannot be written (%s)", target, error.strerror)

    def _tidy_spool(self) -> None:
        now = self.clock.now()
        try:
            self.spool.grow_older((now.mono_ns - self._tidied.mono_ns) / 1e9)
            self._tidied = now
            self.spool.forget(self.keep_acknowledged_s)
            losses = self.spool.give_up_old(self.keep_waiting_s, now, self.clock.boot_id, self.clock.state())
            losses += self.spool.make_room(self.spool_max_bytes, now, self.clock.boot_id, self.clock.state())
        except SpoolError as error:
            _log.warning("the spool could not be tidied: %s", error)
            return
        self._say(losses)
        if not self.disk_refuses() and not self.reserve.is_held and self.reserve.hold():
            self.spool.settle(may_grow=True)

    def _relieve_disk(self) -> None:
        """The disk takes nothing: gives up the reserve and the oldest tenth of what is not a detection."""
        if not self.disk_refuses():
            return
        self.reserve.release()
        now = self.clock.now()
        try:
            self.spool.settle(may_grow=True)
            used = self.spool.used_bytes()
            enough = used - max(_RELIEF_LEAST_BYTES, int(used * _RELIEF_SHARE))
            clock = self.clock.state()
            losses = self.spool.make_room(max(0, enough), now, self.clock.boot_id, clock, spare_detections=True)
            # From now on within the room it has: a file that has to grow on a full disk could not even shrink again.
            self.spool.settle(may_grow=False)
        except SpoolError as error:
            _log.warning("no room could be made: %s", error)
            return
        self._say(losses)

    def _say(self, losses: list[Dropped]) -> None:
        for loss in losses:
            _log.warning("for want of room records %d to %d of one lane were given up", loss.first_seq, loss.last_seq)
