"""A plume as puffs that the wind carries, air thins and buoyancy lifts; each a round cloud with a top-hat radius.

Growth follows the domain's near field: radius = mouth radius + 0.11 x path. Rise follows Briggs' bent-over plume,
1.6 F^(1/3) x^(2/3) / u, differentiated in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulator.pinhole import Floats
from simulator.weather import Wind

ENTRAINMENT = 0.11
PUFFS_A_SECOND = 14.0
_CROWDED_M = 0.7
_GONE_M = 2.6  # radius beyond which a puff is too thin to see


def _none(*shape: int) -> Floats:
    return np.zeros((0, *shape))


@dataclass(slots=True)
class Puffs:
    """The living puffs of one outlet: place (n, 3), age, path, ``load`` (what it carries) and a texture number each."""

    mouth: tuple[float, float, float]
    out: tuple[float, float, float]  # direction of leaving
    exit_m_s: float
    radius_m: float
    warm_k: float  # excess temperature at the mouth
    rng: np.random.Generator
    place: Floats = field(default_factory=lambda: _none(3))
    age_s: Floats = field(default_factory=_none)
    path_m: Floats = field(default_factory=_none)
    load: Floats = field(default_factory=_none)
    texture: Floats = field(default_factory=_none)
    share: Floats = field(default_factory=_none)  # how many puffs' load it carries
    _due: float = 0.0

    @property
    def radii(self) -> Floats:
        """Top-hat radius of each puff, metres."""
        return self.radius_m + ENTRAINMENT * self.path_m

    def step(self, t: float, dt: float, wind: Wind, load_rate: float) -> None:
        """Moves everything on by ``dt`` and lets out ``load_rate`` (a second) as new puffs."""
        self._emit(dt, load_rate)
        if not len(self.age_s):
            return
        velocity = self._velocity(wind, t)
        self.place = self.place + velocity * dt
        self.path_m = self.path_m + np.linalg.norm(velocity, axis=1) * dt
        self.age_s = self.age_s + dt
        self._thin_out()

    def _thin_out(self) -> None:
        """Lets go of puffs too thin to see; where they overlap many times over, one of two carries both loads."""
        radii = self.radii
        crowded = (radii > _CROWDED_M) & (self.share < 2)
        self.load[crowded] *= 2
        self.share[crowded] = 2
        keep = (radii < _GONE_M) & ~(crowded & (self.texture < 0.5))
        if not keep.all():
            for name in ("place", "age_s", "path_m", "load", "texture", "share"):
                setattr(self, name, getattr(self, name)[keep])

    def _velocity(self, wind: Wind, t: float) -> Floats:
        air = wind.at(self.place, t)
        taken = 1 - np.exp(-self.age_s / 0.35)
        jet = np.exp(-self.age_s / 0.5)
        flux = 9.81 * self.exit_m_s * self.radius_m**2 * self.warm_k / (273 + self.warm_k)
        speed = max(wind.speed(t), 0.3)
        lift = 1.07 * (flux / speed) ** (1 / 3) * (self.age_s + 0.3) ** (-1 / 3)
        velocity = air * taken[:, None] + self.exit_m_s * jet[:, None] * np.array(self.out)
        velocity[:, 2] += lift * taken
        return np.asarray(velocity)

    def _emit(self, dt: float, load_rate: float) -> None:
        self._due += dt * PUFFS_A_SECOND
        count = int(self._due)
        self._due -= count
        if load_rate <= 0 or not count:
            return
        ages = (np.arange(count) + self.rng.random(count)) / count * dt
        spread = self.rng.normal(0, 0.2 * self.radius_m, (count, 3))
        start = np.array(self.mouth) + spread + ages[:, None] * self.exit_m_s * np.array(self.out)
        uneven = self.rng.lognormal(-0.06, 0.35, count)
        self.place = np.concatenate([self.place, start])
        self.age_s = np.concatenate([self.age_s, ages])
        self.path_m = np.concatenate([self.path_m, ages * self.exit_m_s])
        self.load = np.concatenate([self.load, load_rate / PUFFS_A_SECOND * uneven])
        self.texture = np.concatenate([self.texture, self.rng.random(count)])
        self.share = np.concatenate([self.share, np.ones(count)])
