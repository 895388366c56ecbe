"""The air against the domain's plume table (typed in again here), and the sensors that breathe it."""

from __future__ import annotations

from math import radians, tan

import numpy as np
import pytest

from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading
from simulator.air import Release, Stability, Terrain, excess_ug_m3, travel_s
from simulator.responses import growth
from simulator.sensors import Unit

#: terrain, g/h, class, wind, then µg/m³ on the axis 50, 100, 200, 300 m downwind; release and sensor at 6 m.
ON_THE_AXIS: list[tuple[Terrain, float, Stability, float, tuple[float, ...]]] = [
    ("rural", 3, "D", 1, (11.5, 3.3, 1.2, 0.6)),
    ("rural", 3, "E", 2, (15.0, 3.8, 1.1, 0.6)),
    ("rural", 3, "F", 1, (84.3, 21.5, 5.5, 2.6)),
    ("rural", 20, "D", 3, (25.5, 7.3, 2.7, 1.4)),
    ("rural", 20, "F", 1, (562.3, 143.0, 37.0, 17.4)),
    ("urban", 3, "D", 1, (3.0, 1.0, 0.3, 0.1)),
    ("urban", 3, "F", 1, (6.4, 2.1, 0.8, 0.4)),
    ("urban", 20, "D", 1, (19.7, 6.9, 2.0, 0.9)),
    ("urban", 20, "E", 2, (21.2, 7.0, 2.5, 1.3)),
    ("urban", 20, "F", 3, (14.1, 4.7, 1.7, 0.9)),
]
STOVE = Release(0.0, 0.0, 6.0)


@pytest.mark.parametrize(("terrain", "q", "stability", "wind", "expected"), ON_THE_AXIS)
def test_on_the_axis(
    terrain: Terrain, q: float, stability: Stability, wind: float, expected: tuple[float, ...]
) -> None:
    south_wind = [
        excess_ug_m3(STOVE, (0.0, x, 6.0), q, wind, 180.0, stability, terrain) for x in (50.0, 100.0, 200.0, 300.0)
    ]
    assert south_wind == pytest.approx(expected, abs=0.051)  # the table gives one decimal


def test_taller_sensor_and_off_the_line() -> None:
    tall = [excess_ug_m3(STOVE, (0.0, x, 12.0), 3, 1, 180.0, "E", "rural") for x in (50.0, 100.0, 200.0, 300.0)]
    assert tall == pytest.approx((0.0, 0.9, 1.1, 0.8), abs=0.051)
    aside = tan(radians(15))
    beside = [excess_ug_m3(STOVE, (x * aside, x, 6.0), 3, 1, 180.0, "D", "urban") for x in (50.0, 100.0, 200.0)]
    assert beside == pytest.approx((0.7, 0.2, 0.1), abs=0.051)


def test_upwind_is_clean_and_sides_are_alike() -> None:
    assert excess_ug_m3(STOVE, (0.0, -50.0, 6.0), 20, 1, 180.0) == 0
    left, right = (excess_ug_m3(STOVE, (side, 80.0, 6.0), 20, 1, 180.0) for side in (-9.0, 9.0))
    assert left == pytest.approx(right)
    assert 0 < left < excess_ug_m3(STOVE, (0.0, 80.0, 6.0), 20, 1, 180.0)
    assert travel_s(STOVE, (0.0, 80.0, 6.0), 2.0) == pytest.approx(40)


@pytest.mark.parametrize("model", ["PMS5003T", "SDS011"])
def test_units_send_frames_of_their_model(model: str) -> None:
    unit = Unit(model, (0, 0, 10), np.random.default_rng(5))
    readings = [driver_for(model).parse(unit.sense(60.0, -3.2, 55.0, 1.0)) for _ in range(200)]
    assert all(isinstance(reading, Reading) and reading.quality == "ok" for reading in readings)
    name = "pm25_atm_ug_m3" if model.startswith("PMS") else "pm25_ug_m3"
    values = [reading.values[name] for reading in readings if isinstance(reading, Reading)]
    wet = growth(55.0, unit.response.kappa)
    assert np.mean(values) == pytest.approx(60 * wet * unit.gain + unit.offset, rel=0.05)
    assert 0.2 < np.std(values) < 5
    if model == "PMS5003T":
        last = readings[-1]
        assert isinstance(last, Reading)
        assert last.values["temp_c"] == pytest.approx(-3.2 + unit.temp_error_c, abs=0.4)
        assert last.values["n0_3_per_cm3"] > last.values["n0_5_per_cm3"] > last.values["n2_5_per_cm3"]


def test_a_unit_lags_and_saturates_without_falling_over() -> None:
    unit = Unit("SDS011", (0, 0, 10), np.random.default_rng(6))
    unit.sense(20.0, 5, 40, 1.0)
    first = driver_for("SDS011").parse(unit.sense(5000.0, 5, 40, 1.0))
    for _ in range(60):
        later = driver_for("SDS011").parse(unit.sense(5000.0, 5, 40, 1.0))
    assert isinstance(first, Reading)
    assert isinstance(later, Reading)
    assert first.values["pm25_ug_m3"] < 999
    assert later.values["pm25_ug_m3"] == pytest.approx(999.9)
