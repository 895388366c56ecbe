"""Corrected PM2.5 beside the raw value, under the formula's name and with the inputs used. Never instead of it.

Formulas and where they hold: docs/firmware_bridge.md. None of them may decide an alarm alone.
"""

from __future__ import annotations

from dataclasses import replace

from firmware_bridge.quality import pm25_of
from firmware_bridge.reading import Reading

#: Hygroscopicity of urban and smoke aerosol; 0.3-0.4 was found in Europe.
KAPPA = 0.35
_DENSITY_G_CM3 = 1.65
_HIGHEST_RH = 95.0  # the growth factor has a pole at 100 %
_SMOKE_BREAK_UG_M3 = 343.0


def epa_2021(pm25_cf1: float, rh_percent: float) -> float:
    """Barkjohn et al. 2021 (doi 10.5194/amt-14-4617-2021), for Plantower's CF=1 column in µg/m³. Zero stays zero."""
    return max(0.0, 0.524 * pm25_cf1 - 0.0862 * rh_percent + 5.75) if pm25_cf1 > 0 else 0.0


def epa_2021_smoke(pm25_cf1: float, rh_percent: float) -> float:
    """The U.S. Fire and Smoke Map's form of May 2021, quadratic above 343 µg/m³ where the sensor runs out of scale."""
    if pm25_cf1 <= 0:
        return 0.0
    if pm25_cf1 <= _SMOKE_BREAK_UG_M3:
        return max(0.0, 0.52 * pm25_cf1 - 0.086 * rh_percent + 5.75)
    return 0.46 * pm25_cf1 + 3.93e-4 * pm25_cf1**2 + 2.97


def koehler(pm25: float, rh_percent: float, kappa: float = KAPPA) -> float:
    """Dry mass by κ-Köhler growth (Crilley et al. 2018): takes off the water that particles carry in damp air.
    Humidity counts up to 95 % only."""
    humidity = min(max(rh_percent, 1.0), _HIGHEST_RH)
    return pm25 / (1 + kappa / _DENSITY_G_CM3 / (100 / humidity - 1))


def with_corrections(reading: Reading, rh_percent: float | None = None) -> Reading:
    """Adds ``corrected`` values. Humidity is the given one, else the sensor's own; without any, nothing is added."""
    humidity = reading.values.get("rh_percent") if rh_percent is None else rh_percent
    pm25 = pm25_of(reading)
    if humidity is None or pm25 is None or "pm100_ug_m3" in reading.values:
        return reading
    corrected = {
        "pm25_koehler_ug_m3": koehler(pm25, humidity),
        "koehler_kappa": KAPPA,
        "koehler_rh_percent": min(humidity, _HIGHEST_RH),
    }
    pm25_cf1 = reading.values.get("pm25_cf1_ug_m3")
    if pm25_cf1 is not None:
        corrected["epa2021_rh_percent"] = humidity
        corrected["pm25_epa2021_ug_m3"] = epa_2021(pm25_cf1, humidity)
        corrected["pm25_epa2021_smoke_ug_m3"] = epa_2021_smoke(pm25_cf1, humidity)
    return replace(reading, corrected=reading.corrected | corrected)
