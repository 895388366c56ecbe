"""Droplets against the domain's steam table (typed in again here)."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.steam import COAL_STOVE, CONDENSING_BOILER, ORDINARY_BOILER, FlueGas, clears_at, liquid_g_m3

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
