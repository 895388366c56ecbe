"""What one camera has learned about its own place, in a file that a person can read: taught hour by hour."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from detector.lesson import Lesson, Taught
from detector.memory import MemoryDamaged, SiteMemory, from_toml, to_toml
from edge.files import write_whole
from smokesentry.clock import Stamp, from_unix

_log = logging.getLogger("edge.site_memory")
_LEAST_YEAR = 2025  # a clock that shows less has never been set: its hours teach nothing
_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class SiteSchool:
    """One camera's. A damaged file is said, and the camera learns anew."""

    path: Path
    zone: ZoneInfo
    _lesson: Lesson | None = None
    _memory: SiteMemory = field(default_factory=SiteMemory)

    def begin(self, chimneys: tuple[tuple[float, float], ...]) -> None:
        """A fresh detector; ``chimneys`` in shares of width and height."""
        if self._lesson is None:
            self._memory = self._read()
        self._lesson = Lesson(self._memory, chimneys)

    def look(self, detector: Taught, stamp: Stamp, *, eventful: bool) -> None:
        """With every frame; it acts when the hour turns."""
        local = from_unix(stamp.unix_s).astimezone(self.zone)
        if self._lesson is None or local.year < _LEAST_YEAR:
            return
        evening = (local - timedelta(hours=12)).date()
        if self._lesson.at(detector, (evening - _EPOCH).days, local.hour, eventful=eventful):
            self._write()

    def _read(self) -> SiteMemory:
        try:
            return from_toml(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return SiteMemory()
        except (MemoryDamaged, OSError, UnicodeDecodeError) as error:
            _log.warning("%s: %s; the camera learns anew", self.path, error)
            return SiteMemory()

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, to_toml(self._memory).encode(), durable=False)
        except OSError as error:
            _log.warning("%s: cannot be written (%s)", self.path, error.strerror)
