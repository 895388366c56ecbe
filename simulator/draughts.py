"""What carries a plume from outside: the night's wind, the lee of the house below it, eddies of tens of metres."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np

from simulator.pinhole import Floats
from simulator.weather import Wind

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Regime:
    """How the night's air mixes: ``turbulence`` scales eddies, ``looping`` adds large slow ones up and down.

    ``calm`` air (0.3) lets a plume lie flat and thin over the roofs; 1 is an ordinary winter night; looping ones have
    eddies of tens of metres.
    """

    turbulence: float = 1.0
    looping: float = 0.0

    @classmethod
    def drawn(cls, seed: int) -> Regime:
        """A quarter of the nights is calm, a quarter looping."""
        rng = np.random.default_rng([seed, 0xF1])
        kind = rng.random()
        if kind < 0.25:
            return cls(float(rng.uniform(0.2, 0.45)))
        return cls(float(rng.uniform(0.7, 1.3)), float(rng.uniform(0.2, 0.5)) if kind > 0.75 else 0.0)


@dataclass(frozen=True, slots=True)
class Mouth:
    """Where gas leaves: metres east, north, up; ``out`` is its direction, ``warm_k`` its excess temperature.

    ``shelter_m`` is the height of the house that it stands on, whose lee draws the plume down; 0 where there is none.
    """

    place: Point
    out: Point
    exit_m_s: float
    radius_m: float
    warm_k: float
    shelter_m: float = 0.0

    @property
    def flow_m3_s(self) -> float:
        """Volume that leaves each second."""
        return float(np.pi * self.radius_m**2 * self.exit_m_s)


@dataclass(frozen=True, slots=True, eq=False)
class Draughts:
    """The air about one mouth. ``mean`` is the wind (m/s, 3) of the minutes to come, ``phases`` three random angles."""

    mouth: Mouth
    wind: Wind
    regime: Regime
    mean: Floats
    phases: Floats

    def at(self, places: Floats, t: float) -> Floats:
        """Velocity (n, 3; m/s east, north, up) at ``places`` (n, 3)."""
        steady = self.wind.steady(t)
        found = steady + self.regime.turbulence * self.wind.swirls(places, t)
        speed = hypot(steady[0], steady[1])
        if self.mouth.shelter_m > 0 and speed >= 0.3:
            found[:, 2] += self._behind_house(places, steady, speed, t)
        if self.regime.looping > 0:
            found[:, 2] += self._loop(places, t)
        return np.asarray(found)

    def _behind_house(self, places: Floats, steady: Floats, speed: float, t: float) -> Floats:
        """Downdraught (m/s) in the lee of the house, which sheds its eddies at a Strouhal number of 0.2."""
        tall = self.mouth.shelter_m
        from_mouth = places - np.array(self.mouth.place)
        lee = (from_mouth @ steady) / (speed * 1.5 * tall)
        height = np.exp(-((from_mouth[:, 2] / (0.5 * tall)) ** 2))
        shed = 0.6 + 0.7 * np.sin(2 * np.pi * 0.2 * speed / tall * t + self.phases[0])
        inside = np.where((lee > 0) & (lee < 1), np.sin(np.pi * np.clip(lee, 0, 1)), 0.0)
        # a plume that leaves fast enough jumps over the wake (Briggs' tip downwash ends at exit = 1.5 x wind)
        caught = min(max(1.5 - self.mouth.exit_m_s / speed, 0.15), 1.0)
        return np.asarray(-0.3 * speed * caught * shed * inside * height)

    def _loop(self, places: Floats, t: float) -> Floats:
        """Large eddies that carry the whole plume up and down, and travel with the wind."""
        speed = hypot(self.mean[0], self.mean[1])
        along = places @ (self.mean / max(speed, 0.3)) - speed * t
        waves = np.sin(2 * np.pi * along[:, None] / np.array([9.0, 17.0, 31.0]) + self.phases)
        return np.asarray(self.regime.looping * (0.3 + 0.5 * speed) * waves.mean(axis=1) * 1.5)
