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
_AT = (np.arange(256) + 0.5) / _LEVELS - 0.5  # a grey level's place among the bins


class Tones:
    """A background's half-size picture (HEIGHT/2, WIDTH/2) by grey level; worked out once for many frames."""

    def __init__(self, background_small: Grey) -> None:
        # Every second row says the same at half the cost.
        self.behind = np.ascontiguousarray(background_small[::2])
        self.bins = np.clip(self.behind.ravel() * (1 / _LEVELS), 0, _BINS - 1).astype(np.intp)
        self.evidence = np.bincount(self.bins, minlength=_BINS) + _PRIOR

    def left(self, small: Grey) -> NDArray[np.float32]:
        """What to add at each of 16 grey levels so that a half-size picture agrees with the background on the whole."""
        off = np.clip(self.behind - small[::2], -_CAP, _CAP)
        curve = np.bincount(self.bins, weights=off.ravel(), minlength=_BINS) / self.evidence
        # Neighbours share evidence: a bin with few pixels (one lamp, one plume) follows the others.
        padded = np.concatenate([curve[:1], curve, curve[-1:]])
        smooth: NDArray[np.float32] = (0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]).astype(np.float32)
        return smooth


def flatten(frame: Grey, tones: Tones, pose: Pose) -> Grey:
    """The frame (registered, working size) brought to the background's light; grey levels, unclipped."""
    even: Grey = cv2.addWeighted(frame, pose.gain, frame, 0.0, pose.offset)
    curve = tones.left(halve(even))
    if np.abs(curve).max() < 0.4:
        return even
    # The correction is read at the frame's own level; gain and offset have already brought it near the background's.
    table = np.interp(_AT, np.arange(_BINS), curve).astype(np.float32)
    level = cv2.convertScaleAbs(np.maximum(even, 0))
    return cv2.add(even, cv2.LUT(level, table))
