"""What can be seen in a scene: lines of sight marched over a raster of tops, and where a plume first shows.

Written for judging: it shares nothing with the product's skyline.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lab.geotag.layouts import Array, Ground, House

_CELL_M = 0.4
_STEP_M = 0.5
#: Above the mouth, where a plume is looked for from below; higher up it is too thin.
RISES_M = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0])


class Sight:
    """Lines of sight in one scene."""

    def __init__(self, houses: Sequence[House], ground: Ground) -> None:
        self._ground = ground
        corners = np.array([np.array(house.polygon.exterior.coords)[:4] for house in houses])
        self._west, self._south = corners.min(axis=(0, 1))
        columns, rows = np.ceil((corners.max(axis=(0, 1)) - (self._west, self._south)) / _CELL_M).astype(int)
        self._house = np.full((rows, columns), -1, np.int64)
        for number, plan in enumerate(corners):
            self._draw(number, plan)
        base = np.array([float(ground.at(*np.array(house.polygon.centroid.coords[0]))) for house in houses])
        self.base = base  # of each house
        self._tops = np.append(base + [house.hides_m for house in houses], -np.inf)  # the last: no house

    def _draw(self, number: int, plan: Array) -> None:
        """Marks the cells of one rectangular house."""
        low = np.floor((plan.min(axis=0) - (self._west, self._south)) / _CELL_M).astype(int)
        high = np.ceil((plan.max(axis=0) - (self._west, self._south)) / _CELL_M).astype(int)
        x = self._west + (np.arange(low[0], high[0]) + 0.5) * _CELL_M - plan[0, 0]
        y = self._south + (np.arange(low[1], high[1]) + 0.5) * _CELL_M - plan[0, 1]
        inside = np.ones((len(y), len(x)), bool)
        for side in (plan[1] - plan[0], plan[3] - plan[0]):
            share = (side[0] * x[None] + side[1] * y[:, None]) / (side @ side)
            inside &= (share >= 0) & (share <= 1)
        cells = self._house[low[1] : high[1], low[0] : high[0]]
        cells[inside[: cells.shape[0], : cells.shape[1]]] = number

    def clear(self, eye: Array, points: Array, own: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each point (N, 3) is in sight of ``eye`` (3,); ``own`` (N,) are the houses they belong to."""
        reach = float(np.hypot(*(points[:, :2] - eye[:2]).T).max())
        start = self._free_until(float(eye[2]), float(points[:, 2].min()))
        shares = np.linspace(start, 1, max(8, int((1 - start) * reach / _STEP_M)))[1:-1]
        clear = np.ones(len(points), bool)
        for some in np.array_split(np.arange(len(points)), max(1, len(points) * len(shares) // 2_000_000)):
            x, y, z = (eye[axis] + shares * (points[some, axis, None] - eye[axis]) for axis in range(3))
            house = self._house_at(x, y)
            house = np.where(house == own[some, None], -1, house)
            hidden = (z < self._tops[house]) | (z < self._ground.at(x, y) - 0.1)
            clear[some] = ~hidden.any(axis=1)
        return clear

    def _free_until(self, eye: float, lowest: float) -> float:
        """The share of the way from which on a line to points no lower than ``lowest`` may pass below a roof's top."""
        highest = float(self._tops[:-1].max())
        return (
            max(0.0, (eye - highest) / (eye - lowest)) if self._ground == Ground() and eye > highest > lowest else 0.0
        )

    def first_seen(self, eye: Array, mouths: Array, drift: Array, own: NDArray[np.int64]) -> Array:
        """Where each plume first shows: (N, 3), NaN where it never does. ``drift`` (N, 2): metres a metre of rise."""
        rise = np.concatenate([drift, np.ones((len(mouths), 1))], axis=1)
        found = np.where(self.clear(eye, mouths, own)[:, None], mouths, np.nan)
        rest = np.flatnonzero(np.isnan(found[:, 0]))
        if len(rest):
            points = mouths[rest, None] + RISES_M[None, :, None] * rise[rest, None]
            clear = self.clear(eye, points.reshape(-1, 3), np.repeat(own[rest], len(RISES_M))).reshape(len(rest), -1)
            first = points[np.arange(len(rest)), clear.argmax(axis=1)]
            found[rest] = np.where(np.asarray(clear.any(axis=1))[:, None], first, np.nan)
        return found

    def house_under(self, x: float, y: float) -> int:
        """The house at a place, -1 for none."""
        return int(self._house_at(np.array([x]), np.array([y]))[0])

    def top_of(self, house: int) -> float:
        """Height of a house's top in the scene's metres; minus infinity for -1."""
        return float(self._tops[house])

    def _house_at(self, x: Array, y: Array) -> NDArray[np.int64]:
        column = np.floor((x - self._west) / _CELL_M).astype(np.int64)
        row = np.floor((y - self._south) / _CELL_M).astype(np.int64)
        rows, columns = self._house.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return np.where(inside, self._house[np.where(inside, row, 0), np.where(inside, column, 0)], -1)
