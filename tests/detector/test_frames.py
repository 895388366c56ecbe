from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.frames import HEIGHT, WIDTH, BadFrame, admit, halve


@given(
    height=st.integers(64, 400),
    width=st.integers(64, 500),
    colour=st.booleans(),
    level=st.integers(0, 255),
)
@settings(max_examples=30, deadline=None)
def test_any_size_becomes_the_working_size_at_its_own_level(height: int, width: int, colour: bool, level: int) -> None:
    shape = (height, width, 3) if colour else (height, width)
    grey, scale = admit(np.full(shape, level, np.uint8))
    assert grey.shape == (HEIGHT, WIDTH)
    assert grey.dtype == np.float32
    assert np.abs(grey - level).max() <= 1
    assert scale.x * WIDTH == pytest.approx(width)
    assert scale.y * HEIGHT == pytest.approx(height)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (None, "not a picture"),
        (b"\xff\xd8", "not a picture"),
        (np.zeros((720, 1280), np.float32), "8 bits"),
        (np.zeros((720, 1280, 4), np.uint8), "three channels"),
        (np.zeros((720,), np.uint8), "three channels"),
        (np.zeros((63, 1280), np.uint8), "smaller"),
        (np.zeros((0, 0), np.uint8), "smaller"),
        (np.zeros((64, 9000), np.uint8), "larger"),
    ],
)
def test_what_is_no_frame_is_named(frame: object, reason: str) -> None:
    with pytest.raises(BadFrame, match=reason):
        admit(frame)


def test_halving_keeps_the_mean() -> None:
    picture = np.arange(HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    small = halve(picture)
    assert small.shape == (HEIGHT // 2, WIDTH // 2)
    assert small[0, 0] == pytest.approx(picture[:2, :2].mean())
