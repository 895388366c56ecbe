from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detector.frames import HEIGHT, WIDTH, halve
from detector.maps import FIGURES, MAPS, Context, expected_variance, network_input
from detector.statistics import Statistics

CONTEXT = Context(1.0, 0.0, 0.0, 0.0, 1.0, 0.5)
_LEARNED = ("v20", "a20", "m60", "v60", "flicker", "vs5", "vs20", "kept1", "kept4", "transport_up", "transport_right",
            "away")  # fmt: skip


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


def test_moments_halved_as_they_come_are_the_moments_halved_at_the_end() -> None:
    """Beside the same recursions written out at the whole size, without a thought for time."""
    rng, stats, dt_s = np.random.default_rng(4_000_006), Statistics(), 0.5
    ground = rng.uniform(20, 90, (HEIGHT, WIDTH)).astype(np.float32)
    stats.slow[:60] = 0.7
    means = dict.fromkeys(_LEARNED, np.zeros((HEIGHT, WIDTH)))
    m2 = m5 = m20 = background = last = ground.astype(np.float64)
    smooth = [np.zeros((HEIGHT, WIDTH))] * 5
    for n in range(1, 31):
        frame = ground if n == 1 else ground + rng.normal(0, 3, ground.shape).astype(np.float32)
        frame[20:60, 30 + 2 * n : 60 + 2 * n] += 4 if n > 1 else 0
        stats.update(frame, dt_s)
        if n == 1:
            continue
        w2, w5, w10, w20, w60 = (max(1 - np.exp(-dt_s / tau), 1 / n) for tau in (2.5, 5, 10, 20, 60))
        off, jump = frame - m20, frame - last
        smooth = [*smooth[1:], cv2.GaussianBlur(off, (5, 5), 1.2)]
        before, now = smooth[-2], smooth[-1]
        m2, m5, m20 = m2 + w2 * (frame - m2), m5 + w5 * (frame - m5), m20 + w20 * off
        far, up, right = m5 - background, np.zeros(off.shape), np.zeros(off.shape)
        up[:-3] = now[:-3] * before[3:] - now[3:] * before[:-3]
        right[:, 3:] = now[:, 3:] * before[:, :-3] - now[:, :-3] * before[:, 3:]
        seen = (off**2, np.abs(off), far, far**2, jump**2 / 2, now**2, now**2, now * before, now * smooth[0], up, right,
                np.abs(m2 - background) > 4.0)  # fmt: skip
        weights = (w20, w20, w60, w60, w10, w5, w20, w20, w20, w20, w20, w20)
        for name, value, weight in zip(_LEARNED, seen, weights, strict=True):
            means[name] = means[name] + weight * (value - means[name])
        followed = np.clip(frame - background, -6, 6) * (1 - stats.slow) * (1 - np.exp(-dt_s / 120))
        background = background + ((frame - background) / n if (n - 1) * dt_s <= 8 else followed)
        last = frame.astype(np.float64)
    for name in _LEARNED:
        wanted = halve(means[name])
        assert np.ptp(wanted) > 0.1
        assert np.abs(getattr(stats, name) - wanted).max() < 1e-3 * np.abs(wanted).max(), name
    for name, wanted in (("background", background), ("m2", m2), ("m5", m5), ("m20", m20)):
        assert np.abs(getattr(stats, name) - wanted).max() < 1e-3, name
