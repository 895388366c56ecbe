from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detector.frames import HEIGHT, WIDTH
from detector.maps import FIGURES, MAPS, Context, expected_variance, network_input
from detector.statistics import Statistics

CONTEXT = Context(1.0, 0.0, 0.0, 0.0, 1.0, 0.5)


def _watch(frames: int, deviation: float, seed: int = 4_000_003) -> Statistics:
    rng, stats = np.random.default_rng(seed), Statistics()
    for _ in range(frames):
        stats.update(rng.normal(50, deviation, (HEIGHT, WIDTH)).astype(np.float32), 0.5)
    return stats


def test_noise_is_measured_as_it_is() -> None:
    stats = _watch(120, 3.0)
    assert np.sqrt(np.median(stats.v20)) == pytest.approx(3.0, rel=0.12)
    assert np.sqrt(np.median(stats.flicker)) == pytest.approx(3.0, rel=0.12)
    assert np.median(stats.background) == pytest.approx(50, abs=0.5)


def test_quiet_noise_looks_the_same_whatever_its_strength() -> None:
    calm, _ = network_input(_watch(80, 1.0), CONTEXT)
    rough, _ = network_input(_watch(80, 6.0), CONTEXT)
    for name in ("deviation", "coherent", "flicker", "memory", "up", "right"):
        k = MAPS.index(name)
        assert calm[:, :, k].mean() == pytest.approx(rough[:, :, k].mean(), abs=0.03), name


def test_the_background_is_slow_and_slower_under_a_plume() -> None:
    stats = _watch(60, 1.0)
    stats.slow[:90] = 1.0
    for _ in range(80):
        stats.update(np.full((HEIGHT, WIDTH), 56.0, np.float32), 0.5)
    free, held = np.median(stats.background[90:]) - 50, np.median(stats.background[:90]) - 50
    assert 0.5 < free < 3.0
    assert held < 0.3 * free


def test_what_moves_up_is_told_from_what_moves_right() -> None:
    up, right = Statistics(), Statistics()
    rng = np.random.default_rng(4_000_004)
    texture = rng.normal(0, 12, (HEIGHT, WIDTH)).astype(np.float32)
    texture = cv2.GaussianBlur(texture, (0, 0), 2.5) * 8
    for k in range(60):
        up.update(50 + np.roll(texture, -3 * k, axis=0), 0.5)
        right.update(50 + np.roll(texture, 3 * k, axis=1), 0.5)
    for stats, name, other in ((up, "up", "right"), (right, "right", "up")):
        maps, _ = network_input(stats, CONTEXT)
        assert maps[10:-10, 10:-10, MAPS.index(name)].mean() > 0.65
        assert maps[10:-10, 10:-10, MAPS.index(other)].mean() == pytest.approx(0.5, abs=0.05)


@given(
    frames=hnp.arrays(np.float32, (5, 6, 8), elements=st.floats(-50, 400, width=32)),
    gain=st.floats(0.2, 5),
    offset=st.floats(-80, 80),
    dt_s=st.floats(0.4, 2),
)
@settings(max_examples=20, deadline=None)
def test_maps_and_figures_stay_within_bounds(frames: np.ndarray, gain: float, offset: float, dt_s: float) -> None:
    stats = Statistics()
    for frame in np.repeat(frames, 3, axis=0):
        stats.update(np.kron(frame, np.ones((30, 40), np.float32)), dt_s)
    maps, figures = network_input(stats, Context(gain, offset, 3.0, 1.0, 4.0, dt_s))
    assert maps.shape == (HEIGHT // 2, WIDTH // 2, len(MAPS))
    assert figures.shape == (len(FIGURES),)
    for values in (maps, figures):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1


def test_expected_variance_follows_level_and_edges_and_ignores_what_moves() -> None:
    rng = np.random.default_rng(4_000_005)
    level = rng.uniform(5, 200, (90, 160)).astype(np.float32)
    slope2 = rng.exponential(100, (90, 160)).astype(np.float32)
    truth = 1.0 + 0.05 * level + 0.02 * slope2
    moving = truth.copy()
    moving[20:45, 30:80] *= 40
    for variance in (truth, moving):
        found = expected_variance(variance, level, slope2)
        assert np.median(np.abs(found / truth - 1)) < 0.25
