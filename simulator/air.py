"""Particulates downwind of a stove: a Gaussian plume with ground reflection and Briggs' curves (Pasquill classes D-F).

Ten-minute means, no building wake, no deposition; checked against the domain's plume table.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, hypot, pi, radians, sin
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Stability = Literal["D", "E", "F"]
Terrain = Literal["urban", "rural"]
#: Winds below this count as this: Gaussian plumes know no calm.
LEAST_WIND_M_S = 0.5


def spreads(x_m: Array | float, stability: Stability, terrain: Terrain) -> tuple[Array, Array]:
    """Sideways and vertical standard deviation (m) of the plume ``x_m`` downwind (Briggs 1973)."""
    x = np.asarray(x_m, dtype=np.float64)
    if terrain == "urban":
        if stability == "D":
            return 0.16 * x / np.sqrt(1 + 0.0004 * x), 0.14 * x / np.sqrt(1 + 0.0003 * x)
        return 0.11 * x / np.sqrt(1 + 0.0004 * x), 0.08 * x / np.sqrt(1 + 0.0015 * x)
    sideways = {"D": 0.08, "E": 0.06, "F": 0.04}[stability] * x / np.sqrt(1 + 0.0001 * x)
    if stability == "D":
        return sideways, 0.06 * x / np.sqrt(1 + 0.0015 * x)
    return sideways, {"E": 0.03, "F": 0.016}[stability] * x / (1 + 0.0003 * x)


@dataclass(frozen=True, slots=True)
class Release:
    """Where the plume starts: metres east and north, effective height above ground."""

    east_m: float
    north_m: float
    height_m: float


def excess_ug_m3(
    release: Release,
    at: tuple[float, float, float],
    q_g_h: float,
    wind_m_s: float,
    wind_from_deg: float,
    stability: Stability = "E",
    terrain: Terrain = "urban",
) -> float:
    """PM2.5 above background at a point (east, north, up), µg/m³; 0 upwind. Winds below 0.5 m/s count as 0.5 m/s."""
    downwind, sideways = along_wind(release, at, wind_from_deg)
    if downwind < 1:
        return 0.0
    y_m, z_m = (float(spread) for spread in spreads(downwind, stability, terrain))
    wind = max(wind_m_s, LEAST_WIND_M_S)
    direct = exp(-((at[2] - release.height_m) ** 2) / (2 * z_m**2))
    mirrored = exp(-((at[2] + release.height_m) ** 2) / (2 * z_m**2))
    across = exp(-(sideways**2) / (2 * y_m**2))
    return q_g_h * 1e6 / 3600 / (2 * pi * wind * y_m * z_m) * across * (direct + mirrored)


def along_wind(release: Release, at: tuple[float, float, float], wind_from_deg: float) -> tuple[float, float]:
    """How far a point lies downwind of the release, and how far beside that line (m)."""
    east, north = at[0] - release.east_m, at[1] - release.north_m
    to_east, to_north = -sin(radians(wind_from_deg)), -cos(radians(wind_from_deg))
    return east * to_east + north * to_north, east * to_north - north * to_east


def travel_s(release: Release, at: tuple[float, float, float], wind_m_s: float) -> float:
    """How long the wind needs from the release to the point."""
    return hypot(at[0] - release.east_m, at[1] - release.north_m) / max(wind_m_s, LEAST_WIND_M_S)
