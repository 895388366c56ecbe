"""Where something differs from the background *now*: the network's statistics remember twenty seconds and more, so a
car's passing light would go on looking like a plume for half a minute after it is gone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import halve
from detector.maps import median
from detector.statistics import Statistics

_LEAST = 1.2  # of a quiet pixel's deviation: the 2.5 s mean, averaged over 5x5 pixels, then has a fifth of that noise
_WINDOW_PX = (5, 5)
# By how much more a place differs from the background in one frame than half of all places do: more than noise alone
# ever does over so many pixels.
_UNREST = 2.6
_UNREST_PX = (5, 5)  # of the halved picture
_SHARE = 0.3  # of a cell's pixels
_REACH = np.ones((5, 5), np.uint8)  # a mouth lies at its plume's end: two cells around what differs


def present(stats: Statistics, shape: tuple[int, int]) -> NDArray[np.float32]:
    """1 where something is there now or within two cells, else 0; ``shape`` is the heat map's (rows, columns).

    Now: in the mean of 2.5 s; or in the newest frame, for smoke that seethes about its own mean, which the background
    has become where it was there from the first frame.
    """
    off = cv2.blur(cv2.subtract(stats.m2, stats.background), _WINDOW_PX)
    beyond = cv2.addWeighted(np.abs(off), 1.0, stats.sigma, -_LEAST, 0.0)
    differs = halve(cv2.threshold(beyond, 0.0, 1.0, cv2.THRESH_BINARY)[1])
    newest = cv2.divide(halve(cv2.subtract(stats.last, stats.background)), halve(stats.sigma))
    unrest = cv2.blur(cv2.multiply(newest, newest), _UNREST_PX)
    stirs = cv2.threshold(unrest, _UNREST * median(unrest[::2, ::2]), 1.0, cv2.THRESH_BINARY)[1]
    cells = cv2.resize(cv2.max(differs, stirs), shape[::-1], interpolation=cv2.INTER_AREA)
    near: NDArray[np.float32] = cv2.dilate((cells > _SHARE).astype(np.uint8), _REACH).astype(np.float32)
    return near
