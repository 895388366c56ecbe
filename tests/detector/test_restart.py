"""A process that is killed and started again goes on: same plume, its background, or a reason why not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.pipeline import Detector
from detector.remembered import NotUsable, View, check
from detector.snapshot import FORMAT, TRACKS_KEPT_S, Snapshot, take
from detector.tracks import Track
from lab.scenes.backgrounds import draw


class _Burning:
    """Stands in for the network: a plume at one place, as long as ``on``."""

    def __init__(self, detector: Detector) -> None:
        self.calibration, self.on = detector._model.calibration, True

    def __call__(self, maps: np.ndarray, figures: np.ndarray) -> np.ndarray:
        heat = np.full((45, 80, 3), 0.01, np.float32)
        if self.on:
            heat[20, 40, 0] = 0.95
            heat[17:21, 40:46, 1] = 0.8
        return heat


def _detector(monkeypatch: pytest.MonkeyPatch) -> tuple[Detector, _Burning]:
    monkeypatch.setattr("detector.pipeline.present", lambda stats, shape: np.ones(shape, np.float32))
    detector = Detector()
    burning = _Burning(detector)
    monkeypatch.setattr(detector, "_model", burning)
    return detector, burning


def _frame(still: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(still + rng.normal(0, 1.5, still.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def killed(still: np.ndarray, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    detector, _ = _detector(monkeypatch)
    for k in range(50):
        result = detector.push(_frame(still, rng), 2.0 * k)
    assert len(result.open_events) == 1
    state: dict[str, Any] = json.loads(json.dumps(detector.state()))
    return state


def test_an_open_plume_goes_on_at_once_and_ends_once(
    killed: dict[str, Any], still: np.ndarray, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    after, burning = _detector(monkeypatch)
    after.restore(killed, 20.0)
    events = []
    for k in range(60):
        now = 5000.0 + 2.0 * k  # another clock
        burning.on = k < 25
        result = after.push(_frame(still, rng), now)
        events += result.events
        if k == 0:
            (again,) = result.events
            assert result.verdict == "suspected"
            assert again.phase == "start"
            assert again.alarm_s < 4980 - 50
            assert again.origin_px == pytest.approx((162, 82), abs=5)
    assert "went on after 20 s" in after.restored
    assert [event.phase for event in events if event.phase != "update"] == ["start", "end"]
    assert {event.track for event in events} == {events[0].track}
    assert events[-1].last_seen_s > 5040.0  # it was seen again, not only carried


def test_a_plume_that_went_out_meanwhile_is_closed_within_a_minute(
    killed: dict[str, Any], still: np.ndarray, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    after, burning = _detector(monkeypatch)
    burning.on = False
    after.restore(killed, 60.0)
    ends = []
    for k in range(30):
        result = after.push(_frame(still, rng), 2.0 * k)
        ends += [event for event in result.events if event.phase == "end"]
    assert len(ends) == 1
    assert ends[0].last_seen_s < 0
    assert result.verdict == "not_suspected"


def test_another_view_is_refused_with_the_reason(killed: dict[str, Any], still: np.ndarray) -> None:
    other = draw(np.random.default_rng(4_000_300)).picture
    for frame, word in ((other, "another view"), (np.full((180, 240), 40), "240x180"), (still[:, ::-1], "another")):
        after = Detector()
        after.restore(killed, 10.0)
        result = after.push(np.clip(frame, 0, 255).astype(np.uint8), 0.0)
        assert not result.open_events
        assert "refused" in after.restored
        assert word in after.restored


def test_a_moved_camera_is_refused(killed: dict[str, Any], still: np.ndarray) -> None:
    after = Detector()
    after.restore(killed, 10.0)
    after.push(np.clip(np.roll(still, (14, 20), (0, 1)), 0, 255).astype(np.uint8), 0.0)
    assert "moved by" in after.restored


def test_after_many_minutes_the_background_is_kept_and_the_plume_is_not(
    killed: dict[str, Any], still: np.ndarray
) -> None:
    after = Detector()
    after.restore(killed, TRACKS_KEPT_S + 60)
    result = after.push(np.clip(still, 0, 255).astype(np.uint8), 0.0)
    assert not result.open_events
    assert "0 open plumes" in after.restored


@pytest.mark.parametrize("gone_s", [-1.0, 1e9, float("nan"), float("inf")])
def test_a_stale_state_is_refused(killed: dict[str, Any], gone_s: float) -> None:
    after = Detector()
    after.restore(killed, gone_s)
    assert "refused" in after.restored


def test_a_young_detector_has_nothing_to_keep() -> None:
    detector = Detector()
    assert detector.state() is None
    detector.push(np.full((180, 320), 60, np.uint8), 0.0)
    assert detector.state() is None


def test_the_state_is_small(killed: dict[str, Any]) -> None:
    assert len(json.dumps(killed)) < 120_000


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_paths = st.sampled_from(
    ["format", "view", "tracks", "view.picture_png", "view.frame_size", "tracks.0", "tracks.0.x", "tracks.0.area",
     "tracks.0.started_s", "tracks.0.class", "tracks.0.score"]
)  # fmt: skip


@given(_paths, _json)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_state_is_refused_or_sound_but_never_raises_anything_else(path: str, value: object) -> None:
    data = json.loads(json.dumps(_small_state()))
    *way, last = path.split(".")
    here: Any = data
    for step in way:
        here = here[int(step)] if isinstance(here, list) else here[step]
    if isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    try:
        sound = Snapshot.from_data(data)
    except NotUsable as reason:
        assert str(reason)
    else:
        assert all(0 <= track.x < 80 and 0 <= track.score <= 1 for track in sound.tracks)


def _small_state() -> dict[str, object]:
    track = Track(1, 40.0, 20.0, 1.0, 3.0, 5.0, 9.0, 0.7, 0.8, 0.6, 0.1, np.eye(45, 80, dtype=bool), 6.0)
    picture = np.tile(np.linspace(0, 200, 320, dtype=np.float32), (180, 1))
    return take(View(picture, (1280, 720)), [track], 10.0).to_data()


def test_a_state_survives_its_json() -> None:
    data = _small_state()
    assert data["format"] == FORMAT
    back = Snapshot.from_data(json.loads(json.dumps(data)))
    assert back.to_data() == data
    (track,) = back.tracks_at(1000.0, 30.0, 1010.0)
    assert (track.started_s, track.alarm_s, track.last_seen_s) == (963.0, 965.0, 969.0)
    assert np.array_equal(track.area, np.eye(45, 80, dtype=bool))


def test_a_view_of_the_same_place_in_other_exposure_is_accepted(still: np.ndarray) -> None:
    pose = check(View(still, (320, 180)), np.clip(still * 1.3 + 4, 0, 255), (1280, 720))
    assert pose.largest_px < 0.5


def test_a_clock_that_is_set_back_keeps_the_plume_and_forgets_no_end(
    still: np.ndarray, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, burning = _detector(monkeypatch)
    ends = []
    for k in range(80):
        burning.on = k < 40
        now = 2.0 * k - (3600.0 if k >= 30 else 0.0)
        result = detector.push(_frame(still, rng), now)
        ends += [event for event in result.events if event.phase == "end"]
        assert len(detector._tracker._heat) < 40
    assert len(ends) == 1
    assert ends[0].started_s < ends[0].last_seen_s < -3600 + 2 * 60


def test_forty_minutes_of_a_steady_plume_are_not_absorbed(
    still: np.ndarray, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, _ = _detector(monkeypatch)
    plume = np.zeros_like(still)
    plume[66:82, 162:182] = 30  # where the stand-in sees smoke
    starts, ends = 0, 0
    for k in range(50, 1300):
        result = detector.push(_frame(still + (plume if k >= 60 else 0), rng), 2.0 * k)
        starts += sum(event.phase == "start" for event in result.events)
        ends += sum(event.phase == "end" for event in result.events)
    assert (starts, ends) == (1, 0)
    inside = plume > 0
    assert np.abs(detector._watcher.stats.background - still)[inside].mean() < 8
