from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.tracks import Tracker


def _heat(x: int = 40, y: int = 20, origin: float = 0.0, smoke: float = 0.0, steam: float = 0.0) -> np.ndarray:
    out = np.full((45, 80, 3), 0.01, np.float32)
    out[y, x, 0] = origin
    out[y - 3 : y + 1, x : x + 6, 1] = smoke
    out[y - 3 : y + 1, x : x + 6, 2] = steam
    return out


def test_a_steady_origin_opens_once_and_closes_when_it_is_gone() -> None:
    tracker = Tracker(0.5)
    opened, closed = [], []
    for t in range(90):
        new, old = tracker.step(_heat(origin=0.9 if t < 40 else 0.0, smoke=0.8 if t < 40 else 0.0), float(t), 1.0)
        opened += [(t, track) for track in new]
        closed += [(t, track) for track in old]
    assert len(opened) == 1
    assert len(closed) == 1
    when, track = opened[0]
    assert 4 <= when <= 16
    assert (track.x, track.y) == (pytest.approx(40, abs=1), pytest.approx(20, abs=1))
    assert track.alarm_s == when
    assert track.started_s <= when
    assert 50 < closed[0][0] < 90


def test_a_flash_never_opens() -> None:
    tracker = Tracker(0.5)
    for t in range(60):
        opened, _ = tracker.step(_heat(origin=1.0 if t % 20 < 3 else 0.0), float(t), 1.0)
        assert not opened


def test_what_wanders_is_no_origin() -> None:
    tracker = Tracker(0.5)
    for t in range(60):
        opened, _ = tracker.step(_heat(x=5 + t, origin=1.0), float(t), 1.0)
        assert not opened


def test_one_plume_is_one_event_and_two_are_two() -> None:
    tracker = Tracker(0.5)
    for t in range(40):
        heat = np.maximum(_heat(20, 20, 0.9, 0.8), _heat(60, 30, 0.9, 0.8))
        heat[18, 23, 0] = 0.9  # a second peak inside the first plume
        tracker.step(heat, float(t), 1.0)
    assert len(tracker.open) == 2


@given(st.lists(st.tuples(st.integers(5, 70), st.integers(5, 40), st.floats(0, 1), st.floats(0, 1)), max_size=40))
@settings(max_examples=30, deadline=None)
def test_any_heat_keeps_tracks_few_and_scores_bounded(steps: list[tuple[int, int, float, float]]) -> None:
    tracker = Tracker(0.3)
    for t, (x, y, origin, smoke) in enumerate(steps):
        tracker.step(_heat(x, y, origin, smoke), float(t), 1.0)
        for track in tracker.open:
            assert 0 <= track.score <= 1
            assert track.started_s <= track.alarm_s <= t
            assert 0 <= track.x < 80
            assert 0 <= track.y < 45
    assert len(tracker.open) < 40
