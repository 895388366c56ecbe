from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.frames import HEIGHT, WIDTH
from detector.register import MAX_SHIFT_PX, Pose, Reference, find_pose, lay


def _moved(still: NDArray[np.float32], dx: float, dy: float) -> NDArray[np.float32]:
    move = np.array([[1, 0, dx], [0, 1, dy]])
    return cv2.warpAffine(still, move, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


@given(dx=st.floats(-3, 3), dy=st.floats(-3, 3), gain=st.floats(0.85, 1.15))
@settings(max_examples=25, deadline=None)
def test_a_shift_and_a_gain_are_found_together(still: NDArray[np.float32], dx: float, dy: float, gain: float) -> None:
    noise = np.random.default_rng(1).normal(0, 1.0, still.shape).astype(np.float32)
    frame = np.clip(_moved(still, dx, dy) * gain + noise, 0, 255)
    reference, pose = Reference(still), Pose()
    for _ in range(5):  # a camera that stays there
        pose = find_pose(frame, reference, pose)
    assert pose.dx == pytest.approx(dx, abs=0.2)
    assert pose.dy == pytest.approx(dy, abs=0.2)
    assert pose.gain * gain == pytest.approx(1, abs=0.06)


def test_a_shifted_frame_is_laid_back(still: NDArray[np.float32]) -> None:
    frame, reference, pose = _moved(still, 2.3, -1.4), Reference(still), Pose()
    for _ in range(5):
        pose = find_pose(frame, reference, pose)
    inner = (slice(12, -12), slice(12, -12))
    before, after = np.abs(frame - still)[inner].mean(), np.abs(lay(frame, pose) - still)[inner].mean()
    assert after < 0.35 * before


def test_a_jump_is_found_at_once_and_leaves_the_reference_as_it_was(still: NDArray[np.float32]) -> None:
    reference = Reference(still)
    small = reference.small.copy()
    pose = find_pose(_moved(still, 9.0, -5.0), reference, Pose())
    assert np.array_equal(reference.small, small)
    assert pose.dx == pytest.approx(9.0, abs=0.5)
    assert pose.dy == pytest.approx(-5.0, abs=0.5)
    assert pose.residual < 2.0


def test_a_still_frame_is_not_touched(still: NDArray[np.float32]) -> None:
    pose = find_pose(still, Reference(still), Pose())
    assert lay(still, pose) is still


def test_a_picture_without_anything_in_it_stays_where_it_was() -> None:
    empty = np.full((HEIGHT, WIDTH), 7.0, np.float32)
    pose = find_pose(empty, Reference(empty), Pose())
    assert pose.largest_px < 0.01
    assert pose.gain == pytest.approx(1)


def test_more_than_registration_may_hide_is_left_for_others(still: NDArray[np.float32]) -> None:
    far = np.roll(still, 60, axis=1)
    reference, pose = Reference(still), Pose()
    for _ in range(6):
        pose = find_pose(far, reference, pose)
        assert pose.largest_px <= MAX_SHIFT_PX
