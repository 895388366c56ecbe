"""Three picture operations with the types that the room works in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


def blur(picture: Picture, sigma_px: float) -> Picture:
    """Gaussian blur; the border is mirrored."""
    return _like(picture, cv2.GaussianBlur(picture, (0, 0), sigma_px))


def shrink(picture: Picture, factor: int) -> Picture:
    """Mean over blocks of ``factor`` x ``factor`` pixels."""
    return _like(picture, cv2.resize(picture, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA))


def grow(picture: Picture, like: Picture) -> Picture:
    """Linear interpolation to the height and width of ``like``."""
    return _like(picture, cv2.resize(picture, like.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def _like(before: Picture, after: cv2.typing.MatLike) -> Picture:
    """OpenCV drops a last axis of one channel; here it stays."""
    return np.asarray(after[..., None] if before.ndim > after.ndim else after, np.float32)


_NO_MAP: Picture = np.empty(0, np.float32)


def pick(picture: Picture, from_: Picture) -> Picture:
    """What lies at ``from_`` (h, w, 2: column, row) in the picture, by cubic interpolation; nothing outside."""
    return np.asarray(cv2.remap(picture, from_, _NO_MAP, cv2.INTER_CUBIC), np.float32)
