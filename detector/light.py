"""Undoing changes of exposure: the frame's tone curve against the background, applied so that only local changes
remain.

Gain and offset come with the pose. What is left - gamma, clipping, an IR filter that changes lamps more than walls - is
a smooth curve over the background's grey level, taken from all pixels, so that no plume can shape it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import Grey, halve
from detector.register import Pose

_BINS = 16
_LEVELS = 256 // _BINS
_CAP = 12.0  # one pixel may pull its bin's mean by this many grey levels at most
_PRIOR = 200.0  # pixels of evidence against a correction


def flatten(frame: Grey, background_small: Grey, pose: Pose) -> Grey:
    """The frame (registered, working size) brought to the background's light; grey levels, unclipped."""
    even = frame * np.float32(pose.gain) + np.float32(pose.offset)
    curve = tone_left(halve(even), background_small)
    if np.abs(curve).max() < 0.4:
        return even
    # The correction is read at the frame's own level; gain and offset have already brought it near the background's.
    table = np.interp((np.arange(256) + 0.5) / _LEVELS - 0.5, np.arange(_BINS), curve).astype(np.float32)
    level = cv2.convertScaleAbs(np.maximum(even, 0))
    return cv2.add(even, cv2.LUT(level, table))


def tone_left(small: Grey, background_small: Grey) -> NDArray[np.float32]:
    """What to add at each of 16 grey levels so that the picture agrees with the background on the whole."""
    # Every second row says the same at half the cost.
    behind = background_small[::2]
    left = np.clip(behind - small[::2], -_CAP, _CAP).ravel()
    bins = np.clip(behind.ravel() * (1 / _LEVELS), 0, _BINS - 1).astype(np.intp)
    count = np.bincount(bins, minlength=_BINS)
    total = np.bincount(bins, weights=left, minlength=_BINS)
    curve = total / (count + _PRIOR)
    # Neighbours share evidence: a bin with few pixels (one lamp, one plume) follows the others.
    padded = np.pad(curve, 1, mode="edge")
    smooth: NDArray[np.float32] = (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)
    return smooth
