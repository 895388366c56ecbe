"""One outlet's plume in front of one camera, at any time of a night: the fluid's columns as optical depth."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, pi, sqrt

import cv2
import numpy as np

from simulator.draughts import Mouth, Regime
from simulator.filters import Picture
from simulator.fluid import ENTRAINMENT, Sheet
from simulator.outlets import Outlet
from simulator.pinhole import Pinhole
from simulator.steam import DROPLET_EXTINCTION_M2_G, FlueGas, clears_at, droplet_table
from simulator.weather import Wind
from smokesentry.weather import Weather

#: How long before a picture the air is set in motion, so that a plume is there when somebody looks.
RUN_UP_S = 20.0
#: The longest step, seconds. Semi-Lagrangian steps are stable whatever their length; longer ones would lose eddies.
STEP_S = 0.5
_GONE_S = 25.0  # after this long nothing is left of what came out
_ACROSS = 1.6  # mean chord of a round plume, in radii
_CELL_PX, _LEAST_CELL_M = 1.4, 0.07
_CELLS, _FEWEST = (112, 176), 0.4  # of a sheet, and the least share of them in each direction
_OUTLIVES = 2.0  # droplets in a plume's core are still there at so many times the dilution at which the mean has none


class Plume:
    """Follows one outlet. Asked for a time far from the last one, it begins anew :data:`RUN_UP_S` before it."""

    def __init__(self, outlet: Outlet, camera: Pinhole, seed: int) -> None:
        self.outlet, self._camera, self._seed = outlet, camera, seed
        self.sheet: Sheet | None = None
        self._t = -np.inf
        self._last_out = -np.inf

    def to(self, t: float, wind: Wind, regime: Regime, weather: Weather) -> None:
        """Moves the plume on to ``t``; ``sheet`` is None while nothing has come out for long."""
        if not self._t <= t <= self._t + RUN_UP_S:
            self.sheet, self._t, self._last_out = None, t - RUN_UP_S, -np.inf
        steps = ceil((t - self._t) / STEP_S - 1e-6)
        began = self._t
        for step in range(steps):
            self._step(began + (step + 1) / steps * (t - began), wind, regime, weather)
        if self.sheet is not None and self._t - self._last_out > _GONE_S:
            self.sheet = None

    def _step(self, to: float, wind: Wind, regime: Regime, weather: Weather) -> None:
        gas = self.outlet.gas_m3_s(self._t)
        if gas > 0:
            self._last_out = self._t
            if self.sheet is None:
                self.sheet = self._new_sheet(wind, regime, weather)
        if self.sheet is not None:
            where = None if self.outlet.where is None else self.outlet.where(self._t)
            extinction = self.outlet.extinction_m2_s(self._t) if gas > 0 else 0.0
            self.sheet.step(self._t, to - self._t, gas, extinction, where)
        self._t = to

    def cell_m(self, mouth: Mouth) -> float:
        """Width of a cell: a little more than a pixel, but no wider than the plume at its mouth is."""
        away = float(np.hypot(*(np.array(mouth.place) - np.array(self._camera.place))[:2]))
        return max(_CELL_PX * away / self._camera.focal_px, _LEAST_CELL_M, mouth.radius_m / 2.5)

    def _new_sheet(self, wind: Wind, regime: Regime, weather: Weather) -> Sheet:
        mouth = self.outlet.mouth
        if self.outlet.where is not None:
            mouth = replace(mouth, place=self.outlet.where(self._t))
        cell_m = self.cell_m(mouth)
        cells = self._cells(mouth, cell_m, wind.speed(self._t), weather)
        return Sheet(mouth, self._camera.place, wind, regime, cell_m, cells, self._seed, self._t)

    def _cells(self, mouth: Mouth, cell_m: float, wind_m_s: float, weather: Weather) -> tuple[int, int]:
        """Rows and columns: steam that is soon gone needs no more air than it shows in."""
        if self.outlet.wet is None:
            return _CELLS
        diluted = _OUTLIVES * clears_at(self.outlet.wet, *_rounded(weather))
        radius_m = sqrt(diluted * mouth.flow_m3_s / (pi * max(0.7 * wind_m_s, 0.4)))
        reach_m = 1.2 * max(radius_m - mouth.radius_m, 0.0) / ENTRAINMENT + 0.5
        share = min(max(reach_m / (0.66 * _CELLS[0] * cell_m), _FEWEST), 1.0)
        return 4 * ceil(share * _CELLS[0] / 4), 4 * ceil(share * _CELLS[1] / 4)

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
    liquid = np.interp(share, *droplet_table(gas, *_rounded(weather)))
    depth[there] = liquid * columns[there] / share * DROPLET_EXTINCTION_M2_G
    return np.asarray(cv2.blur(depth, (3, 3)), np.float32)


def _rounded(weather: Weather) -> tuple[float, float]:
    """Temperature and humidity as steam tables are kept: the same for minutes of a night."""
    return round(weather.temp_c or 0.0, 2), round(weather.rh_percent or 50.0, 1)
