from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.explain import strip
from detector.pipeline import Detector
from detector.settings import DetectorSettings
from detector.types import FrameResult
from lab.scenes.night import Night, Recipe
from smokesentry.weather import Weather


def _watch(night: Night, detector: Detector, weather: Weather | None = None) -> list[tuple[float, FrameResult]]:
    return [
        (seen.t_s, detector.push(np.clip(seen.frame, 0, 255).astype(np.uint8), seen.t_s, weather))
        for seen in night.frames()
    ]


def _noise(rng: np.random.Generator, level: float = 60.0) -> np.ndarray:
    return np.clip(rng.normal(level, 3, (180, 320)), 0, 255).astype(np.uint8)


GARBAGE = [
    None,
    "frame",
    np.zeros((10, 10), np.uint8),
    np.full((720, 1280), math.nan),
    np.zeros((720, 1280, 2), np.uint8),
    np.zeros((4, 4, 3, 3), np.uint8),
]


def test_garbage_is_counted_and_stops_nothing(rng: np.random.Generator) -> None:
    detector = Detector()
    for k in range(60):
        detector.push(_noise(rng), 0.5 * k)
        result = detector.push(GARBAGE[k % len(GARBAGE)], 0.5 * k + 0.1)  # type: ignore[arg-type]
        assert not result.open_events
    detector.push(_noise(rng), math.nan)
    assert detector.counts["bad_frames"] == 61
    assert detector.counts["frames"] == 121
    assert sum(n for name, n in detector.counts.items() if name.startswith("bad: ")) == 61


@given(
    st.lists(
        st.tuples(st.sampled_from(["noise", "black", "white", "flip", "colour", "large", "odd"]), st.floats(-5, 90)),
        min_size=30,
        max_size=60,
    )
)
@settings(max_examples=4, deadline=None)
def test_no_sequence_of_frames_and_times_crashes_it(steps: list[tuple[str, float]]) -> None:
    detector, rng, now = Detector(), np.random.default_rng(4_000_007), 0.0
    made = {
        "noise": lambda: rng.integers(0, 256, (180, 320), dtype=np.uint8),
        "black": lambda: np.zeros((180, 320), np.uint8),
        "white": lambda: np.full((180, 320), 255, np.uint8),
        "flip": lambda: _noise(rng)[::-1],
        "colour": lambda: np.repeat(_noise(rng)[:, :, None], 3, 2),
        "large": lambda: np.kron(_noise(rng), np.ones((4, 4), np.uint8)),
        "odd": lambda: _noise(rng)[:97, :101],
    }
    for kind, step in steps:
        now += step
        result = detector.push(made[kind](), now)
        assert result.verdict in ("suspected", "not_suspected", "cannot_judge")
        assert (result.cause is not None) == (result.verdict == "cannot_judge")
    assert not detector.finish().open_events


def test_it_starts_up_and_then_judges(rng: np.random.Generator) -> None:
    night = Night(4_000_010, Recipe(30, 0.5, 0, 0, None, (), codec="none"))
    results = _watch(night, Detector())
    assert results[2][1].cause == "starting up"
    assert results[-1][1].verdict == "not_suspected"
    assert all(result.verdict != "cannot_judge" for t, result in results if t > 12)


@pytest.mark.parametrize(
    ("frame", "cause"),
    [
        (np.zeros((180, 320), np.uint8), "black picture"),
        (np.full((180, 320), 255, np.uint8), "white picture"),
    ],
)
def test_a_picture_without_light_cannot_be_judged(frame: np.ndarray, cause: str) -> None:
    detector = Detector()
    for k in range(60):
        result = detector.push(frame, 0.5 * k)
    assert (result.verdict, result.cause) == ("cannot_judge", cause)


def test_a_frozen_picture_cannot_be_judged(rng: np.random.Generator) -> None:
    detector, frozen = Detector(), _noise(rng)
    for k in range(60):
        detector.push(_noise(rng), 0.5 * k)
    for k in range(60, 120):
        result = detector.push(frozen, 0.5 * k)
    assert (result.verdict, result.cause) == ("cannot_judge", "frozen picture")


def test_many_frames_a_second_cost_no_more_than_a_few(rng: np.random.Generator) -> None:
    detector = Detector()
    for k in range(250):
        detector.push(_noise(rng), 0.04 * k)
    assert detector.counts["skipped_frames"] >= 220


def test_the_digest_speaks_for_the_settings_too() -> None:
    plain, same, other = Detector(), Detector(), Detector(DetectorSettings(alarm_threshold=0.9))
    assert plain.model_digest == same.model_digest != other.model_digest
    assert plain.model_digest.startswith("sha256:")


def test_an_explanation_can_be_drawn(rng: np.random.Generator) -> None:
    detector = Detector()
    assert detector.seen() is None
    for k in range(10):
        detector.push(_noise(rng), 0.5 * k)
    seen = detector.seen()
    assert seen is not None
    picture = strip(seen)
    assert picture.shape[1] == 4 * 324
    assert picture.std() > 5
