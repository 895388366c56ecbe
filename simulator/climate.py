"""A winter's weather, night by night: temperature, humidity, wind, cloud, fog, rain and snow in ten-minute steps.

Days hang together (first-order autoregression); innovations have Student's t tails, so that the odd night lies outside
what anybody tuned for. The levels are round figures for the plain of southern Hebei, put down from general knowledge of
its climate, not fitted to a station: see ``docs/simulator.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from simulator.air import Stability
from simulator.season import NIGHT_S
from smokesentry.weather import Weather

Array = NDArray[np.float64]
STEP_S = 600.0
STEPS = int(NIGHT_S / STEP_S) + 1
#: Degrees of freedom of every innovation: beyond four scales lies one in 60, where a normal has one in 16,000.
TAILS = 4.0
_COLDEST_DAY, _COLDEST_C, _SEASON_C = 12, -2.5, 13.0  # of January; daily mean; how much warmer a quarter year off
_FOG_BELOW_M = 1000.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """The weather at one moment. ``cloud`` is the covered share of the sky, ``visibility_m`` the meteorological one."""

    temp_c: float
    rh_percent: float
    wind_speed_m_s: float
    wind_from_deg: float
    cloud: float
    visibility_m: float
    rain_mm_h: float
    snow_mm_h: float

    @property
    def stability(self) -> Stability:
        """Pasquill's class at night, after Turner's table."""
        return stability_at_night(self.wind_speed_m_s, self.cloud)

    @property
    def weather(self) -> Weather:
        """What a station would say of it, without error."""
        return Weather(self.temp_c, self.rh_percent, self.wind_speed_m_s, self.wind_from_deg)


@dataclass(frozen=True, slots=True, eq=False)
class NightWeather:
    """One night's series, each ``(STEPS,)`` from the night's start every ``STEP_S`` seconds; units as in Conditions."""

    evening: date
    temp_c: Array
    rh_percent: Array
    wind_speed_m_s: Array
    wind_from_deg: Array
    cloud: Array
    visibility_m: Array
    rain_mm_h: Array
    snow_mm_h: Array

    def at(self, t_s: float) -> Conditions:
        """The weather at ``t_s`` seconds into the night, interpolated; directions by the shorter way round."""
        place = float(np.clip(t_s / STEP_S, 0, STEPS - 1))
        low = min(int(place), STEPS - 2)
        share = place - low

        def between(series: Array) -> float:
            return float(series[low] * (1 - share) + series[low + 1] * share)

        turn = (float(self.wind_from_deg[low + 1] - self.wind_from_deg[low]) + 180) % 360 - 180
        return Conditions(
            temp_c=between(self.temp_c),
            rh_percent=between(self.rh_percent),
            wind_speed_m_s=between(self.wind_speed_m_s),
            wind_from_deg=(float(self.wind_from_deg[low]) + share * turn) % 360,
            cloud=between(self.cloud),
            visibility_m=between(self.visibility_m),
            rain_mm_h=between(self.rain_mm_h),
            snow_mm_h=between(self.snow_mm_h),
        )

    @property
    def usual_stability(self) -> Stability:
        """Pasquill's class of the night as a whole."""
        return stability_at_night(float(self.wind_speed_m_s.mean()), float(self.cloud.mean()))

    @property
    def foggy(self) -> NDArray[np.bool_]:
        """Which steps have fog: visibility below a kilometre without precipitation."""
        return np.asarray((self.visibility_m < _FOG_BELOW_M) & (self.rain_mm_h + self.snow_mm_h == 0))


def stability_at_night(wind_m_s: float, cloud: float) -> Stability:
    """Pasquill class of a night: cloud under 4/8 lets the ground cool (Turner 1970, night columns); overcast is D."""
    if cloud > 0.94:
        return "D"
    if cloud >= 0.5:
        return "E" if wind_m_s < 3 else "D"
    if wind_m_s < 3:
        return "F"
    return "E" if wind_m_s < 5 else "D"


def draw_winter_weather(evenings: Sequence[date], rng: np.random.Generator) -> list[NightWeather]:
    """The weather of consecutive nights."""
    warm = _days(len(evenings), 0.75, 3.2, rng)
    cloudy = _days(len(evenings), 0.55, 1.3, rng)
    windy = _days(len(evenings), 0.45, 0.45, rng)
    damp = _days(len(evenings), 0.6, 2.6, rng)
    turn = 360 * rng.random()
    nights = []
    for day, evening in enumerate(evenings):
        cold_front = day > 0 and warm[day] < warm[day - 1] - 3.5
        turn = (330 + 25 * rng.standard_t(TAILS)) % 360 if cold_front else (turn + 55 * rng.standard_t(TAILS)) % 360
        cloud = 1 / (1 + np.exp(-(cloudy[day] - 0.6) * 1.6))
        speed = 1.5 * np.exp(windy[day] + (0.6 if cold_front else 0.0))
        odd = float(np.clip(warm[day], -14, 12))  # what the plain has seen in a century
        nights.append(_night(evening, odd, float(cloud), float(speed), turn, float(damp[day]), rng))
    return nights


def seasonal_mean_c(evening: date) -> float:
    """The mean temperature that a date has over many years."""
    days = (evening - date(evening.year if evening.month < 7 else evening.year + 1, 1, _COLDEST_DAY)).days
    return _COLDEST_C + _SEASON_C * float(1 - np.cos(2 * np.pi * days / 365))


def dew_point_c(temp_c: float, rh_percent: float) -> float:
    """Magnus' formula over water, inverted."""
    log = np.log(rh_percent / 100) + 17.62 * temp_c / (243.12 + temp_c)
    return float(243.12 * log / (17.62 - log))


def rh_of(temp_c: Array, dew_c: Array) -> Array:
    """Relative humidity, percent, by Magnus' formula over water."""
    power = 17.62 * dew_c / (243.12 + dew_c) - 17.62 * temp_c / (243.12 + temp_c)
    return np.asarray(100 * np.exp(power))


def _days(count: int, memory: float, spread: float, rng: np.random.Generator) -> Array:
    """An autoregression of unit ``spread``, with t innovations."""
    scale = spread * np.sqrt((1 - memory**2) * (TAILS - 2) / TAILS)
    values = np.empty(count)
    last = spread * rng.standard_normal()
    for index in range(count):
        last = memory * last + scale * rng.standard_t(TAILS)
        values[index] = last
    return values


def _night(
    evening: date, warm: float, cloud: float, speed: float, from_deg: float, damp: float, rng: np.random.Generator
) -> NightWeather:
    t = STEP_S * np.arange(STEPS)
    hour = 16.5 + t / 3600
    swing = 6.0 - 4.0 * cloud
    temp = seasonal_mean_c(evening) + warm + swing * np.cos(2 * np.pi * (hour - 15) / 24) + _days(STEPS, 0.97, 0.5, rng)
    clouds = np.clip(cloud + _days(STEPS, 0.97, 0.15, rng), 0, 1)
    wind = speed * np.exp(_days(STEPS, 0.9, 0.22, rng)) * (1 - 0.3 * (1 - cloud) * (hour > 18.5))
    wind = np.clip(wind, 0.2, 15.0)
    # in light winds the direction wanders; a strong wind holds it
    direction = from_deg + _days(STEPS, 0.95, min(60.0, 35.0 / max(speed, 0.3)), rng)
    rain, snow = _precipitation(cloud, temp, rng)
    wet = rain + snow
    lowest = float(temp.min())
    dew = np.full(STEPS, lowest + 2.5 * cloud - 4.2 + damp)
    dew = np.minimum(dew, temp - 0.02)
    if wet.any():  # what falls moistens the air it falls through, over some half an hour
        dew = np.convolve(np.pad(np.where(wet > 0, temp - 1.2, dew), 2, "edge"), np.full(5, 0.2), "valid")
    else:
        dew = np.minimum.accumulate(dew)  # dew and hoar take vapour out for the rest of the night
    rh = np.clip(rh_of(temp, np.minimum(dew, temp - 0.02)), 12, 99.9)
    return NightWeather(evening, temp, rh, wind, direction % 360, clouds, _visibility(rh, wind, wet, rng), rain, snow)


def _precipitation(cloud: float, temp: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """At most one fall a night, two to eight hours, from overcast skies; snow below half a degree."""
    fall = np.zeros(STEPS)
    if cloud > 0.75 and rng.random() < 0.4:
        lasts = int(rng.uniform(12, 48))
        start = int(rng.integers(-lasts + 6, STEPS - 6))
        shape = np.clip(rng.gamma(1.2, 0.6) * (1 + _days(lasts, 0.8, 0.4, rng)), 0.05, 12)
        inside = slice(max(start, 0), min(start + lasts, STEPS))
        fall[inside] = shape[inside.start - start : inside.stop - start]
    cold = temp < 0.5
    return np.where(cold, 0.0, fall), np.where(cold, fall, 0.0)


def _visibility(rh: Array, wind: Array, wet: Array, rng: np.random.Generator) -> Array:
    """Haze shrinks it as particles take up water; near saturation in light wind fog closes in; falls cut it too."""
    clear = float(np.exp(rng.normal(np.log(14000), 0.5)))
    haze = clear * np.clip((100 - rh) / 60, 0.02, 1.0) ** 0.55
    thick = float(np.exp(rng.normal(np.log(250), 0.6)))
    fog = 1 / (1 + np.exp(-(rh - 97.5) / 0.5)) * (wind < 2.2)
    through_fog = haze * (thick / haze) ** np.clip(fog, 0, 1)
    return np.asarray(np.clip(through_fog / (1 + 2.5 * wet), 30, 40000))
