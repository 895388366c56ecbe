from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.presence import present
from detector.statistics import Statistics


def _watched(change: float, begins: int, ends: int, frames: int = 80) -> Statistics:
    """A noisy still street in which a patch of 20x20 pixels changes from one frame to another, two frames a second."""
    rng = np.random.default_rng(3)
    stats = Statistics()
    for n in range(frames):
        picture = 60 + rng.normal(0, 2.0, (180, 320))
        if begins <= n < ends:
            picture[80:100, 150:170] += change
        stats.update(picture.astype(np.float32), 0.5)
    return stats


@pytest.mark.parametrize("change", [-12.0, 12.0])
def test_what_is_there_now_counts_dark_or_bright(change: float) -> None:
    there = present(_watched(change, 60, 80), (45, 80))
    assert there[22, 40] == 1
    assert there[5, 5] == 0
    assert there.mean() < 0.1


def test_what_seethes_about_the_background_from_the_start_is_there() -> None:
    """Its mean of 2.5 s is the background; only single frames differ, and most of them must be enough."""
    rng, shapes = np.random.default_rng(5), np.random.default_rng(6)
    stats, there = Statistics(), []
    for n in range(120):
        picture = 60 + rng.normal(0, 2.0, (180, 320))
        clouds = cv2.GaussianBlur(shapes.standard_normal((20, 20)), (0, 0), 2.0)
        picture[80:100, 150:170] += 5 * clouds / clouds.std()
        stats.update(picture.astype(np.float32), 0.5)
        if n > 60:
            there.append(present(stats, (45, 80)))
    assert np.mean([one[22, 40] for one in there]) > 0.8
    assert np.mean(there) < 0.06  # the patch's own 25 cells and two around them are 0.02


def test_what_has_gone_is_forgotten_within_seconds() -> None:
    assert present(_watched(40.0, 40, 50), (45, 80))[22, 40] == 0


def test_noise_alone_is_nothing() -> None:
    assert present(_watched(0.0, 0, 0), (45, 80)).sum() == 0
