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
from simulator.raster import GROUND, SKY

_KW_M2 = 500.0  # heat from a square metre of burning straw or wood
_FLICKER, _LEAST_CD = 0.3, 0.05
_GROUND_ALBEDO, _WALL_ALBEDO = 0.14, 0.3
_NEAREST_M, _FARTHEST_M = 0.7, 60.0  # of the surfaces that a fire lights
_GLARE = ((0.012, 6.0), (0.006, 24.0), (0.004, 88.0))  # light that the lens spreads, and how far: pixels of 1280
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
        self._lights = self._lights_up() if self._away >= 3 else np.zeros((1, 1, 1), np.float32)

    def _lights_up(self) -> Picture:
        """Luminance (h, w, 1) of each surface for a candela of the fire: Lambert and inverse square, without shadows.

        Which way a surface faces is seen by its neighbours in the picture.
        """
        camera, view = self.still.view.camera, self.still.view
        ray = camera.rays()[min(max(int(self._y), 0), self.height - 1), min(max(int(self._x), 0), self.width - 1)]
        if self.event is not None and self.event.place is not None:
            place = np.array(self.event.place, np.float32)
        else:
            place = np.asarray(np.array(camera.place) + self._away * ray, np.float32)
        place = place + np.array([0, 0, 0.7], np.float32)  # light comes from half the flame's height
        seen = view.place
        down, across = np.gradient(seen, axis=0), np.gradient(seen, axis=1)
        facing = np.cross(down, across)
        facing /= np.maximum(np.sqrt((facing**2).sum(axis=2, keepdims=True)), 1e-9)
        facing *= -np.sign((facing * (seen - np.array(camera.place, np.float32))).sum(axis=2, keepdims=True))
        to = seen - place
        away = np.maximum(np.sqrt((to**2).sum(axis=2)), _NEAREST_M)
        cosine = np.clip(-(to * facing).sum(axis=2) / away, 0, None)
        light = np.where(view.face == GROUND, _GROUND_ALBEDO, _WALL_ALBEDO) * cosine / (np.pi * away**2)
        light[(view.face == SKY) | (away > _FARTHEST_M)] = 0
        return np.asarray(light, np.float32)[..., None]

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
        picture += np.float32(candela) * self._lights
        if not self._seen:
            return
        lean = float(dice.normal(0, 0.15)) * tall_m
        for up, share in ((0.25, 0.45), (0.7, 0.25)):
            radius = max(share * wide_m * per_m, 0.5)
            bright = 0.5 * candela / (2 * pi * (radius / per_m) ** 2)
            x, y = self._x + up * lean * per_m, self._y - up * tall_m * per_m
            _blob(picture, x, y, radius, bright)
            for lost, spread in _GLARE:
                wide = spread * self.scale + radius
                _blob(picture, x, y, wide, lost * bright * (radius / wide) ** 2)


def _blob(picture: Picture, x: float, y: float, sigma_px: float, bright: float) -> None:
    """Adds a round light in place, as far as it is worth anything."""
    reach = int(4 * sigma_px + 2)
    rows = slice(max(int(y) - reach, 0), max(int(y) + reach + 1, 0))
    columns = slice(max(int(x) - reach, 0), max(int(x) + reach + 1, 0))
    part = picture[rows, columns]
    down = np.arange(rows.start, rows.start + part.shape[0], dtype=np.float32) - np.float32(y)
    across = np.arange(columns.start, columns.start + part.shape[1], dtype=np.float32) - np.float32(x)
    fall = np.float32(-0.5 / sigma_px**2)
    part += (np.float32(bright) * np.exp(fall * down**2)[:, None] * np.exp(fall * across**2))[..., None]


def flames_of(event: Happening) -> bool:
    """Whether a happening shows flames or embers."""
    return event.kind in _BURNING and (event.kind != "big_fire" or event.detail == "tyre")
