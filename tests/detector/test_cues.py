from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.cues import (
    COURSE_LENGTH,
    COURSE_STEP_S,
    CUES,
    LEAST_LOGIT,
    LEAST_STEAM,
    MOST_LOGIT,
    MOST_STEAM,
    Course,
    Evidence,
    cycles_of,
    evidence_of,
    slope_s,
    weigh,
    wind_to_the_right,
)
from smokesentry.weather import Weather

DRY = Weather(temp_c=3.0, rh_percent=45.0)


def _course(strengths: list[float]) -> Course:
    course = Course()
    for k, strength in enumerate(strengths):
        course.note(k * COURSE_STEP_S, strength, 0.3)
    return course


def test_a_boiler_that_cycles_is_told_by_it_where_steam_can_be_told() -> None:
    cycle = [0.0] * 24 + [0.8] * 24  # two minutes off, two on
    course = _course(cycle * 4)
    dry = evidence_of(course, 480.0, False, False, DRY, None)
    assert dry.cycles == 3
    assert dry.period_s == pytest.approx(240, abs=10)
    assert weigh(dry).steam > 0.05
    assert any("gas boiler" in reason for reason in weigh(dry).reasons)
    damp = evidence_of(course, 480.0, False, False, Weather(temp_c=3.0, rh_percent=90.0), None)
    assert weigh(damp).steam <= 0.02


@pytest.mark.parametrize("every_s", [1.0, 2.0, 3.0])
def test_periods_are_told_right_however_often_the_network_looks(every_s: float) -> None:
    course = Course()
    for t_s in np.arange(0, 1000, every_s):
        course.note(float(t_s), 0.8 if t_s % 240 >= 120 else 0.0, 0.3)
    assert evidence_of(course, 480.0, False, False, DRY, None).period_s == pytest.approx(240, abs=10)


def test_a_stove_rises_lasts_and_fades() -> None:
    rise, fade = list(np.linspace(0, 0.8, 13)), list(np.linspace(0.8, 0, 25))
    course = _course([0.0] * 3 + rise + [0.8] * 60 + fade)
    told = weigh(evidence_of(course, 400.0, True, False, DRY, None))
    assert told.logit > 0.4
    assert told.steam < 0
    text = " ".join(told.reasons)
    assert "lit stove" in text
    assert "faded" in text
    assert "without a break" in text


def test_a_lamp_that_is_switched_appears_and_ends_at_once() -> None:
    told = weigh(evidence_of(_course([0.0] * 4 + [0.9] * 20 + [0.0] * 3), 100.0, True, False, DRY, None))
    assert told.logit < -0.1
    assert any("at once" in reason for reason in told.reasons)


def test_what_was_there_at_the_start_has_no_rise() -> None:
    assert evidence_of(_course([0.0, 0.1, 0.9, 0.9]), 20.0, False, True, None, None).rise_s is None


@pytest.mark.parametrize(
    ("right", "weather", "word"),
    [
        (0.2, Weather(wind_speed_m_s=4.0, wind_from_deg=270.0), "with the wind"),
        (-0.2, Weather(wind_speed_m_s=4.0, wind_from_deg=270.0), "against"),
        (-0.2, Weather(wind_speed_m_s=0.5, wind_from_deg=270.0), None),
        (-0.2, Weather(wind_speed_m_s=4.0, wind_from_deg=0.0), None),  # along the line of sight
        (-0.2, None, None),
    ],
)
def test_drift_is_held_against_the_wind_only_where_that_can_be_known(
    right: float, weather: Weather | None, word: str | None
) -> None:
    evidence = Evidence(right=right, wind_right=wind_to_the_right(weather, 0.0))  # the camera looks north
    reasons = weigh(evidence, ("transport",)).reasons
    assert (word is None and not reasons) or (word is not None and word in reasons[0])


def test_an_origin_that_wanders_speaks_against_it() -> None:
    still, moving = Course(), Course()
    for k in range(40):
        still.note(float(k), 0.8, 0.3)
        moving.note(float(k), 0.8, 3.0)
    told = [weigh(evidence_of(course, 40.0, False, True, None, None)).logit for course in (still, moving)]
    assert told[0] > 0 > told[1]


_numbers = st.floats(-1e3, 1e4)
_calm = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_calm
@given(
    st.builds(
        Evidence, st.none() | _numbers, st.none() | _numbers, _numbers, _numbers, st.none() | st.floats(-1, 1),
        _numbers, st.integers(0, 99), st.none() | st.floats(5, 3600), st.none() | _numbers, st.booleans(),
    ),
    st.lists(st.sampled_from(CUES), unique=True),
)  # fmt: skip
def test_cues_are_bounded_and_explained(evidence: Evidence, use: list[str]) -> None:
    told = weigh(evidence, use)
    assert LEAST_LOGIT <= told.logit <= MOST_LOGIT
    assert LEAST_STEAM <= told.steam <= MOST_STEAM
    assert len(told.reasons) <= len(use)
    assert told.reasons or told.logit == told.steam == 0


@_calm
@given(st.lists(st.tuples(st.floats(-10, 200), st.floats(0, 1)), max_size=80))
def test_a_course_stays_small_whatever_time_does(looks: list[tuple[float, float]]) -> None:
    course, now = Course(), 0.0
    for step, strength in looks:
        now += step
        course.note(now, strength, 1.0)
    assert len(course.strength) <= COURSE_LENGTH
    assert all(0 <= value <= 1 for value in course.strength)
    cycles_of(np.asarray(course.strength))
    rise = slope_s(np.asarray(course.strength))
    assert rise is None or rise >= 0
