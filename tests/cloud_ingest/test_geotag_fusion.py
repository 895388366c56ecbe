"""The factors beside geometry: air, cycling, steam, coal, dates. Each must move what it should, within its bounds."""

from __future__ import annotations

from datetime import date, datetime
from math import log
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag import air
from cloud_ingest.geotag.air import BRIGGS, Curve, Rise, Wind, air_factor, excess_ug_m3, log_ratio, reached, rises_of
from cloud_ingest.geotag.coal import MOST as MOST_COAL
from cloud_ingest.geotag.coal import coal_likelihood
from cloud_ingest.geotag.customs import holidays, suggestions
from cloud_ingest.geotag.cycles import cycling
from cloud_ingest.geotag.factors import Factor, added_up, log_odds, probability
from cloud_ingest.geotag.register import Circle, Entry, Register
from cloud_ingest.geotag.steam import EarlierPlume, steam_factors
from smokesentry.weather import Weather

ZONE = ZoneInfo("Asia/Shanghai")
TELLING, COLD, UNKNOWN = Weather(2.0, 50.0), Weather(-8.0, 50.0), Weather()
T0 = 1_795_000_000.0


# --- log-odds


@given(st.floats(0, 1), st.lists(st.floats(-3, 3), max_size=6))
def test_factors_add_up_and_say_what_they_moved(start, weights):
    after, listed = added_up(start, [Factor("x", weight, "", "smoke") for weight in weights])
    assert 0 <= after <= 1
    assert [factor.before for factor in listed] == [start, *(factor.after for factor in listed)][: len(listed)]
    for factor in listed:
        assert (factor.after - factor.before) * (1 if factor.weight > 0 else -1) >= -1.01e-4


@given(st.floats(-9, 9))
def test_odds_and_probability_are_inverses(value):
    assert log_odds(probability(value)) == pytest.approx(value, abs=1e-6)


# --- air


@pytest.mark.parametrize(
    ("briggs", "grams", "speed", "distance", "across", "table"),
    [  # rows of the plume table
        (0, 3.0, 1.0, 100.0, 0.0, 3.3), (1, 20.0, 2.0, 50.0, 0.0, 100.0), (2, 20.0, 1.0, 300.0, 0.0, 17.4),
        (3, 20.0, 1.0, 100.0, 0.0, 6.9), (4, 3.0, 3.0, 50.0, 0.0, 2.1), (0, 3.0, 1.0, 100.0, 10.0, 0.3),
    ],
)  # fmt: skip
def test_the_plume_is_that_of_the_table(briggs, grams, speed, distance, across, table):
    turn = np.radians(across)
    x, y = np.array([distance * np.cos(turn)]), np.array([distance * np.sin(turn)])
    found = float(excess_ug_m3(grams, x, y, speed, BRIGGS[briggs][0])[0])
    assert found == pytest.approx(table, rel=0.03, abs=0.06)


def test_the_shares_over_which_the_air_is_drawn_are_shares():
    assert sum(share for _, share in BRIGGS) == pytest.approx(1)
    assert sum(share for _, share in air._RELEASES_G_H) == pytest.approx(1)


def test_near_and_downwind_a_rise_is_likelier_and_nowhere_is_it_certain():
    assert 1 > reached(30, 0, 1.5) > reached(100, 0, 1.5) > reached(300, 0, 1.5)
    assert reached(60, 0, 1.5) > reached(60, 20, 1.5) > reached(60, 60, 1.5)
    assert reached(60, 0, 1.5) > reached(60, None, 1.5) > reached(60, 180, 1.5) == 0
    assert reached(60, -20, 1.5) == reached(60, 20, 1.5)


def test_neighbouring_roofs_are_hardly_told_apart_by_a_rise():
    """Why no rise moves a roof: under a vane's error the next house's likelihood is more than 0.7 of the best one's."""
    for distance in (60.0, 100.0, 150.0):
        for speed in (0.8, 1.5, 3.0):
            here, next_house = (
                log_ratio(Rise("gw", distance, 0.0, 9.0, T0 + distance / speed), 0.0, y, Wind(speed, 270.0), T0)
                for y in (0.0, 15.0)
            )
            assert here - next_house < log(1 / 0.7)


def rise(x, y, after_s=60.0, ug=9.0, gateway="gw"):
    return Rise(gateway, x, y, ug, T0 + after_s)


WEST_WIND = Wind(1.5, 270.0)


@settings(deadline=None)
@given(st.floats(-400, 400), st.floats(-400, 400), st.floats(0, 360), st.floats(0, 8), st.floats(-3600, 3600))
def test_a_rise_never_speaks_against_smoke_and_never_decides(x, y, from_deg, speed, after_s):
    found = log_ratio(rise(x, y, after_s), 0.0, 0.0, Wind(speed, from_deg), T0)
    assert 0 <= found < log(1 / 0.15)
    factor = air_factor([rise(x, y, after_s)] * 5, [(0.0, 0.0, 0.9)], Wind(speed, from_deg), T0)
    assert factor is None or 0 < factor.weight <= air.MOST


def test_a_rise_counts_downwind_in_time_and_not_upwind_or_at_another_time():
    fire = [(0.0, 0.0, 0.9)]
    good = air_factor([rise(60, 0)], fire, WEST_WIND, T0)
    assert good is not None and good.weight > 0.3
    assert "270" in good.text
    assert air_factor([rise(-60, 0)], fire, WEST_WIND, T0) is None
    assert air_factor([rise(60, 0, after_s=2400)], fire, WEST_WIND, T0) is None
    unknown = air_factor([rise(60, 0)], fire, Wind(), T0)
    assert unknown is not None and unknown.weight < good.weight
    assert "not known" in unknown.text
    calm = air_factor([rise(60, 0)], fire, Wind(0.2, 270.0), T0)
    assert calm is not None and "not known" in calm.text
    assert air_factor([], fire, WEST_WIND, T0) is None


def curve(gateway, x, after, rh=None, noise=0.5):
    """A value a minute: half an hour of 40 with noise before T0, then ``after`` more for half an hour."""
    times = T0 + 60.0 * np.arange(-30, 31)
    burst = np.where((times > T0) & (times < T0 + 1800), after, 0.0)
    values = 40 + noise * np.random.default_rng(5).standard_normal(61) + burst
    return Curve(gateway, x, 0.0, times, values, rh)


def test_a_rise_of_one_station_is_found_and_a_whole_towns_is_not():
    (found,) = rises_of([curve("a", 60, 12.0), curve("b", 200, 0.0), curve("c", 300, 0.3)], T0)
    assert (found.gateway, round(found.ug_m3)) == ("a", 12)
    assert T0 <= found.onset_s <= T0 + 180
    assert rises_of([curve(name, n, 12.0) for n, name in enumerate("abc")], T0) == []
    assert rises_of([curve("a", 60, 12.0, rh=95.0)], T0) == []  # droplets
    assert rises_of([curve("a", 60, 12.0, noise=6.0)], T0) == []  # its own noise
    assert rises_of([Curve("a", 0, 0, np.zeros(0), np.zeros(0))], T0) == []


# --- cycling and steam


def firings(every_min, length_min, count, start=0.0):
    return [(start + 60 * every_min * n, start + 60 * (every_min * n + length_min)) for n in range(count)]


def test_a_thermostat_is_told_from_a_stove():
    boiler = cycling(firings(11, 4, 14))
    assert boiler is not None and boiler.weight == -1.5
    assert (boiler.starts, round(boiler.period_min)) == (14, 11)
    # A stove lit at 18:00, fed at 20:10 and 22:00, its plume lost and found several times within each burst.
    stove = [span for at in (0, 7800, 14400) for span in firings(6, 3, 5, at)]
    fed = cycling(stove)
    assert fed is None or fed.weight == 0
    assert cycling(firings(11, 4, 3)) is None  # too few
    assert cycling(firings(8, 2, 5)) is None  # all within one burst
    assert cycling(firings(60, 30, 6)) is None  # far too long for firings


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5e4), st.floats(0, 3000)), max_size=40))
def test_cycling_never_speaks_for_smoke_and_is_bounded(spans):
    found = cycling((start, start + length) for start, length in spans)
    assert found is None or -1.5 <= found.weight <= 0
    assert found == cycling(reversed([(start, start + length) for start, length in spans]))


def plumes(spans, classes="smoke"):
    return [EarlierPlume(start, end, classes) for start, end in spans]


def test_steam_marks_weigh_only_where_steam_can_be_told():
    night = plumes(firings(11, 4, 14))
    weighed, strong = steam_factors(night, 0.9, TELLING)
    assert strong and sum(factor.weight for factor in weighed) < -1.9
    for weather, why in ((COLD, "too cold"), (UNKNOWN, "unknown")):
        told, strong = steam_factors(night, 0.9, weather)
        assert strong  # the class is unresolved all the same
        assert {factor.weight for factor in told} == {0.0}
        assert all(why in factor.text for factor in told)


def test_a_converted_household_alone_keeps_its_smoke():
    factors, strong = steam_factors(plumes([(0, 1500)]), 1.0, TELLING)
    assert not strong
    assert [factor.word for factor in factors] == ["gas_heating"]
    assert factors[0].weight >= -0.5
    assert steam_factors([], 0.0, TELLING) == ([], False)


# --- coal


def gas(quantity, value):
    return {"sensor": "gas-1", "quantity": quantity, "rise": value, "background": 1.0, "at": "x"}


EVENING = datetime(2026, 11, 22, 19, 0, tzinfo=ZONE)


def coal_point(**changes):
    return Entry(2, "coal_use", date(2026, 1, 1), **{"rooftop": "r1", **changes})


def test_camera_and_particulates_alone_never_say_coal():
    told = coal_likelihood([gas("co_ppm", 4.0)], TELLING, EVENING, [(0.9, [])], ["禁煤区"])
    assert told.estimate is None
    assert "cannot tell coal" in told.text
    assert {"hour", "co", "zone"} <= {factor.word for factor in told.factors}


def test_sulphur_and_what_is_known_of_the_household_make_an_estimate_that_is_bounded():
    sulphur = coal_likelihood([gas("so2_ppb", 60.0)], TELLING, EVENING, [], None)
    assert 0.7 < sulphur.estimate < 0.9
    every = [coal_point(), Entry(3, "burning_found", date(2026, 2, 1), rooftop="r1", fuel="coal")]
    most = coal_likelihood([gas("so2_ppb", 60.0), gas("co_ppm", 9.0)], COLD, EVENING, [(1.0, every)], [])
    assert sulphur.estimate < most.estimate <= probability(MOST_COAL)
    assert any(factor.word == "steam_gate" for factor in most.factors)
    wood = [Entry(3, "burning_found", date(2026, 2, 1), rooftop="r1", fuel="wood")]
    assert coal_likelihood([], TELLING, EVENING, [(1.0, wood)], None).estimate < 0.4


def test_each_fact_weighs_by_the_probability_of_its_roof():
    weights = []
    for p in (0.2, 0.8):
        told = coal_likelihood([], TELLING, EVENING, [(p, [coal_point()])], None)
        weights.append(next(factor.weight for factor in told.factors if factor.word == "coal_point"))
    assert weights[1] == pytest.approx(4 * weights[0])
    wood_point = coal_point(fuel="wood")
    assert coal_likelihood([], TELLING, EVENING, [(1.0, [wood_point])], None).estimate is None


# --- dates and places


@pytest.mark.parametrize(
    ("evening", "kinds"),
    [
        (date(2026, 11, 9), {"paper_burning"}), (date(2027, 2, 5), {"fireworks", "paper_burning"}),
        (date(2027, 2, 6), {"fireworks"}), (date(2027, 2, 9), {"fireworks"}),
        (date(2027, 2, 20), {"fireworks", "paper_burning"}), (date(2027, 1, 30), {"fireworks"}),
        (date(2027, 1, 31), {"fireworks"}), (date(2027, 4, 5), {"paper_burning"}),
        (date(2028, 1, 25), {"fireworks", "paper_burning"}), (date(2026, 11, 22), set()), (date(1, 1, 1), set()),
    ],
)  # fmt: skip
def test_the_dates_are_those_of_the_standards_sheet(evening, kinds):
    assert {kind for kind, _ in holidays(evening)} == kinds


@settings(deadline=None)
@given(st.dates())
def test_no_date_breaks_the_calendar(evening):
    assert all(kind in {"fireworks", "paper_burning"} for kind, _ in holidays(evening))


def test_new_years_small_hours_belong_to_the_eve():
    told = suggestions([], "House", datetime(2027, 2, 6, 1, 30, tzinfo=ZONE))
    assert {"New Year's Eve (除夕)"} == {one.text.partition("tonight is ")[2] for one in told}


def test_places_suggest_their_class_while_they_are_valid():
    register = Register(
        1,
        [
            Entry(2, "meat_smoking", date(2026, 11, 20), date(2026, 12, 20), rooftop="r1", note="permit 7"),
            Entry(3, "burial_place", date(2020, 1, 1), circle=Circle(38.05, 114.5, 80.0)),
            Entry(4, "kitchen", date(2020, 1, 1), date(2026, 6, 1), rooftop="r1"),
        ],
    )
    told = suggestions(register.at("r1", 38.05, 114.5, EVENING), "House 1", EVENING)
    assert [(one.plume_class, one.kind) for one in told] == [
        ("open_burning", "meat_smoking"),
        ("open_burning", "burial_place"),
    ]
    assert "permit 7" in told[0].text
