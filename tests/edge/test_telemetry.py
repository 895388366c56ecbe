"""What one sensor's interval says on the wire: means of valid readings, corrected beside raw, marks for the rest."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.facts import Fact
from edge.telemetry import Interval
from firmware_bridge.driver import MARK_OF_QUALITY
from firmware_bridge.reading import Quality, Reading
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.records import Telemetry, decode_record


def stamp(t_s: float) -> Stamp:
    return Stamp(1_795_000_000.0 + t_s, int(t_s * 1e9))


def reading(t_s: float, pm25: float, quality: Quality = "ok") -> Reading:
    values = {"pm25_atm_ug_m3": pm25, "version": 151.0}
    return Reading("PMS7003", values, quality, MARK_OF_QUALITY[quality], arrived_mono_ns=int(t_s * 1e9))


def interval() -> Interval:
    return Interval("pm-1", "PMS7003", stamp(0), every_s=1.0)


def test_valid_readings_are_folded_and_all_are_counted() -> None:
    minute = interval()
    assert minute.close(stamp(0)) is None, "nothing has come"
    for t_s, value in ((20, 10.0), (40, 20.0), (58, 60.0)):
        minute.add(reading(t_s, value))
    minute.add(reading(59, 999.0, "ceiling"))
    record = minute.close(stamp(60))
    assert record is not None
    assert set(record.values) == {"pm25_atm_ug_m3"}
    folded = record.values["pm25_atm_ug_m3"]
    assert (folded.mean, folded.low, folded.high, folded.count) == (30.0, 10.0, 60.0, 3)
    assert (record.readings, record.marks) == (4, {"ok": 3, "ceiling": 1})
    assert (record.from_at, record.to_at) == (stamp(0).captured_at, stamp(60).captured_at)
    assert minute.close(stamp(61)) is None, "nothing has come since, and nothing is late yet"


def test_corrected_values_travel_beside_the_raw_ones() -> None:
    minute = interval()
    minute.add(replace(reading(1, 20.0), corrected={"pm25_epa2021_ug_m3": 11.3}))
    minute.add(reading(2, 40.0))
    record = minute.close(stamp(3))
    assert record is not None
    assert (record.values["pm25_atm_ug_m3"].mean, record.values["pm25_atm_ug_m3"].count) == (30.0, 2)
    assert (record.values["pm25_epa2021_ug_m3"].mean, record.values["pm25_epa2021_ug_m3"].count) == (11.3, 1)


def test_a_sensor_that_falls_silent_leaves_a_marked_gap_and_comes_back() -> None:
    minute = interval()
    minute.add(reading(10, 20.0))
    first, second = minute.close(stamp(60)), minute.close(stamp(120))
    assert first is not None
    assert (first.readings, first.marks) == (1, {"ok": 1, "stale": 1})
    assert second is not None
    assert (second.from_at, second.readings, second.marks) == (first.to_at, 0, {"stale": 1})
    assert second.values == {}
    minute.add(reading(179, 20.0))
    third = minute.close(stamp(180))
    assert third is not None
    assert third.marks == {"ok": 1}


def test_a_sensor_asleep_by_its_duty_cycle_is_not_stale() -> None:
    asleep = Interval("pm-1", "PMS7003", stamp(0), every_s=300.0)
    asleep.add(reading(60, 20.0))
    first = asleep.close(stamp(60))
    assert first is not None
    assert first.marks == {"ok": 1}
    assert asleep.close(stamp(300)) is None
    late = asleep.close(stamp(1000))
    assert late is not None
    assert late.marks == {"stale": 1}


QUALITIES: list[Quality] = [quality for quality in MARK_OF_QUALITY if quality != "stale"]  # no reading arrives stale


@given(st.lists(st.tuples(st.floats(0, 2000), st.sampled_from(QUALITIES)), max_size=50))
def test_whatever_comes_the_wire_takes_it_and_only_valid_readings_count(sample: list[tuple[float, Quality]]) -> None:
    minute = interval()
    for pm25, quality in sample:
        minute.add(reading(59, pm25, quality))
    body = minute.close(stamp(60))
    assert (body is None) == (not sample)
    if body is None:
        return
    told = decode_record(Fact("telemetry", body, stamp(60), "boot", ClockState()).encode(1)).body
    assert isinstance(told, Telemetry)
    assert told.readings == len(sample) == sum(told.marks.values())
    valid = [pm25 for pm25, quality in sample if MARK_OF_QUALITY[quality] == "N"]
    assert (told.values["pm25_atm_ug_m3"].count if told.values else 0) == len(valid)
    if valid:
        folded = told.values["pm25_atm_ug_m3"]
        assert (folded.low, folded.high) == (round(min(valid), 3), round(max(valid), 3))
