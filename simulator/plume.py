"""One outlet's plume in front of one camera, at any time of a night: the fluid's columns as optical depth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from simulator.filters import Picture
from simulator.fluid import STEP_S, Mouth, Regime, Sheet
from simulator.outlets import Outlet
from simulator.pinhole import Pinhole
from simulator.steam import DROPLET_EXTINCTION_M2_G, FlueGas, liquid_g_m3
from simulator.weather import Wind
from smokesentry.weather import Weather

#: How long before a picture the air is set in motion, so that a plume is there when somebody looks.
RUN_UP_S = 20.0
_GONE_S = 25.0  # after this long nothing is left of what came out
_ACROSS = 1.6  # mean chord of a round plume, in radii
_CELL_PX, _LEAST_CELL_M = 1.4, 0.07


class Plume:
    """Follows one outlet. Asked for a time far from the last one, it begins anew :data:`RUN_UP_S` before it."""

    def __init__(self, outlet: Outlet, camera: Pinhole, seed: int) -> None:
        self.outlet, self._camera, self._seed = outlet, camera, seed
        self.sheet: Sheet | None = None
        self._t = -np.inf
        self._last_out = -np.inf

    def to(self, t: float, wind: Wind, regime: Regime) -> None:
        """Moves the plume on to ``t``; ``sheet`` is None while nothing has come out for long."""
        if not self._t <= t <= self._t + RUN_UP_S:
            self.sheet, self._t, self._last_out = None, t - RUN_UP_S, -np.inf
        steps = round((t - self._t) / STEP_S)
        for _ in range(steps):
            self._step(wind, regime)
        if self.sheet is not None and self._t - self._last_out > _GONE_S:
            self.sheet = None

    def _step(self, wind: Wind, regime: Regime) -> None:
        gas = self.outlet.gas_m3_s(self._t)
        if gas > 0:
            self._last_out = self._t
            if self.sheet is None:
                self.sheet = self._new_sheet(wind, regime)
        if self.sheet is not None:
            where = None if self.outlet.where is None else self.outlet.where(self._t)
            self.sheet.step(self._t, STEP_S, gas, self.outlet.extinction_m2_s(self._t) if gas > 0 else 0.0, where)
        self._t += STEP_S

    def cell_m(self, mouth: Mouth) -> float:
        """Width of a cell: a little more than a pixel, but no wider than the plume at its mouth is."""
        away = float(np.hypot(*(np.array(mouth.place) - np.array(self._camera.place))[:2]))
        return max(_CELL_PX * away / self._camera.focal_px, _LEAST_CELL_M, mouth.radius_m / 2.5)

    def _new_sheet(self, wind: Wind, regime: Regime) -> Sheet:
        mouth = self.outlet.mouth
        if self.outlet.where is not None:
            mouth = replace(mouth, place=self.outlet.where(self._t))
        return Sheet(mouth, self._camera.place, wind, regime, self.cell_m(mouth), seed=self._seed, t=self._t)

    def optical_depth(self, weather: Weather) -> Picture:
        """Optical depth of every column of the sheet (h, w)."""
        assert self.sheet is not None
        if self.outlet.wet is None:
            return self.sheet.stuff[..., 1]
        return droplets(self.sheet, self.outlet.wet, weather)


def droplets(sheet: Sheet, gas: FlueGas, weather: Weather) -> Picture:
    """Optical depth of the droplets that are left at each column's dilution (mixing line)."""
    columns = sheet.stuff[..., 0]
    there = columns > 1e-5
    depth = np.zeros(columns.shape, np.float32)
    if not there.any():
        return depth
    thick = _ACROSS * np.clip(sheet.stuff[..., 3][there] / columns[there], sheet.mouth.radius_m, 8.0)
    share = np.clip(columns[there] / thick, 1e-6, 0.98)
    wet = liquid_g_m3(gas, weather.temp_c or 0.0, weather.rh_percent or 50.0, 1 / share - 1)
    depth[there] = wet * columns[there] / share * DROPLET_EXTINCTION_M2_G
    return np.asarray(cv2.blur(depth, (3, 3)), np.float32)
