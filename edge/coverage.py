"""How long each camera was to watch in a night and how long it could judge: kept over restarts, reported in health."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from edge.files import write_whole
from smokesentry.messages.records import Coverage

_log = logging.getLogger("edge.coverage")
FILE_NAME = "coverage.json"
_KEEP_NIGHTS = 14
_REPORT_NIGHTS = 2
_MOST_CAUSES = 12
_LONGEST_STEP_S = 5.0  # a longer gap between two looks is nobody's coverage


@dataclass(slots=True)
class CoverageBook:
    """Counts seconds. :meth:`note` from any thread; :meth:`save` now and then."""

    _rows: dict[tuple[str, str], Coverage] = field(default_factory=dict)  # (night, camera)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, camera: str, night: date, step_s: float, cause: str | None) -> None:
        """``step_s`` seconds in which the camera was to watch: judged when ``cause`` is None, else why it was not."""
        if step_s <= 0:
            return
        lost_s = max(0.0, step_s - _LONGEST_STEP_S)
        step_s -= lost_s
        key = (night.isoformat(), camera)
        with self._guard:
            row = self._rows.get(key) or Coverage(camera=camera, night=key[0], scheduled_s=0.0, judged_s=0.0, causes={})
            causes = dict(row.causes)
            for seconds, why in ((step_s, cause), (lost_s, "nobody looked")):
                if seconds > 0 and why is not None:
                    why = why[:80] if why[:80] in causes or len(causes) < _MOST_CAUSES else "other"
                    causes[why] = causes.get(why, 0.0) + seconds
            self._rows[key] = Coverage(
                camera=camera,
                night=key[0],
                scheduled_s=row.scheduled_s + step_s + lost_s,
                judged_s=row.judged_s + (step_s if cause is None else 0.0),
                causes=causes,
            )

    def report(self) -> list[Coverage]:
        """The newest nights of every camera, rounded to seconds."""
        with self._guard:
            nights = sorted({night for night, _ in self._rows})[-_REPORT_NIGHTS:]
            return [_rounded(row) for (night, _), row in sorted(self._rows.items()) if night in nights]

    def save(self, folder: Path) -> None:
        """Replaces the file as a whole; a disk that refuses loses coverage figures, nothing else."""
        with self._guard:
            for night in sorted({night for night, _ in self._rows})[:-_KEEP_NIGHTS]:
                self._rows = {key: row for key, row in self._rows.items() if key[0] != night}
            data = msgspec.json.encode([_rounded(row) for row in self._rows.values()])
        try:
            write_whole(folder / FILE_NAME, data, durable=False)
        except OSError as error:
            _log.warning("%s: cannot be written (%s)", folder / FILE_NAME, error.strerror)


def load_coverage(folder: Path) -> CoverageBook:
    """What an earlier process counted; a damaged file begins anew."""
    try:
        rows = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=list[Coverage])
    except (OSError, msgspec.DecodeError):
        return CoverageBook()
    return CoverageBook({(row.night, row.camera): row for row in rows})


def _rounded(row: Coverage) -> Coverage:
    return Coverage(
        camera=row.camera,
        night=row.night,
        scheduled_s=round(row.scheduled_s),
        judged_s=round(row.judged_s),
        causes={cause: round(seconds) for cause, seconds in row.causes.items()},
    )
