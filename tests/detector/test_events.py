from __future__ import annotations

import numpy as np
import pytest

from detector.events import classify, confidence, opacity
from detector.model import Calibration
from detector.statistics import Statistics
from detector.tracks import Track
from smokesentry.weather import Weather

DRY = Weather(temp_c=3.0, rh_percent=45.0)


def _track(smoke: float, steam: float) -> Track:
    area = np.zeros((45, 80), bool)
    area[18:24, 30:44] = True
    return Track(1, 40, 20, 0.7, 10.0, 20.0, 30.0, 0.8, 0.8, smoke, steam, area)


@pytest.mark.parametrize(
    ("smoke", "steam", "weather", "expected"),
    [
        (0.9, 0.1, None, "smoke"),
        (0.9, 0.1, DRY, "smoke"),
        (0.1, 0.8, DRY, "steam"),
        (0.1, 0.8, None, "unresolved"),
        (0.1, 0.8, Weather(), "unresolved"),
        (0.1, 0.8, Weather(temp_c=-12.0, rh_percent=50.0), "unresolved"),
        (0.1, 0.8, Weather(temp_c=3.0, rh_percent=88.0), "unresolved"),
        (0.1, 0.8, Weather(temp_c=3.0), "unresolved"),
    ],
)
def test_steam_is_told_only_where_it_must_evaporate(
    smoke: float, steam: float, weather: Weather | None, expected: str
) -> None:
    plume_class, scores, reasons = classify(_track(smoke, steam), weather)
    assert plume_class == expected
    assert sum(scores.values()) == pytest.approx(1)
    assert max(scores, key=lambda name: scores[name]) == expected
    assert reasons
    if expected == "unresolved":
        assert any("weather unknown" in reason or "too cold or too damp" in reason for reason in reasons)


def test_confidence_rises_with_the_score_and_stays_a_probability() -> None:
    calibration = Calibration(0.5, 1.2, 0.4)
    values = [confidence(score, calibration) for score in (0.0, 0.2, 0.5, 0.8, 1.0)]
    assert values == sorted(values)
    assert 0 < values[0] < values[-1] < 1


def test_opacity_is_read_from_hidden_texture_and_not_where_there_is_none() -> None:
    rng, stats = np.random.default_rng(4_000_006), Statistics()
    stats.background[:] = rng.uniform(20, 200, stats.background.shape)
    stats.m5[:] = 0.7 * stats.background + 0.3 * 90
    stats.sigma[:] = 1.5
    assert opacity(_track(0.9, 0.0), stats) == pytest.approx(0.3, abs=0.05)
    stats.background[:] = 30
    assert opacity(_track(0.9, 0.0), stats) is None
