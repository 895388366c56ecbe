"""Where short plumes have ended lately. A stove smokes for a quarter of an hour and then not for hours; a boiler's
thermostat lets it fire for a minute or two, again and again, out of one outlet all night. Each firing is a plume of its
own to the tracker, so what they have in common is kept here. Pure; an hour, and at most :data:`MOST` firings."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

KEPT_S = 3600.0
MOST = 128
SHORT_S = 300.0  # a lit or refuelled stove smokes for a quarter of an hour and longer
_SAME_CELLS = 4.0


@dataclass(frozen=True, slots=True)
class Firing:
    """One short plume that is over; place in cells of the heat map, times in seconds."""

    x: float
    y: float
    started_s: float
    ended_s: float


@dataclass(slots=True)
class Firings:
    """One camera's short plumes of the last hour."""

    _ended: deque[Firing] = field(default_factory=lambda: deque(maxlen=MOST))

    def note(self, x: float, y: float, started_s: float, ended_s: float) -> None:
        """A plume is over. One that lasted counts for nothing."""
        if 0 <= ended_s - started_s <= SHORT_S:
            self._ended.append(Firing(x, y, started_s, ended_s))

    def before(self, x: float, y: float, started_s: float) -> tuple[int, float | None]:
        """How many short plumes ended at this place within the hour before ``started_s``, and the mean time from one
        beginning to the next, this one's included; 0 and None without any."""
        here = sorted(
            firing.started_s
            for firing in self._ended
            if math.hypot(firing.x - x, firing.y - y) < _SAME_CELLS and 0 <= started_s - firing.ended_s < KEPT_S
        )
        return (len(here), (started_s - here[0]) / len(here)) if here else (0, None)

    def shift(self, by_s: float) -> None:
        """The clock was set by so many seconds."""
        moved = [Firing(f.x, f.y, f.started_s + by_s, f.ended_s + by_s) for f in self._ended]
        self._ended.clear()
        self._ended.extend(moved)
