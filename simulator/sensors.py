"""Particulate sensors as they answer: lag, own gain, noise, humidity error; then the very bytes of their protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

import numpy as np

from firmware_bridge.models import driver_for
from simulator.air import Release, excess_ug_m3, travel_s
from simulator.atmosphere import Breath
from simulator.happenings import Happening, Point
from simulator.night import Night
from simulator.responses import STARTS_AT_M_S, response_of, sensed

_RELEASE_RISE_M = 1.0  # the smoke's own buoyancy lifts it this far above the mouth
_TAILS = 4.0  # degrees of freedom of what differs between units
_FINE_SHARE = 0.85  # PM2.5 of PM10 in a winter town's air and in smoke
#: Particles per cm³ larger than each size at 1 µg/m³, as captures show.
_COUNT_AT_1_UG = {
    "n0_3": 1.74, "n0_5": 0.51, "n1_0": 0.13, "n2_5": 0.01, "n4_0": 0.006, "n5_0": 0.004, "n10_0": 0.002,
}  # fmt: skip


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


class Unit:
    """One sensor of a model, with what the factory left in it: ``gain`` and ``offset`` (in what it measures).

    Both come from a t distribution: some units of a batch are plainly bad. Raises ``ValueError`` for a model that the
    simulator has no response for, ``LookupError`` for one that no driver knows.
    """

    def __init__(self, model: str, place: Point, rng: np.random.Generator) -> None:
        self.model, self.place, self.rng = model, place, rng
        self.response, self.driver = response_of(model), driver_for(model)
        self.gain = float(np.clip(1 + self.response.spread * rng.standard_t(_TAILS), 0.5, 1.6))
        self.offset = self.response.offset * float(rng.standard_t(_TAILS)) / 2
        self.temp_error_c = float(rng.normal(1.0, 0.5))  # its own electronics warm it
        self.vane_error_deg = 4 * float(rng.standard_t(_TAILS))  # north as the installer took it
        self.fault: Happening | None = None
        self._shown: dict[str, float] = {}
        self._drift = 0.0
        self._last: bytes | None = None
        self._since_s = 0.0

    def sense(self, true_pm25: float, temp_c: float, rh_percent: float, dt: float) -> bytes:
        """The frame it sends now, ``dt`` seconds after the last one, in air of which only the dust is known."""
        return self.frame(moment(true_pm25, temp_c, rh_percent), 0, dt)

    def frame(self, breath: Breath, index: int, dt: float) -> bytes:
        """The frame it sends ``dt`` seconds after the last one, in the air of ``breath`` at ``index``."""
        self._since_s += dt
        if self._last is not None and self.fault is not None and self.fault.detail == "stuck":
            return self._last
        self._last = self.driver.encode(named(self.model, self._felt(breath, index, dt)))
        return self._last

    def _felt(self, breath: Breath, index: int, dt: float) -> dict[str, float]:
        response, true = self.response, sensed(self.response, breath, index)
        for name, value in true.items():
            before = self._shown.setdefault(name, value)
            step = (value - before + 180) % 360 - 180 if name == "direction" else value - before
            calm = name == "direction" and float(breath.wind_speed_m_s[index]) < STARTS_AT_M_S
            self._shown[name] = before + (0.0 if calm else step * (1 - exp(-dt / response.lag_s)))
        self._drift = 0.9 * self._drift + float(self.rng.normal(0, 0.5))
        felt = {}
        for name, shown in self._shown.items():
            if name in ("temp", "rh"):
                error = self.temp_error_c if name == "temp" else -2.0 + 4 * self.offset
                felt[name] = shown + error + float(self.rng.normal(0, 0.08 if name == "temp" else 0.3))
            elif name == "direction":
                felt[name] = (shown + self.vane_error_deg + float(self.rng.normal(0, 1.0))) % 360
            else:
                rough = response.noise + response.noise_share * shown
                noise = rough * (0.6 * self._drift + 0.6 * float(self.rng.standard_normal()))
                felt[name] = float(np.clip(shown * self.gain + self.offset + noise, 0, response.ceiling))
        if "pm10" in felt:  # both come from one measurement: their errors go together
            felt["pm10"] = min(felt["pm25"] * self._shown["pm10"] / max(self._shown["pm25"], 1.0), response.ceiling)
        return self._faulty(felt)

    def _faulty(self, felt: dict[str, float]) -> dict[str, float]:
        """The ordered fault laid over what it felt."""
        what = self.fault.detail if self.fault is not None else ""
        factor: float = {"zero": 0.0, "drift": 1 + 0.5 * self._since_s / 3600}.get(what, 1.0)
        if what == "spikes" and self.rng.random() < 0.02:
            factor = float(self.rng.uniform(5, 30))
        if what == "ceiling":
            factor = 1e9
        return {
            name: value if name in ("temp", "rh", "direction") else min(value * factor, self.response.ceiling)
            for name, value in felt.items()
        }


def frames(unit: Unit, breath: Breath, faults: Sequence[Happening] = ()) -> list[bytes]:
    """The frames that a unit sends over the times of ``breath``, one each; ``faults`` are its own, by their times."""
    sent, before = [], float(breath.t_s[0]) - 1.0
    for index, t in enumerate(breath.t_s):
        unit.fault = next((event for event in faults if event.at(float(t))), None)
        sent.append(unit.frame(breath, index, float(t) - before))
        before = float(t)
    return sent


def named(model: str, felt: Mapping[str, float]) -> dict[str, float]:
    """What was felt under every name that some driver's frame has for it."""
    values = {
        "sensor_id": 0xA160,
        "pressure_hpa": 1024.0,
        "gas_resistance_kohm": 120.0,
        "iaq": 50.0,
        "altitude_m": 45.0,
    }
    if "pm25" in felt:
        fine, coarse = felt["pm25"], max(felt["pm10"], felt["pm25"])
        dense = fine if fine < 30 else 30 + (fine - 30) * 1.4  # CF=1 runs ahead of the atmospheric column above 30
        sizes = {"pm1": 0.7 * fine, "pm25": fine, "pm4": (fine + coarse) / 2, "pm10": coarse}
        for size, mass in sizes.items():
            values |= {f"{size}_{column}ug_m3": mass for column in ("", "atm_", "tsi_")}
            values[f"{size}_cf1_ug_m3"] = mass * dense / fine if fine > 0 else mass
        for name, count in _COUNT_AT_1_UG.items():
            values[f"{name}_per_cm3"] = min(count * fine, 655.0)
        values["typical_size_um"] = 0.5
    if "temp" in felt:
        values |= {"temp_c": felt["temp"], "rh_percent": float(np.clip(felt["rh"], 0, 99))}
    if "speed" in felt:
        values["wind_speed_m_s"] = felt["speed"]
    if "direction" in felt:
        sector = 45.0 if model.upper().startswith("SEN0657") else 1.0  # eight sectors, or whole degrees
        values["wind_from_deg"] = round(felt["direction"] / sector) * sector % 360
    return values | {f"{gas}_ppm": round(felt[gas], 1) for gas in ("co", "co2") if gas in felt}


def moment(pm25: float, temp_c: float, rh_percent: float) -> Breath:
    """One moment of air of which only the dust (µg/m³) and the climate are known; the rest is a clean winter's."""
    one = [np.array([value]) for value in (0.0, pm25, pm25 / _FINE_SHARE, 0.5, 10.0, temp_c, rh_percent, 1.0, 0.0, 9e3)]
    return Breath(*one)
