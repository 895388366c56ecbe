"""Droplets against the domain's steam table (typed in again here)."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.steam import (
    COAL_STOVE,
    CONDENSING_BOILER,
    ORDINARY_BOILER,
    FlueGas,
    clears_at,
    droplet_table,
    liquid_g_m3,
    saturation,
)

#: gas, air °C, dilution at which the last droplet is gone for 50, 70, 85, 95 % humidity.
TABLE = [
    (CONDENSING_BOILER, 5, (34, 56, 112, 333)),
    (CONDENSING_BOILER, 0, (51, 85, 169, 506)),
    (CONDENSING_BOILER, -5, (78, 129, 257, 770)),
    (CONDENSING_BOILER, -15, (182, 302, 604, 1809)),
    (ORDINARY_BOILER, 5, (11, 22, 48, 149)),
    (ORDINARY_BOILER, -5, (46, 78, 155, 467)),
    (ORDINARY_BOILER, -20, (199, 332, 662, 1986)),
    (COAL_STOVE, 5, (0, 0, 0, 0)),
    (COAL_STOVE, -10, (0, 0, 30, 129)),
    (COAL_STOVE, -15, (26, 49, 104, 321)),
]


@pytest.mark.parametrize(("gas", "air_c", "expected"), TABLE)
def test_clears_where_the_table_says(gas: FlueGas, air_c: float, expected: tuple[int, ...]) -> None:
    found = [clears_at(gas, air_c, humidity) for humidity in (50, 70, 85, 95)]
    assert found == pytest.approx(expected, rel=0.03, abs=1.3)


def test_hot_dry_gas_leaves_a_gap_at_the_mouth() -> None:
    """An ordinary boiler's gas has to cool before it shows; a condensing one's shows at once."""
    just_out = np.array([0.05])
    assert liquid_g_m3(ORDINARY_BOILER, 2, 50, just_out)[0] == 0
    assert liquid_g_m3(ORDINARY_BOILER, 2, 50, np.array([5.0]))[0] > 0
    assert liquid_g_m3(CONDENSING_BOILER, 2, 50, just_out)[0] > 0


def test_condensing_water_warms_the_mixture() -> None:
    """Total water and heat are kept, and what is left as vapour is just what the warmed mixture can hold."""
    for gas, air_c, dilution in ((CONDENSING_BOILER, 0.0, 5.0), (ORDINARY_BOILER, -10.0, 30.0)):
        share = 1 / (1 + dilution)
        liquid = float(liquid_g_m3(gas, air_c, 60, np.array([dilution]))[0]) / 1250
        air_water = 0.6 * float(saturation(air_c))
        water = air_water + share * (float(saturation(gas.dew_point_c)) - air_water)
        cold = air_c + share * (gas.temp_c - air_c)
        warm = cold + 2490 * liquid
        assert water - liquid == pytest.approx(float(saturation(warm)), rel=1e-4)
        assert 0.2 < liquid / (water - float(saturation(cold))) < 0.75


def test_the_table_is_what_the_mixing_line_says() -> None:
    share, liquid = droplet_table(ORDINARY_BOILER, -3.0, 70.0)
    some = np.array([0.001, 0.02, 0.3])
    found = np.interp(some, share, liquid)
    assert found == pytest.approx(liquid_g_m3(ORDINARY_BOILER, -3.0, 70.0, 1 / some - 1), rel=0.02, abs=1e-3)
