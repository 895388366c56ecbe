"""Three picture operations with the types that the room works in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def blur(picture: Picture, sigma_px: float) -> Picture:
    """Gaussian blur; the border is mirrored."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)


def shrink(picture: Picture, factor: int) -> Picture:
    """Mean over blocks of ``factor`` x ``factor`` pixels."""
    return np.asarray(cv2.resize(picture, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA), np.float32)


def grow(picture: Picture, like: Picture) -> Picture:
    """Linear interpolation to the height and width of ``like``."""
    return np.asarray(cv2.resize(picture, like.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
