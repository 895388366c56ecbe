from __future__ import annotations

import pytest

from firmware_bridge.corrections import epa_2021, epa_2021_smoke, koehler, with_corrections
from firmware_bridge.reading import Reading


def test_epa_2021() -> None:
    assert epa_2021(100, 50) == pytest.approx(0.524 * 100 - 0.0862 * 50 + 5.75)
    assert epa_2021(1, 95) == 0  # never below nothing
    assert epa_2021(0, 30) == 0  # its constant must not invent 5.75 µg/m³ in clean air


def test_epa_2021_smoke_bends_upward_above_343() -> None:
    assert epa_2021_smoke(343, 60) == pytest.approx(0.52 * 343 - 0.086 * 60 + 5.75)
    assert epa_2021_smoke(600, 60) == pytest.approx(0.46 * 600 + 3.93e-4 * 600**2 + 2.97)
    assert epa_2021_smoke(0, 60) == 0


def test_koehler_takes_water_off_and_stops_short_of_its_pole() -> None:
    assert koehler(50, 40) == pytest.approx(50 / (1 + 0.35 / 1.65 / (100 / 40 - 1)))
    assert koehler(50, 95) == koehler(50, 100)
    assert 0 < koehler(50, 100) < koehler(50, 80) < 50


def test_corrected_values_stand_beside_the_raw_ones_with_their_inputs() -> None:
    raw = Reading("PMS5003", {"pm25_cf1_ug_m3": 100, "pm25_atm_ug_m3": 70})
    both = with_corrections(raw, 97)
    assert both.values == raw.values
    assert both.corrected == pytest.approx(
        {
            "pm25_koehler_ug_m3": koehler(70, 97),
            "koehler_kappa": 0.35,
            "koehler_rh_percent": 95,
            "pm25_epa2021_ug_m3": epa_2021(100, 97),
            "pm25_epa2021_smoke_ug_m3": epa_2021_smoke(100, 97),
            "epa2021_rh_percent": 97,
        }
    )


def test_the_sensors_own_humidity_is_used_and_without_any_nothing_is_said() -> None:
    own = Reading("PMS5003T", {"pm25_cf1_ug_m3": 10, "pm25_atm_ug_m3": 10, "rh_percent": 60})
    assert with_corrections(own).corrected["koehler_rh_percent"] == 60
    dry = Reading("SDS011", {"pm25_ug_m3": 10})
    assert with_corrections(dry) == dry
    assert set(with_corrections(dry, 50).corrected) == {"pm25_koehler_ug_m3", "koehler_kappa", "koehler_rh_percent"}
    dust = Reading("SDS198", {"pm100_ug_m3": 10})
    assert with_corrections(dust, 50) == dust
