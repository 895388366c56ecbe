"""A particulate rise near a fire, with the wind: how much more likely it is with smoke than without. Pure.

A stove's plume is thin: at 100 m a few µg/m³ on its axis, and a tenth of that 5 to 19° beside it. So a rise in the
right place at the right time confirms, no rise proves nothing, and between neighbouring roofs it does not choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import atan2, degrees, exp, hypot, log

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.factors import Factor

Array = NDArray[np.float64]

LEAST_RISE_UG_M3 = 4.0  # of a cheap optical sensor, over minutes
BEFORE_S, AFTER_S = 1800.0, 2700.0  # looked at before the first sight, and after it
REACH_M = 400.0  # farther away one stove is lost in the noise
CALM_M_S = 0.5  # below, the wind has no direction
MOST = 1.5
_LEAST = 0.02  # less is not worth a line
_OTHERS = 0.15  # chance that another source makes such a rise in the same time: a busy evening
_WIND_SIGMA_DEG = 15.0  # a vane on a roof, wakes of buildings
_USUAL_M, _USUAL_WIND_M_S = 100.0, 1.5
_NOISES = 4.0
_DAMP_RH_PERCENT = 85.0
_EARLIEST_S, _LATEST_S = 600.0, 900.0  # a fire is lit before it is seen, and smokes thickest later
_RELEASES_G_H = ((10.0, 0.3), (20.0, 0.4), (40.0, 0.2), (60.0, 0.1))  # a stove just lit or refuelled
_HEIGHT_M = 6.0
#: Briggs' curves as (sigma y: a, b; sigma z: c, d, power) with their share: open country D, E, F; town D, and E with F.
BRIGGS = (
    ((0.08, 1e-4, 0.06, 0.0015, -0.5), 0.25),
    ((0.06, 1e-4, 0.03, 3e-4, -1.0), 0.15),
    ((0.04, 1e-4, 0.016, 3e-4, -1.0), 0.1),
    ((0.16, 4e-4, 0.14, 3e-4, -0.5), 0.25),
    ((0.11, 4e-4, 0.08, 0.0015, -0.5), 0.25),
)


@dataclass(frozen=True, slots=True)
class Wind:
    """Mean over the event's first half hour; ``from_deg`` None: not known, or calm."""

    speed_m_s: float | None = None
    from_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Rise:
    """A rise of PM2.5 at a station (metres in the town's frame) against what it had before and what others have."""

    gateway: str
    x: float
    y: float
    ug_m3: float
    onset_s: float  # Unix time at which half of it was reached


@dataclass(frozen=True, slots=True)
class Curve:
    """PM2.5 of a station: times (Unix seconds) ascending, values; humidity where it is known."""

    gateway: str
    x: float
    y: float
    at_s: Array
    pm25: Array
    rh_percent: float | None = None


def rises_of(curves: Sequence[Curve], start_s: float) -> list[Rise]:
    """The stations at which PM2.5 rose after a fire was first seen, beyond their own noise and beyond the middle change
    of the other stations, which is the whole town's. Damp air counts droplets: such a station says nothing."""
    changes = {n: found for n, curve in enumerate(curves) if (found := _change(curve, start_s)) is not None}
    rises = []
    for n, (rise, noise, onset_s) in changes.items():
        others = [other[0] for k, other in changes.items() if k != n]
        own = rise - (max(float(np.median(others)), 0.0) if len(others) >= 2 else 0.0)
        if own >= max(LEAST_RISE_UG_M3, _NOISES * noise):
            rises.append(Rise(curves[n].gateway, curves[n].x, curves[n].y, own, onset_s))
    return rises


def _change(curve: Curve, start_s: float) -> tuple[float, float, float] | None:
    if curve.rh_percent is not None and curve.rh_percent > _DAMP_RH_PERCENT:
        return None
    before = curve.pm25[(curve.at_s >= start_s - BEFORE_S) & (curve.at_s < start_s - 60.0)]
    window = (curve.at_s >= start_s - _EARLIEST_S) & (curve.at_s <= start_s + AFTER_S)
    after, times = curve.pm25[window], curve.at_s[window]
    if len(before) < 5 or len(after) < 3:
        return None
    background = float(np.median(before))
    noise = max(1.4826 * float(np.median(np.abs(before - background))), 1.0)
    smooth = np.convolve(after, np.ones(3) / 3, mode="valid")
    rise = float(smooth.max()) - background
    reached = np.flatnonzero(after - background >= rise / 2)
    return rise, noise, float(times[reached[0]]) if len(reached) else start_s


def excess_ug_m3(grams_h: float, along_m: Array, across_m: Array, speed_m_s: float, briggs: tuple[float, ...]) -> Array:
    """PM2.5 above background at sensor height downwind of one release as high as the sensor (Gaussian plume with ground
    reflection, about ten minutes' mean); 0 upwind. Briggs' curves as in ``BRIGGS``."""
    a, b, c, d, power = briggs
    x = np.maximum(along_m, 1.0)
    sigma_y = a * x / np.sqrt(1 + b * x)
    sigma_z = c * x * (1 + d * x) ** power
    reflected = 1 + np.exp(-((2 * _HEIGHT_M) ** 2) / (2 * sigma_z**2))
    axis = grams_h * 1e6 / 3600 / (2 * np.pi * speed_m_s * sigma_y * sigma_z) * reflected
    return np.asarray(np.where(along_m > 1.0, axis * np.exp(-(across_m**2) / (2 * sigma_y**2)), 0.0))


def reached(distance_m: float, off_deg: float | None, speed_m_s: float) -> float:
    """Chance that a stove just lit makes a rise that counts, this far away and this far off the wind's line (None: the
    wind's direction is not known). The wind's direction, the air's stability and the fire's size are drawn over."""
    # In steps of 5 m, 3° and a quarter of a metre a second: finer than anything here is known.
    wind = round(max(speed_m_s, CALM_M_S) * 4) / 4
    return _reached(max(round(distance_m / 5) * 5, 5), None if off_deg is None else round(abs(off_deg) / 3) * 3, wind)


@lru_cache(maxsize=20_000)
def _reached(distance_m: int, off_deg: int | None, speed_m_s: float) -> float:
    if off_deg is None:
        angles, chance = np.arange(-180.0, 180.0, 3.0), np.full(120, 1 / 120)
    else:
        errors = np.arange(-3.0, 3.01, 0.25) * _WIND_SIGMA_DEG
        chance = np.exp(-(errors**2) / (2 * _WIND_SIGMA_DEG**2))
        angles, chance = off_deg + errors, chance / chance.sum()
    along, across = distance_m * np.cos(np.radians(angles)), distance_m * np.sin(np.radians(angles))
    total = 0.0
    for briggs, stability in BRIGGS:
        axis = excess_ug_m3(1.0, along, across, speed_m_s, briggs)
        for grams_h, share in _RELEASES_G_H:
            total += stability * share * float(chance[axis * grams_h >= LEAST_RISE_UG_M3].sum())
    return total


def log_ratio(rise: Rise, x: float, y: float, wind: Wind, start_s: float) -> float:
    """Of this rise if a fire burns at a place against other causes; never below 0: absence is no evidence."""
    east, north = rise.x - x, rise.y - y
    distance = hypot(east, north)
    if distance > REACH_M:
        return 0.0
    speed = wind.speed_m_s if wind.speed_m_s is not None else _USUAL_WIND_M_S
    travel_s = distance / max(speed, CALM_M_S)
    late = rise.onset_s - start_s
    if not 0.5 * travel_s - _EARLIEST_S <= late <= 1.5 * travel_s + _LATEST_S:
        return 0.0
    off: float | None = None
    if wind.from_deg is not None and speed >= CALM_M_S:
        blows_to = wind.from_deg + 180.0
        off = (degrees(atan2(east, north)) - blows_to + 180.0) % 360.0 - 180.0
    return log((_OTHERS + (1 - _OTHERS) * reached(distance, off, speed)) / _OTHERS)


def air_factor(
    rises: Sequence[Rise], places: Sequence[tuple[float, float, float]], wind: Wind, start_s: float
) -> Factor | None:
    """That it is smoke, given rises. ``places``: x, y and probability of the candidate roofs; the rest is elsewhere.

    Which roof it is, a rise does not say: under a vane's error the next roof is as good (docs/fusion.md).
    """
    mean = max(1.0 - sum(share for _, _, share in places), 0.0)  # elsewhere such a rise is as likely as without a fire
    for x, y, share in places:
        mean += share * exp(sum(log_ratio(rise, x, y, wind, start_s) for rise in rises))
    weight = min(log(max(mean, 1.0)), MOST)
    if weight < _LEAST:
        return None
    best = max(rises, key=lambda rise: rise.ug_m3)
    text = f"PM2.5 rose by {best.ug_m3:.0f} ug/m3 at {best.gateway}; the wind is not known"
    if wind.from_deg is not None and (wind.speed_m_s is None or wind.speed_m_s >= CALM_M_S):
        text = f"PM2.5 rose by {best.ug_m3:.0f} ug/m3 at {best.gateway} with the wind from {wind.from_deg:.0f}°"
    return Factor("particulates", weight, text, "smoke")


def placeless_factor(ug_m3: float) -> Factor:
    """The same for a gateway's own rise when no place is known: as if it stood in a usual place, the wind unknown."""
    weight = log((_OTHERS + (1 - _OTHERS) * reached(_USUAL_M, None, _USUAL_WIND_M_S)) / _OTHERS)
    return Factor(
        "particulates", weight, f"PM2.5 rose by {ug_m3:.0f} ug/m3 at the gateway; the wind is not known", "smoke"
    )
