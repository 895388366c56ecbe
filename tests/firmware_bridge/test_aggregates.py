from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.aggregates import Fold, Interval, MinuteMaker, Summary, combine
from firmware_bridge.quality import judged
from firmware_bridge.reading import Reading

_START = 1_700_000_040  # a full minute


def at(t_s: float, pm25: float) -> Reading:
    return Reading("SDS011", {"pm25_ug_m3": pm25, "sensor_id": 3}, arrived_unix_s=_START + t_s)


def minutes(readings: list[Reading], every_s: float = 1.0) -> list[Interval]:
    maker = MinuteMaker(every_s)
    ended = [maker.add(reading) for reading in readings] + [maker.close()]
    return [interval for interval in ended if interval is not None]


def test_a_full_minute() -> None:
    (minute,) = minutes([at(t, 10 + t % 2) for t in range(60)])
    assert (minute.from_unix_s, minute.to_unix_s) == (_START, _START + 60)
    assert minute.values == {"pm25_ug_m3": Summary(10.5, 10, 11, 60)}
    assert (minute.readings, minute.qualities, minute.completeness) == (60, {"ok": 60}, 1.0)


def test_only_valid_readings_count_and_all_are_counted() -> None:
    good = [at(t, 10) for t in range(15)]
    bad = [judged(at(t, 999), "ceiling", "top") for t in range(15, 60)]
    (minute,) = minutes(good + bad)
    assert minute.values["pm25_ug_m3"] == Summary(10, 10, 10, 15)
    assert (minute.qualities, minute.completeness) == ({"ok": 15, "ceiling": 45}, 0.25)


def test_corrected_values_are_averaged_beside_the_raw_ones() -> None:
    (minute,) = minutes([replace(at(t, 10), corrected={"pm25_koehler_ug_m3": 8.0}) for t in range(3)])
    assert minute.values["pm25_koehler_ug_m3"].mean == 8


def test_minutes_without_readings_are_missing_not_zero() -> None:
    found = minutes([at(0, 1), at(200, 2)], every_s=30)
    assert [minute.from_unix_s - _START for minute in found] == [0, 180]
    assert [minute.completeness for minute in found] == [0.5, 0.5]


def test_an_hour_of_minutes_weighs_each_minute_alike() -> None:
    dense = [at(t, 10) for t in range(60)]
    sparse = [at(60 + t, 40) for t in range(0, 60, 10)]
    hour = combine(minutes(dense + sparse), _START, 3600)
    assert hour.values["pm25_ug_m3"] == Summary(25, 10, 40, 66)
    assert hour.completeness == pytest.approx((60 + 6) / 3600)
    assert hour.readings == 66
    assert combine(minutes(dense), _START + 60, 300).values == {}


def direction(degrees: list[float]) -> Summary | None:
    fold = Fold()
    for value in degrees:
        fold.add(Reading("RS-WS-N01", {"wind_from_deg": value}))
    return fold.summaries().get("wind_from_deg")


@pytest.mark.parametrize(
    ("degrees", "mean"),
    [([350, 10], 0), ([90], 90), ([0, 90], 45), ([359, 359, 2], 0)],
)
def test_directions_are_averaged_round_the_circle(degrees: list[float], mean: float) -> None:
    found = direction(degrees)
    assert found is not None
    assert (found.low, found.high, found.count) == (found.mean, found.mean, len(degrees))
    assert 0 <= found.mean < 360
    assert (found.mean - mean + 180) % 360 - 180 == pytest.approx(0, abs=0.01)


def test_opposite_directions_have_no_mean() -> None:
    assert direction([90, 270]) is None
    assert direction([0, 180] * 1000) is None


def test_an_hour_of_wind_is_averaged_round_the_circle_of_its_minutes() -> None:
    readings = [
        Reading("RS-WS-N01", {"wind_from_deg": 350.0 if t < 60 else 10.0}, arrived_unix_s=_START + t)
        for t in range(120)
    ]
    hour = combine(minutes(readings), _START, 3600)
    assert (hour.values["wind_from_deg"].mean + 180) % 360 == pytest.approx(180)


def test_a_fold_says_what_came_and_what_of_it_counts() -> None:
    fold = Fold()
    fold.add(replace(at(0, 10), corrected={"pm25_koehler_ug_m3": 8.0}))
    fold.add(replace(judged(at(1, 900), "disagrees", "its twin"), corrected={"pm25_koehler_ug_m3": 700.0}))
    fold.add(judged(at(2, 40), "spike", "it may be the fire"))
    assert fold.summaries() == {
        "pm25_ug_m3": Summary(25, 10, 40, 2),
        "pm25_koehler_ug_m3": Summary(8, 8, 8, 1),
    }
    assert (fold.readings, fold.valid, fold.qualities) == (3, 2, {"ok": 1, "disagrees": 1, "spike": 1})


def test_a_reading_needs_a_time() -> None:
    with pytest.raises(ValueError, match="arrival time"):
        MinuteMaker(1.0).add(Reading("SDS011", {}))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 7200), st.floats(0, 999)), min_size=1, max_size=60))
def test_nothing_is_lost_or_invented(sample: list[tuple[float, float]]) -> None:
    found = minutes([at(t, pm25) for t, pm25 in sorted(sample)])
    assert sum(minute.readings for minute in found) == len(sample)
    means = [minute.values["pm25_ug_m3"] for minute in found]
    assert sum(one.count for one in means) == len(sample)
    assert all(one.low <= one.mean + 1e-9 and one.mean <= one.high + 1e-9 for one in means)
