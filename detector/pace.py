"""How much time a frame stands for: too many frames are skipped, gaps are bounded, time that goes back is told."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

SAMPLE_S = 0.4  # frames nearer together than this are not needed
_MAX_DT_S = 2.0  # a longer gap counts as this much: the statistics then speak of frames, not seconds
_FIRST_DT_S = 0.5
_BACK_S = 1.0  # less is a jitter of time stamps


@dataclass(slots=True)
class Pace:
    """Follows the times of one camera's frames; counts what was odd."""

    counts: MutableMapping[str, int]
    last_t: float | None = None

    def step(self, t_s: float) -> tuple[float | None, float]:
        """Seconds since the frame used before, bounded (None: this frame is not needed), and by how much time went
        back (0 or negative)."""
        last, self.last_t = self.last_t, t_s
        if last is None:
            return _FIRST_DT_S, 0.0
        step = t_s - last
        if step < -_BACK_S:
            self._count("time_went_back")
            return _FIRST_DT_S, step
        if step < SAMPLE_S:
            self.last_t = last
            return None, 0.0
        if step > _MAX_DT_S:
            self._count("gaps")
        return min(step, _MAX_DT_S), 0.0

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
