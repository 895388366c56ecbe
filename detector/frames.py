"""Admitting a frame: whatever a camera thread hands over becomes a small grey picture, or is set aside with a reason.

Everything downstream works on one size, so that the cost does not depend on the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[Any]  # float32 in practice; OpenCV promises only "numbers"
WIDTH, HEIGHT = 320, 180
CELL_PX = 4  # of the working picture: a cell of the network's answer
CELLS = (HEIGHT // CELL_PX, WIDTH // CELL_PX)  # rows and columns of it
MIN_SIDE_PX = 64
MAX_SIDE_PX = 8192


class BadFrame(ValueError):
    """The frame cannot be used; the message says why, in a few words fit for a counter's name."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From the working picture to the frame as pushed: multiply x by ``x`` and y by ``y``."""

    x: float
    y: float


def admit(frame: object) -> tuple[Grey, Scale]:
    """A uint8 frame, (H, W) grey or (H, W, 3) BGR, as float32 grey levels 0-255 of (HEIGHT, WIDTH).

    Raises :class:`BadFrame` for anything else. Other aspect ratios are stretched: plumes keep their place, and
    the model
    has seen stretched ones.
    """
    if not isinstance(frame, np.ndarray):
        raise BadFrame("not a picture")
    if frame.dtype != np.uint8:
        raise BadFrame("not 8 bits a channel")
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[:, :, 0]
    if frame.ndim not in (2, 3) or (frame.ndim == 3 and frame.shape[2] != 3):
        raise BadFrame("neither grey nor three channels")
    height, width = frame.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        raise BadFrame("smaller than 64 pixels")
    if max(height, width) > MAX_SIDE_PX:
        raise BadFrame("larger than 8192 pixels")
    small = _shrink(frame)
    return small.astype(np.float32), Scale(width / WIDTH, height / HEIGHT)


def _shrink(frame: NDArray[np.uint8]) -> Grey:
    """Grey and of the working size. Halving again and again is several times cheaper than one step of four, and colour
    is dropped after the first: all of it is linear, so only the rounding differs (a quarter of a grey level)."""
    picture: Grey = frame
    while picture.shape[1] >= 2 * WIDTH and picture.shape[0] >= 2 * HEIGHT:
        if picture.shape[0] % 2 or picture.shape[1] % 2:
            break
        picture = _grey(halve(picture))
    way = cv2.INTER_AREA if picture.shape[1] >= WIDTH and picture.shape[0] >= HEIGHT else cv2.INTER_LINEAR
    if picture.shape[:2] != (HEIGHT, WIDTH):
        picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=way)
    return _grey(picture)


def _grey(picture: Grey) -> Grey:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture


def halve(picture: Grey) -> Grey:
    """The mean of each 2×2 block: (HEIGHT/2, WIDTH/2)."""
    return cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
