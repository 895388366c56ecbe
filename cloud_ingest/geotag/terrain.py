"""Heights of the ground: a regular grid in WGS-84 degrees, looked up between its samples. Pure.

Only differences count (roof against lens), so any vertical datum will do as long as it is one. A surface model that
contains the buildings' own heights is the wrong file: roofs would stand on roofs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """Ground heights in metres, rows from north to south, columns from west to east; NaN where nothing is known.

    ``west`` and ``north`` are the longitude and latitude of the *first sample itself* (``heights_m[0, 0]``), in degrees
    of WGS-84; where a file gives the outer corner of its first cell, as most GeoTIFFs do, that is half a step further
    in. ``step_lon`` and ``step_lat`` are degrees between samples, both positive. Raises ``ValueError`` for a grid that
    is none.
    """

    heights_m: NDArray[np.float32]
    west: float
    north: float
    step_lon: float
    step_lat: float

    def __post_init__(self) -> None:
        if self.heights_m.ndim != 2 or min(self.heights_m.shape) < 2:
            raise ValueError(f"a terrain needs 2 x 2 samples or more, not {self.heights_m.shape}")
        if not (self.step_lon > 0 and self.step_lat > 0):
            raise ValueError(f"a terrain's steps are {self.step_lon} x {self.step_lat} degrees; both must be positive")
        if not (-180 <= self.west <= self.east <= 180 and -90 <= self.south <= self.north <= 90):
            raise ValueError(
                f"the terrain reaches from {self.west}, {self.south} to {self.east}, {self.north}: "
                "not longitude, latitude in degrees"
            )

    @property
    def east(self) -> float:
        """Longitude of the last column."""
        return float(self.west + (self.heights_m.shape[1] - 1) * self.step_lon)

    @property
    def south(self) -> float:
        """Latitude of the last row."""
        return float(self.north - (self.heights_m.shape[0] - 1) * self.step_lat)

    def height_at(self, lat: float, lon: float) -> float:
        """Metres, between the four samples around the place; NaN outside of the grid and beside samples without one."""
        return float(self.heights_at(np.array([lat]), np.array([lon]))[0])

    def heights_at(self, lat: Array, lon: Array) -> Array:
        """:meth:`height_at` of many places, (N,) each."""
        rows, columns = self.heights_m.shape
        down = (self.north - np.asarray(lat, np.float64)) / self.step_lat
        right = (np.asarray(lon, np.float64) - self.west) / self.step_lon
        inside = (down >= -1e-9) & (down <= rows - 1 + 1e-9) & (right >= -1e-9) & (right <= columns - 1 + 1e-9)
        down, right = np.where(inside, down, 0.0).clip(0, rows - 1), np.where(inside, right, 0.0).clip(0, columns - 1)
        row, column = np.minimum(down.astype(int), rows - 2), np.minimum(right.astype(int), columns - 2)
        y, x = down - row, right - column
        found = np.zeros(len(down))
        for next_row, next_column, share in (
            (0, 0, (1 - y) * (1 - x)),
            (0, 1, (1 - y) * x),
            (1, 0, y * (1 - x)),
            (1, 1, y * x),
        ):
            # A sample that has no share in the place must not spoil it by being unknown.
            sample = self.heights_m[row + next_row, column + next_column].astype(np.float64)
            found += np.where(share > 1e-9, share * sample, 0.0)
        return np.asarray(np.where(inside, found, np.nan))
