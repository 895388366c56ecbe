"""Particulate sensors as they answer: lag, own gain, noise, humidity error; then the very bytes of their protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp

import numpy as np

from firmware_bridge.models import driver_for
from simulator.air import Release, excess_ug_m3, travel_s
from simulator.night import Night

_RELEASE_RISE_M = 1.0  # the smoke's own buoyancy lifts it this far above the mouth
_LAG_S = 8.0
_FINE_SHARE = 0.85  # PM2.5 of PM10 in a winter town's air and in smoke
_COUNT_AT_1_UG = (1.74, 0.51, 0.13, 0.01)  # particles per cm³ > 0.3, 0.5, 1.0, 2.5 µm at 1 µg/m³, as captures show


class Air:
    """True particulates (PM2.5, µg/m³) anywhere at any time of one night: background plus the burning stove."""

    def __init__(self, night: Night) -> None:
        rng = np.random.default_rng([night.street.seed, 0xA1])
        self._night = night
        self._base = float(rng.uniform(25, 75))
        self._periods = rng.uniform(200, 1500, 4)
        self._phases = rng.uniform(0, 2 * np.pi, 4)

    def pm25_ug_m3(self, at: tuple[float, float, float], t: float) -> float:
        """What is in the air at a point at time ``t``; the plume arrives after its travel time."""
        swings = np.sin(2 * np.pi * t / self._periods + self._phases).sum()
        level = self._base * (1 + 0.03 * float(swings))
        burner = self._night.burner
        if burner is None:
            return level
        mouth = burner.chimney.mouth
        release = Release(mouth[0], mouth[1], mouth[2] + _RELEASE_RISE_M)
        wind = self._night.wind
        emitted = self._night.pm25_g_h(t - travel_s(release, at, wind.speed(t)))
        return level + excess_ug_m3(release, at, emitted, wind.speed(t), wind.from_deg(t))


@dataclass(slots=True)
class Unit:
    """One sensor of a model; ``gain`` and noise are its own."""

    model: str
    place: tuple[float, float, float]
    rng: np.random.Generator
    gain: float = field(init=False)
    temp_error_c: float = field(init=False)
    _shown: float | None = None
    _drift: float = 0.0

    def __post_init__(self) -> None:
        """Draws what the factory left in this unit."""
        self.gain = float(self.rng.normal(1.0, 0.08))
        self.temp_error_c = float(self.rng.normal(1.0, 0.5))  # its own electronics warm it

    def sense(self, true_pm25: float, temp_c: float, rh_percent: float, dt: float) -> bytes:
        """The frame it sends now, ``dt`` seconds after the last one."""
        damp = 1 + 0.25 * max(rh_percent - 60, 0) / 40  # optical sensors over-read in damp air
        seen = true_pm25 * self.gain * damp
        if self._shown is None:
            self._shown = seen
        self._shown += (seen - self._shown) * (1 - exp(-dt / _LAG_S))
        self._drift = 0.9 * self._drift + float(self.rng.normal(0, 0.25 + 0.006 * self._shown))
        pm25 = max(self._shown + self._drift + float(self.rng.normal(0, 0.3)), 0.0)
        return driver_for(self.model).encode(self._values(pm25, temp_c, rh_percent))

    def _values(self, pm25: float, temp_c: float, rh_percent: float) -> dict[str, float]:
        pm10 = pm25 / _FINE_SHARE + abs(float(self.rng.normal(0, 0.5)))
        if self.model.startswith("SDS"):
            return {"pm25_ug_m3": min(pm25, 999.9), "pm10_ug_m3": min(pm10, 999.9), "sensor_id": 0xA160}
        dense = pm25 if pm25 < 30 else 30 + (pm25 - 30) * 1.4  # CF=1 runs ahead of the atmospheric column above 30
        values = {
            "pm1_atm_ug_m3": 0.7 * pm25, "pm25_atm_ug_m3": pm25, "pm10_atm_ug_m3": pm10,
            "pm1_cf1_ug_m3": 0.7 * dense, "pm25_cf1_ug_m3": dense, "pm10_cf1_ug_m3": dense + pm10 - pm25,
            "temp_c": temp_c + self.temp_error_c + float(self.rng.normal(0, 0.05)),
            "rh_percent": float(np.clip(rh_percent - 2 + self.rng.normal(0, 0.3), 0, 99)),
        }  # fmt: skip
        names = ("n0_3_per_cm3", "n0_5_per_cm3", "n1_0_per_cm3", "n2_5_per_cm3")
        return values | {name: min(count * pm25, 655.0) for name, count in zip(names, _COUNT_AT_1_UG, strict=True)}
