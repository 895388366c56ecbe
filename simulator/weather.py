"""The night's weather: temperature, humidity, and a wind that gusts, wanders and swirls in place and time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, hypot, radians, sin

import numpy as np

from simulator.air import spreads
from simulator.climate import STEP_S, STEPS, NightWeather
from simulator.pinhole import Floats
from smokesentry.weather import Weather

_GUSTS, _SWIRLS = 9, 28
_SWIRL_SHARE, _SWIRL_LEAST_M_S = 0.16, 0.1
_LEAST_STIR_M_S = 0.5  # in a calm the air still turns as in this wind
_MOMENTS_KEPT = 256  # all plumes in sight ask for the same ones


def draw_weather(seed: int) -> Weather:
    """A heating-season night in which steam and smoke can be told apart: -4…8 °C, 30-65 % humidity, 0.5-3 m/s."""
    rng = np.random.default_rng([seed, 0x3E])
    return Weather(
        temp_c=round(float(rng.uniform(-4, 8)), 1),
        rh_percent=round(float(rng.uniform(30, 65)), 1),
        wind_speed_m_s=round(float(rng.triangular(0.5, 1.2, 3.0)), 2),
        wind_from_deg=round(float(rng.uniform(0, 360)), 1) % 360,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """What of the wind is the same everywhere: m/s, how far swirls were carried (m), their strength."""

    steady: Floats
    drift: Floats
    stir: float


class Wind:
    """Mean wind plus gusts (periods 7-150 s) plus swirls (0.6-14 m, divergence-free, carried by the mean wind)."""

    def __init__(self, weather: Weather, seed: int) -> None:
        rng = np.random.default_rng([seed, 0x77])
        speed = weather.wind_speed_m_s or 0.0
        blows_to = radians((weather.wind_from_deg or 0.0) + 180)
        self.mean = np.array([speed * sin(blows_to), speed * cos(blows_to), 0.0])
        self._rate = 2 * np.pi / np.geomspace(7, 150, _GUSTS)
        self._gust_phase = rng.uniform(0, 2 * np.pi, (_GUSTS, 2))
        self._gust = (0.22 * speed + 0.05) * np.sqrt(2 / _GUSTS)
        waves = np.geomspace(0.6, 14, _SWIRLS)
        towards = rng.standard_normal((_SWIRLS, 3))
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        swirl = np.cross(towards, rng.standard_normal((_SWIRLS, 3)))
        swirl /= np.linalg.norm(swirl, axis=1, keepdims=True)
        strength = waves ** (1 / 3)
        strength *= (_SWIRL_SHARE * speed + _SWIRL_LEAST_M_S) * np.sqrt(6 / (strength**2).sum())
        self._wave = towards * (2 * np.pi / waves)[:, None]
        self._swirl = swirl * strength[:, None]
        self._swirl_rate = rng.normal(0, 1, _SWIRLS) * strength * 2 * np.pi / waves
        self._swirl_phase = rng.uniform(0, 2 * np.pi, _SWIRLS)
        self._moment = lru_cache(maxsize=_MOMENTS_KEPT)(self._moment_at)

    def steady(self, t: float) -> Floats:
        """Mean wind with its gusts (m/s east, north, up) at time ``t``."""
        return self._moment(t).steady

    def at(self, places: Floats, t: float) -> Floats:
        """Wind ``(n, 3)`` at ``places`` (n, 3)."""
        return self.steady(t) + self.swirls(places, t)

    def swirls(self, places: Floats, t: float) -> Floats:
        """What is added to :meth:`steady` at ``places`` (n, 3)."""
        moment = self._moment(t)
        phase = (places - moment.drift) @ self._wave.T + (self._swirl_rate * t + self._swirl_phase)
        return np.asarray(moment.stir * (np.cos(phase) @ self._swirl))

    def _moment_at(self, t: float) -> _Moment:
        gust = self._gust * np.sin(self._rate[:, None] * t + self._gust_phase).sum(axis=0)
        return _Moment(self.mean + np.array([gust[0], gust[1], 0.0]), self.mean * t, 1.0)

    def from_deg(self, t: float) -> float:
        """The direction a vane would show at time ``t``."""
        east, north, _ = self.steady(t)
        return float(np.degrees(np.arctan2(-east, -north)) % 360)

    def speed(self, t: float) -> float:
        """The speed a cup anemometer would show at time ``t``."""
        east, north, _ = self.steady(t)
        return hypot(east, north)


class NightWind(Wind):
    """The wind of a whole scheduled night: its ten-minute series carries gusts and swirls that grow with its speed.

    ``sideways`` is the gusts' standard deviation as a share of the mean speed (after Taylor the slope of the sideways
    spread near the source; a town's in the night's usual stability unless given): by these gusts the plume of one
    moment meanders about the mean one. Periods 15-900 s. Same weather and seed, same wind, in light and in air. Its
    clock is the night's; ``mean`` is the whole night's.
    """

    def __init__(self, weather: NightWeather, seed: int, sideways: float | None = None) -> None:
        tonight = seed * 1_000_003 + weather.evening.toordinal()
        super().__init__(Weather(wind_speed_m_s=1.0, wind_from_deg=0.0), tonight)
        if sideways is None:
            sideways = float(spreads(1.0, weather.usual_stability, "urban")[0])
        to = np.radians(weather.wind_from_deg + 180)
        self._grid = STEP_S * np.arange(STEPS)
        self._series = np.stack([weather.wind_speed_m_s * np.sin(to), weather.wind_speed_m_s * np.cos(to)], axis=1)
        self._rate = 2 * np.pi / np.geomspace(15, 900, _GUSTS)
        self._gust = sideways * np.sqrt(2 / _GUSTS)
        steps = (self._series[1:] + self._series[:-1]) / 2 * STEP_S
        self._way = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
        self.mean = np.append(self._way[-1] / self._grid[-1], 0.0)

    def along(self, t: Floats) -> Floats:
        """Mean wind with its gusts at many times: ``(n,)`` seconds to ``(n, 2)`` m/s east, north."""
        mean = self.mean_along(t)
        strength = self._gust * np.maximum(np.hypot(mean[:, 0], mean[:, 1]), _LEAST_STIR_M_S)
        gusts = np.sin(self._rate[:, None, None] * t[None, :, None] + self._gust_phase[:, None, :]).sum(axis=0)
        return np.asarray(mean + strength[:, None] * gusts)

    def mean_along(self, t: Floats) -> Floats:
        """The ten-minute wind at many times, ``(n, 2)``."""
        return np.stack([np.interp(t, self._grid, self._series[:, axis]) for axis in range(2)], axis=1)

    def meander_m(self, travel_s: Floats, speed_m_s: Floats) -> Floats:
        """Standard deviation (m) of how far gusts have carried a parcel aside after ``travel_s``."""
        waves = 2 * self._gust / self._rate * np.sin(np.multiply.outer(travel_s, self._rate) / 2)
        return np.asarray(np.sqrt((waves**2).sum(axis=-1) / 2) * np.maximum(speed_m_s, _LEAST_STIR_M_S))

    def _moment_at(self, t: float) -> _Moment:
        when = np.array([t])
        drift = np.array([np.interp(t, self._grid, self._way[:, axis]) for axis in range(2)] + [0.0])
        speed = float(np.hypot(*self.mean_along(when)[0]))
        stir = (_SWIRL_SHARE * speed + _SWIRL_LEAST_M_S) / (_SWIRL_SHARE + _SWIRL_LEAST_M_S)
        return _Moment(np.append(self.along(when)[0], 0.0), drift, stir)
