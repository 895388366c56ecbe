"""What a nuisance is: a function of time that changes luminance pictures, exposure or aim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from simulator.filters import Picture
from simulator.happenings import Happening
from simulator.still import Still

_Made = TypeVar("_Made")


class Trouble(Protocol):
    """What an eye asks of everything that troubles it."""

    def change(self, picture: Picture, t: float) -> None:
        """Changes the picture (h, w, 1 or 3) in place."""
        ...

    def gain(self, t: float) -> float:
        """Factor on the camera's exposure."""
        ...

    def shift_px(self, t: float) -> tuple[float, float]:
        """How far the picture is moved."""
        ...


class Nuisance:
    """One thing that troubles a camera; this one does nothing. Asked twice for a moment, it does the same.

    ``t`` counts seconds from its beginning. ``event`` is the happening that it stands for, whose ``strength`` counts in
    the unit of its kind; without one everything is drawn from the seed. Lengths in pixels are those of a frame 1280
    wide, times :attr:`scale`.
    """

    def __init__(self, still: Still, seed: int, event: Happening | None = None) -> None:
        self.still, self._seed, self.event = still, seed, event
        self.strength = None if event is None else event.strength
        self.depth = still.view.depth_m
        self.height, self.width = still.view.depth_m.shape
        self.scale, self.sky = still.scale, still.lighting.sky
        self.typical = float(np.median(still.light))
        self._latest: tuple[float, Any] | None = None
        self.draw(self.dice(0))

    def draw(self, rng: np.random.Generator) -> None:
        """Draws what stays the same all night."""

    def change(self, picture: Picture, t: float) -> None:
        """See :class:`Trouble`."""

    def gain(self, t: float) -> float:
        """See :class:`Trouble`."""
        return 1.0

    def shift_px(self, t: float) -> tuple[float, float]:
        """See :class:`Trouble`."""
        return 0.0, 0.0

    def dice(self, *what: float) -> np.random.Generator:
        """Random numbers that belong to ``what`` (a moment, a number), the same whenever they are asked for."""
        return np.random.default_rng([self._seed, len(type(self).__name__), *(int(1000 * value) for value in what)])

    def once(self, t: float, make: Callable[[], _Made]) -> _Made:
        """What ``make`` gives for ``t``, made once: a frame is shown with its plumes and measured without them."""
        if self._latest is None or self._latest[0] != t:
            self._latest = t, make()
        made: _Made = self._latest[1]
        return made

    def strong(self, rng: np.random.Generator, low: float, high: float) -> float:
        """The stated strength, or one between ``low`` and ``high``, evenly on a logarithmic scale."""
        drawn = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        return drawn if self.strength is None else self.strength


@dataclass(frozen=True, slots=True)
class Spell:
    """A nuisance that lasts from ``t0_s`` to ``t1_s`` of the night."""

    nuisance: Nuisance
    t0_s: float
    t1_s: float

    def change(self, picture: Picture, t: float) -> None:
        """Nothing outside the spell."""
        if self.t0_s <= t < self.t1_s:
            self.nuisance.change(picture, t - self.t0_s)

    def gain(self, t: float) -> float:
        """1 outside the spell."""
        return self.nuisance.gain(t - self.t0_s) if self.t0_s <= t < self.t1_s else 1.0

    def shift_px(self, t: float) -> tuple[float, float]:
        """No shift outside the spell."""
        return self.nuisance.shift_px(t - self.t0_s) if self.t0_s <= t < self.t1_s else (0.0, 0.0)
