"""Where something differs from the background *now*: the network's statistics remember twenty seconds and more, so a
car's passing light would go on looking like a plume for half a minute after it is gone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import halve
from detector.statistics import Statistics

_LEAST = 1.2  # of a quiet pixel's deviation: the 2.5 s mean, averaged over 5x5 pixels, then has a fifth of that noise
_WINDOW_PX = (5, 5)
_SHARE = 0.3  # of a cell's pixels
_REACH = np.ones((5, 5), np.uint8)  # a mouth lies at its plume's end: two cells around what differs


def present(stats: Statistics, shape: tuple[int, int]) -> NDArray[np.float32]:
    """1 where something is there now or within two cells, else 0; ``shape`` is the heat map's (rows, columns)."""
    off = cv2.blur(cv2.subtract(stats.m2, stats.background), _WINDOW_PX)
    beyond = cv2.addWeighted(np.abs(off), 1.0, stats.sigma, -_LEAST, 0.0)
    differs = cv2.threshold(beyond, 0.0, 1.0, cv2.THRESH_BINARY)[1]
    cells = cv2.resize(halve(differs), shape[::-1], interpolation=cv2.INTER_AREA)
    near: NDArray[np.float32] = cv2.dilate((cells > _SHARE).astype(np.uint8), _REACH).astype(np.float32)
    return near
