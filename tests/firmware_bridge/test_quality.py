from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_bridge.quality import SensorHistory, TwinWatch, aged, pm25_of
from firmware_bridge.reading import Reading

_S = 1_000_000_000


def at(t_s: float, pm25: float, **values: float) -> Reading:
    return Reading("SDS011", {"pm25_ug_m3": pm25, "sensor_id": 7, **values}, arrived_mono_ns=int(t_s * _S) + 1)


def qualities(history: SensorHistory, readings: list[Reading]) -> list[str]:
    return [history.judge(reading).quality for reading in readings]


def test_air_that_changes_is_ok_and_values_are_untouched() -> None:
    history = SensorHistory(30)
    readings = [at(t, 20 + (t % 7) / 10) for t in range(7200)]
    assert [history.judge(reading) for reading in readings] == readings


def test_fine_values_standing_still_for_over_an_hour_are_stuck() -> None:
    history = SensorHistory(30)
    found = qualities(history, [at(t, 12.3) for t in range(0, 3700, 2)])
    assert found[: 3600 // 2] == ["ok"] * 1800
    assert set(found[3604 // 2 :]) == {"stuck"}
    freed = history.judge(at(3700, 12.4))
    assert freed.quality == "ok"


def test_whole_numbers_may_stand_still_for_long() -> None:
    found = qualities(SensorHistory(30), [at(t, 3) for t in range(0, 13 * 3600, 20)])
    assert found.index("stuck") * 20 > 12 * 3600


def test_a_gap_begins_the_count_of_stillness_anew() -> None:
    history = SensorHistory(30)
    readings = [at(t, 12.3) for t in (*range(0, 3000, 2), *range(3100, 6000, 2))]
    assert set(qualities(history, readings)) == {"ok"}


def test_zero_for_an_hour_with_counts_is_a_dead_sensor() -> None:
    history = SensorHistory(30)
    dead = [replace(at(t, 0, n0_3_per_cm3=0), quality="zero") for t in range(0, 3700, 2)]
    assert history.judge(dead[0]).quality == "zero"
    assert qualities(history, dead)[-1] == "stuck"


def test_one_wild_reading_is_a_spike_and_a_lasting_rise_is_not() -> None:
    history = SensorHistory(30)
    calm = [at(t, 20 + t % 3) for t in range(10)]
    assert set(qualities(history, calm)) == {"ok"}
    spike = history.judge(at(10, 300))
    assert (spike.quality, spike.mark, spike.values["pm25_ug_m3"]) == ("spike", "N", 300)
    assert history.judge(at(11, 21)).quality == "ok"
    rise = qualities(history, [at(12 + t, 150) for t in range(8)])
    assert rise[0] == "spike"
    assert rise[-4:] == ["ok"] * 4


def test_after_waking_it_warms_up() -> None:
    history = SensorHistory(30)
    history.woken(100 * _S)
    assert history.judge(at(129, 20)).quality == "warming_up"
    assert history.judge(at(129, 20)).mark == "F"
    assert history.judge(at(131, 20)).quality == "ok"


def test_what_the_frame_itself_said_is_kept() -> None:
    broken = replace(at(5, 20), quality="sensor_error", mark="D", reason="error byte 0x02")
    history = SensorHistory(30)
    history.woken(0)
    assert history.judge(broken) == broken


def test_readings_from_a_file_and_other_quantities_pass() -> None:
    history = SensorHistory(30)
    stored = replace(at(0, 3), arrived_mono_ns=None)
    assert history.judge(stored) == stored
    wind = [Reading("RS", {"wind_speed_m_s": 0.0}, arrived_mono_ns=t * 10 * _S) for t in range(1, 5000)]
    assert set(qualities(history, wind)) == {"ok"}


def test_twins_that_agree_and_twins_that_do_not() -> None:
    watch = TwinWatch()
    for t in range(60):
        assert watch.judge("a", at(t, 30)).quality == "ok"
        assert watch.judge("b", at(t, 45)).quality == "ok"  # 40 % apart: cheap sensors do that
    last = [watch.judge(name, at(t, pm25)) for t in range(60, 180) for name, pm25 in (("a", 30), ("b", 90))]
    assert [reading.quality for reading in last[-2:]] == ["disagrees", "disagrees"]
    assert last[-1].mark == "D"
    assert "60 µg/m³" in (last[-1].reason or "")


def test_small_differences_in_clean_air_are_no_disagreement() -> None:
    watch = TwinWatch()
    found = [watch.judge(name, at(t, pm25)).quality for t in range(60) for name, pm25 in (("a", 1), ("b", 5))]
    assert set(found) == {"ok"}


def test_twins_are_two() -> None:
    watch = TwinWatch()
    watch.judge("a", at(0, 1))
    watch.judge("b", at(0, 1))
    with pytest.raises(ValueError, match="'c' came beside"):
        watch.judge("c", at(0, 1))


def test_an_old_reading_is_stale() -> None:
    reading = at(100, 20)
    assert aged(reading, 104 * _S, 1.0) == reading
    old = aged(reading, 112 * _S, 1.0)
    assert (old.quality, old.mark, old.reason) == ("stale", "B", "nothing newer for 12 s")
    assert aged(reading, 112 * _S, 5.0) == reading


def test_where_pm25_stands() -> None:
    assert pm25_of(Reading("PMS5003", {"pm25_cf1_ug_m3": 40, "pm25_atm_ug_m3": 30})) == 30
    assert pm25_of(Reading("RS", {"wind_speed_m_s": 1})) is None
