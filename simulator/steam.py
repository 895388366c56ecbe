"""How much of a steam plume is droplets after mixing with air, by temperature and humidity.

Mixing-line argument as in the domain's steam table: flue gas and air mix in straight lines of temperature and vapour
content. Where the mixture would hold more vapour than saturated air can, vapour condenses, and *its heat warms the
mixture*, which then holds more (adiabatic isobaric mixing, as in Rogers and Yau, A Short Course in Cloud Physics, or
Bohren and Albrecht, Atmospheric Thermodynamics): near a boiler's mouth only about a third of what the cold mixture
could not hold becomes droplets. Where the last of them goes is the same with and without that heat. Magnus formula over
water, 1000 hPa.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.pinhole import Floats

_PRESSURE_HPA = 1000.0
_VAPOUR_TO_AIR = 0.622
_AIR_G_M3 = 1250.0
_WARMS_K = 2490.0  # a gram of vapour that condenses in a gram of air: latent heat (J/g) over heat capacity (1.005)
_HALVINGS = 26
#: Droplets of some 4 µm radius: 3 / (2 · density · radius), m² a gram.
DROPLET_EXTINCTION_M2_G = 0.37


@dataclass(frozen=True, slots=True)
class FlueGas:
    """Gas at the mouth: temperature and the dew point that says how much water it carries."""

    temp_c: float
    dew_point_c: float


CONDENSING_BOILER = FlueGas(55.0, 55.0)
ORDINARY_BOILER = FlueGas(110.0, 50.0)
COAL_STOVE = FlueGas(150.0, 35.0)


def saturation(temp_c: Floats | float) -> Floats:
    """Mixing ratio of saturated air, grams of water a gram of dry air."""
    vapour = 6.112 * np.exp(17.62 * np.asarray(temp_c) / (243.12 + np.asarray(temp_c)))
    vapour = np.minimum(vapour, 0.99 * _PRESSURE_HPA)
    return np.asarray(_VAPOUR_TO_AIR * vapour / (_PRESSURE_HPA - vapour))


def liquid_g_m3(gas: FlueGas, air_c: float, rh_percent: float, dilution: Floats) -> Floats:
    """Droplet water in the mixture (g/m³) once each volume of flue gas has ``dilution`` volumes of air in it."""
    share = 1 / (1 + np.asarray(dilution, dtype=np.float64))
    temp = air_c + share * (gas.temp_c - air_c)
    air_water = rh_percent / 100 * saturation(air_c)
    water = air_water + share * (saturation(gas.dew_point_c) - air_water)
    low = np.zeros_like(temp)
    high = np.clip(water - saturation(temp), 0, None)
    for _ in range(_HALVINGS):  # what is still vapour falls, and what air can hold rises, with what has condensed
        middle = 0.5 * (low + high)
        more = water - middle > saturation(temp + _WARMS_K * middle)
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray(0.5 * (low + high) * _AIR_G_M3)


@lru_cache(maxsize=64)
def droplet_table(gas: FlueGas, air_c: float, rh_percent: float) -> tuple[Floats, Floats]:
    """Droplet water (g/m³) over the share of flue gas in the mixture, both ascending in that share."""
    share = np.geomspace(1e-6, 0.98, 1500)
    return share, liquid_g_m3(gas, air_c, rh_percent, 1 / share - 1)


@lru_cache(maxsize=64)
def clears_at(gas: FlueGas, air_c: float, rh_percent: float) -> float:
    """The dilution beyond which no droplets are left; 0 when none ever form."""
    steps = np.geomspace(0.01, 20000, 6000)
    wet = np.nonzero(liquid_g_m3(gas, air_c, rh_percent, steps) > 0)[0]
    return float(steps[wet[-1]]) if len(wet) else 0.0
