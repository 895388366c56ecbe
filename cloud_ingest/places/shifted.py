"""GCJ-02 and BD-09, the two shifted systems of China's web maps, to and from WGS-84. Pure.

They exist at two edges only: where a file drawn on such a map comes in, and where a patrol's map app is opened.
Nothing in them is ever stored. The formulas are the public approximation; several published libraries have errors, so
the tests compare with vectors on which the right ones agree.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_A_M, _E2 = 6378245.0, 0.00669342162296594323  # the Krassowsky ellipsoid, on which the shift is defined
_BD_PI = pi * 3000 / 180
_BD_LON, _BD_LAT = 0.0065, 0.006
_WEST, _EAST, _SOUTH, _NORTH = (
    72.004,
    137.8347,
    0.8293,
    55.8271,
)  # the box that map services use; it takes in Seoul, too
_ENOUGH_DEG = 1e-11  # about a micrometre


def in_china(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Whether map services shift a place. Degrees."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    return np.asarray((lon >= _WEST) & (lon <= _EAST) & (lat >= _SOUTH) & (lat <= _NORTH))


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """Longitude and latitude in degrees, any shape; places outside of China stay as they are."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    east, north = _shift(lon, lat)
    inside = in_china(lon, lat)
    return lon + np.where(inside, east, 0.0), lat + np.where(inside, north, 0.0)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """The exact inverse; one step alone is up to 2.5 m off."""
    return _undone(_shift, np.asarray(lon, float), np.asarray(lat, float))


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """Baidu's further shift; degrees, any shape."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    east, north = _baidus_shift(lon, lat)
    inside = in_china(lon, lat)
    return lon + np.where(inside, east, 0.0), lat + np.where(inside, north, 0.0)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """The exact inverse; the usual formula, which subtracts the shift of the shifted place, is decimetres off."""
    return _undone(_baidus_shift, np.asarray(lon, float), np.asarray(lat, float))


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """By way of GCJ-02."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Array, Array]:
    """By way of GCJ-02."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


def _undone(shift: Callable[[Array, Array], tuple[Array, Array]], lon: Array, lat: Array) -> tuple[Array, Array]:
    """The place that ``shift`` brings to this one, by going there again until the result returns."""
    inside = in_china(lon, lat)
    at_lon, at_lat = lon.copy(), lat.copy()
    for _ in range(20):
        east, north = shift(at_lon, at_lat)
        next_lon, next_lat = np.where(inside, lon - east, lon), np.where(inside, lat - north, lat)
        moved = max(
            float(np.max(np.abs(next_lon - at_lon), initial=0)), float(np.max(np.abs(next_lat - at_lat), initial=0))
        )
        at_lon, at_lat = next_lon, next_lat
        if not moved > _ENOUGH_DEG:
            break
    return at_lon, at_lat


def _baidus_shift(lon: Array, lat: Array) -> tuple[Array, Array]:
    """BD-09 minus GCJ-02 in degrees, as if everywhere were China."""
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * _BD_PI)
    return radius * np.cos(angle) + _BD_LON - lon, radius * np.sin(angle) + _BD_LAT - lat


def _shift(lon: Array, lat: Array) -> tuple[Array, Array]:
    """GCJ-02 minus WGS-84 in degrees, as if everywhere were China."""
    x, y = lon - 105.0, lat - 35.0
    root, cross = np.sqrt(np.abs(x)), x * y
    common = 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    east_m = 300 + x + 2 * y + 0.1 * x * x + 0.1 * cross + 0.1 * root
    east_m += 2 / 3 * (common + 20 * np.sin(pi * x) + 40 * np.sin(pi * x / 3))
    east_m += 2 / 3 * (150 * np.sin(pi * x / 12) + 300 * np.sin(pi * x / 30))
    north_m = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * cross + 0.2 * root
    north_m += 2 / 3 * (common + 20 * np.sin(pi * y) + 40 * np.sin(pi * y / 3))
    north_m += 2 / 3 * (160 * np.sin(pi * y / 12) + 320 * np.sin(pi * y / 30))
    phi = np.radians(lat)
    curve = 1 - _E2 * np.sin(phi) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):  # the poles, which no caller keeps
        east = east_m / np.radians(_A_M / np.sqrt(curve) * np.cos(phi))
        north = north_m / np.radians(_A_M * (1 - _E2) / (curve * np.sqrt(curve)))
    return east, north
