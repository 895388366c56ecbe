"""What has to be done now and then: telemetry and health records, room in the spool, the status file, the watchdog."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.notify import notify
from edge.spool import Spool, SpoolError
from edge.telemetry import Interval
from smokesentry.clock import Stamp, SystemClock
from smokesentry.messages.records import Body, Health

_log = logging.getLogger("edge.housekeeping")
STATUS_FILE = "status.json"
_ROUND_S = 1.0
_STATUS_EVERY_S = 5.0
_SPOOL_EVERY_S = 30.0


@dataclass(slots=True)
class Housekeeping:
    """Runs by :meth:`run`. ``health_of`` builds the health record, ``more_status`` what only the status file says."""

    clock: SystemClock
    spool: Spool
    folder: Path
    telemetry_interval_s: float
    health_interval_s: float
    spool_max_bytes: int
    keep_acknowledged_s: float
    intervals: dict[str, Interval]
    put: Callable[[str, Body, Stamp], None]
    health_of: Callable[[], Health]
    more_status: Callable[[], dict[str, object]]
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _health_wanted: threading.Event = field(default_factory=threading.Event)

    def ask_health(self) -> None:
        """A health record at the next round, whatever the interval says."""
        self._health_wanted.set()

    def guard(self) -> threading.Lock:
        """Held while a reading is added to ``intervals``."""
        return self._guard

    def run(self, stop: threading.Event) -> None:
        """One round a second until ``stop`` is set."""
        now_s = time.monotonic()
        due = {"telemetry": now_s + self.telemetry_interval_s, "health": now_s, "status": now_s, "spool": now_s}
        every = {
            "telemetry": self.telemetry_interval_s,
            "health": self.health_interval_s,
            "status": _STATUS_EVERY_S,
            "spool": _SPOOL_EVERY_S,
        }
        work = {
            "telemetry": self.close_intervals,
            "health": self._tell_health,
            "status": self._write_status,
            "spool": self._tidy_spool,
        }
        while not stop.is_set():
            if self._health_wanted.is_set():
                self._health_wanted.clear()
                due["health"] = time.monotonic()
            for name, task in work.items():
                if time.monotonic() >= due[name]:
                    due[name] = max(due[name] + every[name], time.monotonic())
                    task()
            notify("WATCHDOG=1")
            self._health_wanted.wait(_ROUND_S)

    def close_intervals(self) -> None:
        """Puts one telemetry record a sensor."""
        now = self.clock.now()
        for interval in self.intervals.values():
            with self._guard:
                record = interval.close(now)
            if record is not None:
                self.put("telemetry", record, now)

    def _tell_health(self) -> None:
        self.put("health", self.health_of(), self.clock.now())

    def _write_status(self) -> None:
        """Replaced as a whole, so that no reader sees half of it; not forced to the card, for it tells only of now."""
        status = {
            "written_at": self.clock.now().captured_at,
            "health": msgspec.to_builtins(self.health_of()),
            **self.more_status(),
        }
        target = self.folder / STATUS_FILE
        fresh = target.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(status, ensure_ascii=False, indent=1), encoding="utf-8")
            fresh.replace(target)
        except OSError as error:
            _log.warning("%s: cannot be written (%s)", target, error.strerror)

    def _tidy_spool(self) -> None:
        now = self.clock.now()
        try:
            self.spool.forget(now.unix_s - self.keep_acknowledged_s)
            losses = self.spool.make_room(self.spool_max_bytes, now, self.clock.boot_id, self.clock.state())
        except SpoolError as error:
            _log.warning("the spool could not be tidied: %s", error)
            return
        for loss in losses:
            _log.warning("the spool is full: gave up records %d to %d", loss.first_seq, loss.last_seq)
