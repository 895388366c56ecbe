"""The night's weather: temperature, humidity, and a wind that gusts, wanders and swirls in place and time."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np

from simulator.pinhole import Floats
from smokesentry.weather import Weather

_GUSTS, _SWIRLS = 9, 28


def draw_weather(seed: int) -> Weather:
    """A heating-season night in which steam and smoke can be told apart: -4…8 °C, 30-65 % humidity, 0.5-3 m/s."""
    rng = np.random.default_rng([seed, 0x3E])
    return Weather(
        temp_c=round(float(rng.uniform(-4, 8)), 1),
        rh_percent=round(float(rng.uniform(30, 65)), 1),
        wind_speed_m_s=round(float(rng.triangular(0.5, 1.2, 3.0)), 2),
        wind_from_deg=round(float(rng.uniform(0, 360)), 1) % 360,
    )


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
        strength *= (0.16 * speed + 0.1) * np.sqrt(6 / (strength**2).sum())
        self._wave = towards * (2 * np.pi / waves)[:, None]
        self._swirl = swirl * strength[:, None]
        self._swirl_rate = rng.normal(0, 1, _SWIRLS) * strength * 2 * np.pi / waves
        self._swirl_phase = rng.uniform(0, 2 * np.pi, _SWIRLS)

    def steady(self, t: float) -> Floats:
        """Mean wind with its gusts (m/s east, north, up) at time ``t``."""
        gust = self._gust * np.sin(self._rate[:, None] * t + self._gust_phase).sum(axis=0)
        return np.asarray(self.mean + np.array([gust[0], gust[1], 0.0]))

    def at(self, places: Floats, t: float) -> Floats:
        """Wind ``(n, 3)`` at ``places`` (n, 3)."""
        carried = places - self.mean * t
        phase = carried @ self._wave.T + self._swirl_rate * t + self._swirl_phase
        return self.steady(t) + np.cos(phase) @ self._swirl

    def from_deg(self, t: float) -> float:
        """The direction a vane would show at time ``t``."""
        east, north, _ = self.steady(t)
        return float(np.degrees(np.arctan2(-east, -north)) % 360)

    def speed(self, t: float) -> float:
        """The speed a cup anemometer would show at time ``t``."""
        east, north, _ = self.steady(t)
        return float(np.hypot(east, north))
