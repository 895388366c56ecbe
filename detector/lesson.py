"""Hour by hour: what a quiet hour taught goes into the site's memory, and what the memory says goes to the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from detector.memory import SiteMemory

_CLOSE = 0.5  # of the threshold: a score above it was close to an alarm


@runtime_checkable
class Taught(Protocol):
    """What is asked of a detector; ``detector.pipeline.Detector`` is the real one."""

    threshold: float

    def stirred(self) -> NDArray[np.float32]:
        """The highest score in each cell since this was last asked."""

    def raise_at(self, factors: NDArray[np.float32] | None) -> None:
        """By how much scores must exceed the threshold in each cell."""


@dataclass(slots=True)
class Lesson:
    """One camera's hours. ``chimneys`` are its known chimneys in shares of width and height."""

    memory: SiteMemory
    chimneys: tuple[tuple[float, float], ...] = ()
    _now: tuple[int, int] | None = None
    _quiet: bool = True

    def at(self, detector: Taught, night: int, hour: int, *, eventful: bool) -> bool:
        """Call with every frame: ``night`` is the evening as days since 1970-01-01 (the hours after midnight belong to
        the evening before), ``hour`` local 0-23; ``eventful``: something is open, or the camera cannot judge. True when
        the memory changed and its file should be written."""
        self._quiet = self._quiet and not eventful
        if self._now == (night, hour):
            return False
        before, self._now = self._now, (night, hour)
        stirred = detector.stirred()
        learned = False
        if before is not None and self._quiet:
            learned = True
            self.memory.note_quiet(stirred, _CLOSE * detector.threshold, before[1], before[0], self.chimneys)
        self._quiet = not eventful
        detector.raise_at(self.memory.factors(hour, night, detector.threshold))
        return learned

    def visited(self, detector: Taught) -> None:
        """After :meth:`SiteMemory.note_visit`: the answer counts at once, not from the next hour on."""
        if self._now is not None:
            night, hour = self._now
            detector.raise_at(self.memory.factors(hour, night, detector.threshold))
