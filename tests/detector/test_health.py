"""A camera that cannot see says so, and why; one that sees less than it did is told from one in the dark."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.health import Health
from detector.pipeline import Detector
from detector.remembered import NotUsable, View
from detector.sight import chimney_sights, compare
from smokesentry.weather import Weather


@pytest.fixture
def street(rng: np.random.Generator) -> np.ndarray:
    """Lit walls with windows and a dark sky: structure everywhere below."""
    picture = np.full((180, 320), 12, np.float32)
    picture[60:] = 45
    for row in range(70, 175, 14):
        for column in range(6, 312, 16):
            picture[row : row + 6, column : column + 7] = rng.uniform(20, 150)
    return cv2.GaussianBlur(picture, (0, 0), 0.6)


def _watch(
    before: np.ndarray, after: np.ndarray, rng: np.random.Generator, weather: Weather | None = None
) -> str | None:
    health, cause = Health(), None
    for k in range(60):
        picture = before if k < 30 else after
        frame = np.rint(np.clip(picture + rng.normal(0, 1.5, picture.shape), 0, 255)).astype(np.float32)
        cause = health.look(frame, float(k), 1.0, 0.0, weather)
        assert cause is None or k >= 30
    return cause


def _fog(street: np.ndarray) -> np.ndarray:
    return 0.15 * cv2.GaussianBlur(street, (0, 0), 3) + 50


def _half(street: np.ndarray) -> np.ndarray:
    covered = street.copy()
    covered[:, :180] = 25
    return covered


def test_each_cause_is_told_apart(street: np.ndarray, rng: np.random.Generator) -> None:
    assert _watch(street, street, rng) is None
    assert _watch(street, 0.5 * street, rng) is None  # less light, no less sharp
    assert _watch(street, cv2.GaussianBlur(street, (0, 0), 2.5), rng) == "out of focus"
    assert "covers" in str(_watch(street, _half(street), rng))
    assert str(_watch(street, _fog(street), rng)).startswith("veiled: fog, frost")


def test_another_scene_is_no_veil(street: np.ndarray, rng: np.random.Generator) -> None:
    infrared = np.clip(200 - street[:, ::-1], 0, 255)
    assert _watch(street, infrared, rng) is None
    assert _watch(street, street[::-1].copy(), rng) is None


def test_the_weather_narrows_the_cause(street: np.ndarray, rng: np.random.Generator) -> None:
    assert "too warm for frost" in str(_watch(street, _fog(street), rng, Weather(temp_c=9.0)))
    assert "too dry for fog" in str(_watch(street, _fog(street), rng, Weather(temp_c=-8.0, rh_percent=40.0)))


def test_sight_measures_shift_turn_and_focus_against_the_reference(street: np.ndarray) -> None:
    view = View(street, (1280, 720))
    same = compare(view, street, (1280, 720))
    assert same.problems == ()
    assert same.focus == pytest.approx(1, abs=0.02)
    move = cv2.getRotationMatrix2D((159.5, 89.5), -1.0, 1.0)
    move[:, 2] += (3, -2)
    turned = compare(view, cv2.warpAffine(street, move, (320, 180), borderMode=cv2.BORDER_REPLICATE), (1280, 720))
    assert turned.moved_px == pytest.approx((12, -8), abs=1.5)
    assert abs(turned.turned_deg) == pytest.approx(1.0, abs=0.15)
    assert "moved by" in turned.problems[0]
    blurred = compare(view, cv2.GaussianBlur(street, (0, 0), 2.0), (1280, 720))
    assert blurred.focus < 0.6
    assert any("out of focus" in text for text in blurred.problems)
    knocked = compare(view, np.roll(street, (20, 60), (0, 1)), (1280, 720))
    assert knocked.moved_px == pytest.approx((240, 80), abs=8)
    assert any("another view" in text for text in compare(view, street[::-1, ::-1].copy(), (1280, 720)).problems)


def test_a_chimney_needs_a_lit_background(street: np.ndarray) -> None:
    sigma = np.full((180, 320), 1.5, np.float32)
    lit, dark, outside = chimney_sights(((640, 400), (640, 100), (5000, 10)), street, sigma, (4.0, 4.0))
    assert lit.judgeable
    assert not dark.judgeable
    assert "no lit background within 40 px" in dark.reason
    assert not outside.judgeable
    noisy = chimney_sights(((640, 400),), street, sigma * 12, (4.0, 4.0))[0]
    assert not noisy.judgeable


def test_a_detector_tells_its_sight_once_it_knows_the_place(street: np.ndarray, rng: np.random.Generator) -> None:
    detector = Detector()
    assert detector.sight() is None
    assert detector.chimney_sights() == ()
    for k in range(25):
        detector.push(np.clip(street + rng.normal(0, 1.5, street.shape), 0, 255).astype(np.uint8), float(k))
    view = detector.view()
    assert view is not None
    detector.refer(view)
    sight = detector.sight()
    assert sight is not None
    assert sight.problems == ()
    with pytest.raises(NotUsable, match="damaged"):
        detector.refer({"picture_png": "AAAA", "frame_size": [1, 1]})


def test_a_camera_that_was_knocked_says_so_and_one_in_the_dark_does_not(
    street: np.ndarray, rng: np.random.Generator
) -> None:
    for after, cause in ((np.roll(street, 24, 1), "has moved by"), (0.25 * street, None)):
        detector, result = Detector(), None
        detector.refer(View(street, (320, 180)).to_data())
        for k in range(30):
            result = detector.push(np.clip(after + rng.normal(0, 1.5, street.shape), 0, 255).astype(np.uint8), float(k))
        assert result is not None
        assert (result.cause is None) == (cause is None)
        assert cause is None or cause in str(result.cause)
