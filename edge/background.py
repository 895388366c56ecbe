"""A sensor's rise against its own background: the running low of half an hour, and the noise about it. Pure."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field

_BIN_S = 5.0
_WINDOW_S = 1800.0
_RECENT_BINS = 3
LEAST_HISTORY_S = 60.0
_SIGMAS = 4.0
STALE_S = 30.0


@dataclass(frozen=True, slots=True)
class Rise:
    """A quantity now against its background, in its unit; ``counts`` when it stands out of the background's noise."""

    now: float
    background: float
    noise: float
    counts: bool

    @property
    def rise(self) -> float:
        """How far now lies above the background."""
        return self.now - self.background


@dataclass(slots=True)
class Background:
    """One sensor's running background: medians over 5 s, half an hour of them, of which the lowest fifth speaks.

    A low percentile keeps a stove that burns for a quarter of an hour from becoming the background. ``least_rise``:
    below it the sensor's own flicker would count.
    """

    least_rise: float
    _bins: deque[tuple[float, float]] = field(default_factory=deque)
    _filling: list[float] = field(default_factory=list)
    _bin_from_s: float | None = None

    def add(self, t_s: float, value: float) -> None:
        """One valid reading at monotonic ``t_s``."""
        if self._bin_from_s is None or t_s < self._bin_from_s:
            self._bin_from_s = t_s
        if t_s - self._bin_from_s >= _BIN_S and self._filling:
            self._bins.append((self._bin_from_s, statistics.median(self._filling)))
            self._filling = []
            self._bin_from_s = t_s
            while self._bins and self._bins[0][0] < t_s - _WINDOW_S:
                self._bins.popleft()
        self._filling.append(value)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever given."""
        return not self._bins and not self._filling

    @property
    def known_s(self) -> float:
        """How much background lies behind the recent readings, in seconds."""
        return max(0, len(self._bins) - _RECENT_BINS) * _BIN_S

    def rise(self, t_s: float) -> Rise | None:
        """The rise at ``t_s``; None while the background is too short or the sensor has fallen silent."""
        if self.known_s < LEAST_HISTORY_S or t_s - self._bins[-1][0] > STALE_S:
            return None
        values = [value for _, value in self._bins]
        before, recent = values[:-_RECENT_BINS], values[-_RECENT_BINS:]
        ordered = sorted(before)
        background = ordered[len(ordered) // 5]
        middle = statistics.median(before)
        # Only what lies at or below the median tells the noise: what lies above may be an earlier plume.
        noise = 1.4826 * statistics.median(middle - value for value in ordered if value <= middle)
        if background <= 0:  # so clean that zero cuts off the noise below; the quarter above the median tells it then
            noise = max(noise, 1.4826 * (ordered[3 * len(ordered) // 4] - middle))
        now = statistics.median(recent)
        counts = now - background >= max(self.least_rise, _SIGMAS * noise)
        return Rise(now, background, noise, counts)
