"""Flames of fires in the open and embers of stalls (5, 9, 11, 26): a flickering light at the foot of the smoke.

How much burns follows from the particles let out (grams a kilogram of fuel), its heat from that. Height by Heskestad's
formula; a candle's 12 mcd a watt (80 W, one candela) are the ground of the luminous intensity, of which a large fire
with its own smoke before it shows two thirds. Glowing charcoal gives hardly any visible light and much near-infrared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np

from simulator.emissions import envelope
from simulator.filters import Picture
from simulator.happenings import Happening, Kind
from simulator.nuisances.base import Nuisance
from simulator.nuisances.lights import glow_at
from simulator.raster import GROUND

_KW_M2 = 500.0  # heat from a square metre of burning straw or wood
_FLICKER, _LEAST_CD = 0.3, 0.05
_LIT_M, _LIT_SHARE = 2.5, 0.004  # what a fire lights about it, as a lamp of as many candela does
_HIDDEN_M = 1.0  # a surface so much nearer hides the fire itself, and not its light


@dataclass(frozen=True, slots=True)
class Burning:
    """Grams of fine particles and megajoules a kilogram; candela a watt, and by how much 850 nm is stronger."""

    grams_kg: float
    mj_kg: float
    cd_w: float
    infrared: float


_STRAW = Burning(10.0, 15.0, 0.008, 8.0)
_BURNING: Mapping[Kind, Burning] = {
    "open_burning": _STRAW, "paper_burning": _STRAW, "big_fire": Burning(30.0, 30.0, 0.004, 8.0),
    "barbecue": Burning(10.0, 30.0, 0.0003, 20.0),
}  # fmt: skip


class Flames(Nuisance):
    """One fire; ``strength`` is its particles in g/h. Chimney fires and boilers burn inside: no flame."""

    def draw(self, rng: np.random.Generator) -> None:
        """Where it burns, how large it is."""
        self._grams_h = self.strong(rng, 50, 1500)
        camera = self.still.view.camera
        self._x, self._y, self._away = 0.0, 0.0, -1.0
        self._fuel = _STRAW
        if self.event is not None and self.event.place is not None:
            self._fuel = _BURNING[self.event.kind]
            pixels, away = camera.project(np.array([self.event.place]))
            self._x, self._y, self._away = float(pixels[0][0]), float(pixels[0][1]), float(away[0])
        else:
            rows, columns = np.nonzero((self.still.view.face == GROUND)[::4, ::4])
            if len(rows):
                index = int(rng.integers(len(rows)))
                self._x, self._y = float(4 * columns[index]), float(4 * rows[index])
                self._away = float(self.depth[int(self._y), int(self._x)])
        inside = 0 <= self._x < self.width and 0 <= self._y < self.height
        self._seen = inside and self.depth[int(self._y), int(self._x)] > self._away - _HIDDEN_M

    def change(self, picture: Picture, t: float) -> None:
        """Body and tip of the flame, and what they light."""
        if self._away < 3:
            return
        strong = 1.0 if self.event is None else float(envelope(self.event, np.array([t + self.event.t0_s]))[0])
        heat_kw = strong * self._grams_h / self._fuel.grams_kg * self._fuel.mj_kg / 3.6
        dice = self.dice(t, 29)
        candela = 1000 * heat_kw * self._fuel.cd_w * float(dice.lognormal(0, _FLICKER))
        if self.still.lighting.own is not None:
            candela *= self._fuel.infrared
        if candela < _LEAST_CD:
            return
        per_m = self.still.view.camera.focal_px / self._away
        wide_m = max(sqrt(4 * heat_kw / (pi * _KW_M2)), 0.1)
        tall_m = max(0.235 * heat_kw**0.4 - 1.02 * wide_m, 0.1) * float(dice.lognormal(0, _FLICKER))
        if self._seen:
            bright, lean = candela / (wide_m * (wide_m + tall_m)), float(dice.normal(0, 0.15)) * tall_m
            for up, share in ((0.25, 0.5), (0.7, 0.3)):
                radius = max(share * wide_m * per_m, 0.6)
                glow_at(picture, self._x + up * lean * per_m, self._y - up * tall_m * per_m, radius, bright)
        glow_at(picture, self._x, self._y, _LIT_M * per_m, _LIT_SHARE * candela)


def flames_of(event: Happening) -> bool:
    """Whether a happening shows flames or embers."""
    return event.kind in _BURNING and (event.kind != "big_fire" or event.detail == "tyre")
