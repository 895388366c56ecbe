from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.frames import halve
from detector.light import Tones, flatten
from detector.register import Pose


def test_a_change_of_gamma_is_undone(still: NDArray[np.float32]) -> None:
    frame = 255 * (np.clip(still, 0, 255) / 255) ** 0.9
    before = np.abs(frame - still).mean()
    after = np.abs(flatten(frame.astype(np.float32), Tones(halve(still)), Pose()) - still).mean()
    assert after < 0.45 * before


def test_a_plume_does_not_shape_the_light(still: NDArray[np.float32]) -> None:
    frame = still.copy()
    frame[60:80, 100:130] += 12
    even = flatten(frame, Tones(halve(still)), Pose())
    assert np.abs((even - still)[65:75, 105:125] - 12).max() < 4
    outside = np.abs(even - still)
    outside[60:80, 100:130] = 0
    assert outside.mean() < 0.5


def test_nothing_is_done_to_an_unchanged_frame(still: NDArray[np.float32]) -> None:
    assert np.array_equal(flatten(still, Tones(halve(still)), Pose()), still)
