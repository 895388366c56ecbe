from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.cues import Course, evidence_of, weigh
from detector.firings import KEPT_S, MOST, SHORT_S, Firings
from detector.tracks import CLOSE_AFTER_S, Tracker
from smokesentry.weather import Weather

DRY, COLD = Weather(temp_c=2.0, rh_percent=50.0), Weather(temp_c=-12.0, rh_percent=50.0)


def test_firings_at_one_outlet_are_counted_with_their_period() -> None:
    firings = Firings()
    for start in (0.0, 200.0, 400.0):
        firings.note(10.0, 20.0, start, start + 90)
    assert firings.before(11.0, 20.5, 600.0) == (3, pytest.approx(200.0))
    assert firings.before(30.0, 20.0, 600.0) == (0, None)


def test_a_stoves_smoke_is_no_firing_and_what_is_old_is_forgotten() -> None:
    firings = Firings()
    firings.note(10.0, 20.0, 0.0, SHORT_S + 1)
    assert firings.before(10.0, 20.0, 400.0) == (0, None)
    firings.note(10.0, 20.0, 1000.0, 1060.0)
    assert firings.before(10.0, 20.0, 1100.0)[0] == 1
    assert firings.before(10.0, 20.0, 1060.0 + KEPT_S) == (0, None)


@given(st.lists(st.tuples(st.floats(0, 79), st.floats(0, 44), st.floats(0, 5000), st.floats(0, 400)), max_size=200))
def test_it_stays_small_and_a_set_clock_changes_nothing(plumes: list[tuple[float, float, float, float]]) -> None:
    firings = Firings()
    for x, y, start, lasts in plumes:
        firings.note(x, y, start, start + lasts)
    count, period = firings.before(40.0, 20.0, 6000.0)
    assert count <= min(len(plumes), MOST)
    firings.shift(-1000.0)
    moved = firings.before(40.0, 20.0, 5000.0)
    assert moved[0] == count
    assert moved[1] == (None if period is None else pytest.approx(period))


def test_a_boilers_third_firing_is_told_from_smoke_where_steam_can_be_told() -> None:
    course = Course()
    for k in range(8):
        course.note(5.0 * k, 0.8, 0.3)
    alone = weigh(evidence_of(course, 30.0, False, False, DRY, None))
    third = weigh(evidence_of(course, 30.0, False, False, DRY, None, (3, 210.0)))
    cold = weigh(evidence_of(course, 30.0, False, False, COLD, None, (3, 210.0)))
    assert third.steam >= alone.steam + 0.15
    assert any("came and went 3 times, about every 3.5 minutes" in reason for reason in third.reasons)
    assert cold.steam <= alone.steam + 0.02


def test_the_tracker_remembers_the_firings_of_an_outlet() -> None:
    tracker, t_s, seen = Tracker(0.5), 0.0, []
    hot, cold = np.zeros((45, 80, 3), np.float32), np.zeros((45, 80, 3), np.float32)
    hot[20, 30, 0], hot[18:21, 29:34, 1] = 0.95, 0.9
    for _ in range(3):
        for out, lasts in ((hot, 60.0), (cold, CLOSE_AFTER_S + 40)):
            until = t_s + lasts
            while t_s < until:
                opened, _ = tracker.step(out, t_s, 2.0)
                seen += [track.firings for track in opened]
                t_s += 2.0
    assert [count for count, _ in seen] == [0, 1, 2]
    assert seen[2][1] == pytest.approx(125.0, abs=10)
