"""Laying a frame on the background: a small shift, turn and zoom, found together with the change of exposure.

One robust least-squares fit (Lucas-Kanade with a gain and an offset) on half-size pictures. What moves by itself -
people,
plumes, lamps that switch - is an outlier and loses its weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import Grey, halve

MAX_SHIFT_PX = (
    14.0  # of the working picture; beyond it the camera has been moved, which is not for registration to hide
)
STILL_PX = 0.06  # below this a warp would cost more sharpness than it mends
_ROBUST_LEVELS = 6.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a frame lies against the background (working pixels, radians, relative zoom), and its light against it."""

    dx: float = 0.0
    dy: float = 0.0
    turn: float = 0.0
    zoom: float = 0.0
    gain: float = 1.0  # background level = gain × frame level + offset
    offset: float = 0.0
    residual: float = 0.0  # robust mean absolute difference left over, grey levels

    def matrix(self, width: int, height: int, scale: float = 1.0) -> NDArray[np.float64]:
        """The 2×3 matrix that takes background pixels to frame pixels (``cv2.WARP_INVERSE_MAP``)."""
        cx, cy = (width - 1) / 2, (height - 1) / 2
        s, t = self.zoom, self.turn
        return np.array(
            [
                [1 + s, -t, self.dx * scale - s * cx + t * cy],
                [t, 1 + s, self.dy * scale - t * cx - s * cy],
            ],
            np.float64,
        )

    @property
    def largest_px(self) -> float:
        """The largest displacement anywhere in the working picture."""
        return float(np.hypot(self.dx, self.dy) + 184 * (abs(self.turn) + abs(self.zoom)))


class Reference:
    """The background's half-size picture with the derivatives that the fit needs; rebuilt every few seconds.

    The fit looks at every second pixel of it, as on a chessboard: half the cost, and seven thousand pixels are
    plenty for six unknowns.
    """

    def __init__(self, background: Grey) -> None:
        self.small = cv2.GaussianBlur(halve(background), (0, 0), 0.8)
        gx = cv2.Sobel(self.small, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
        gy = cv2.Sobel(self.small, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
        h, w = self.small.shape
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        x -= (w - 1) / 2
        y -= (h - 1) / 2
        slopes = np.stack([gx, gy, x * gy - y * gx, x * gx + y * gy]).reshape(4, -1)
        self.used = _chessboard(h, w)
        self.target = self.small.ravel()[self.used]
        # Slopes, the frame's level (filled in for each frame) and one: what the fit multiplies its unknowns with.
        self.columns = np.ones((6, self.used.size), np.float32)
        self.columns[:4] = slopes[:, self.used]
        self.window = cv2.createHanningWindow((w, h), cv2.CV_32F)


@cache
def _chessboard(h: int, w: int) -> NDArray[np.intp]:
    rows, across = np.mgrid[0:h, 0:w]
    return np.flatnonzero((rows + across) % 2 == 0)


def find_pose(frame: Grey, reference: Reference, last: Pose) -> Pose:
    """The pose of a working frame against the reference, starting from the pose of the frame before it."""
    small = cv2.GaussianBlur(halve(frame), (0, 0), 0.8)
    pose = _refine(small, reference, last, steps=1)
    if abs(pose.dx - last.dx) + abs(pose.dy - last.dy) > 0.2 or abs(pose.gain - last.gain) > 0.01:
        pose = _refine(small, reference, pose, steps=2)
    if pose.residual > 1.5 * last.residual + 2.0:
        # Of copies: it lays the window on the very pictures that it is given.
        (jump_x, jump_y), sure = cv2.phaseCorrelate(reference.small.copy(), small.copy(), reference.window)
        if sure > 0.2 and 1.0 < np.hypot(jump_x, jump_y) < MAX_SHIFT_PX:
            jumped = Pose(dx=2 * jump_x, dy=2 * jump_y, gain=last.gain, offset=last.offset)
            other = _refine(small, reference, jumped, steps=3)
            pose = other if other.residual < pose.residual else pose
    if pose.largest_px > MAX_SHIFT_PX:
        return Pose(gain=pose.gain, offset=pose.offset, residual=pose.residual)
    return pose


def lay(frame: Grey, pose: Pose) -> Grey:
    """The frame as it would look from the background's pose; light is left alone. Edges repeat."""
    if pose.largest_px < STILL_PX:
        return frame
    h, w = frame.shape
    way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, pose.matrix(w, h), (w, h), flags=way, borderMode=cv2.BORDER_REPLICATE)


def _refine(small: Grey, reference: Reference, start: Pose, steps: int) -> Pose:
    h, w = small.shape
    pose = start
    target, columns = reference.target, reference.columns
    for _ in range(steps):
        if pose.largest_px < STILL_PX / 2:
            seen = small.ravel()[reference.used]
        else:
            way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            matrix = pose.matrix(w, h, 0.5)
            warped = cv2.warpAffine(small, matrix, (w, h), flags=way, borderMode=cv2.BORDER_REPLICATE)
            seen = warped.ravel()[reference.used]
        left = target - (pose.gain * seen + pose.offset)
        # Clipped pixels say nothing about gain; they and outliers lose their weight.
        weight = 1.0 / (1.0 + (left / _ROBUST_LEVELS) ** 2)
        weight[(seen > 248) | (target > 248)] = 0.0
        columns[4] = seen
        weighted = columns * weight
        normal = (weighted @ columns.T).astype(np.float64)
        # Held to where it was where the picture says nothing: a dark frame must not wander.
        normal[np.arange(6), np.arange(6)] += (20.0, 20.0, 2e4, 2e4, 2e4, 20.0)
        step = np.linalg.solve(normal, (weighted @ left).astype(np.float64))
        pose = Pose(
            dx=pose.dx + 2 * float(np.clip(step[0], -2, 2)),  # the fit runs at half size
            dy=pose.dy + 2 * float(np.clip(step[1], -2, 2)),
            turn=pose.turn + float(np.clip(step[2], -0.02, 0.02)),
            zoom=pose.zoom + float(np.clip(step[3], -0.02, 0.02)),
            gain=float(np.clip(pose.gain + step[4], 0.2, 5.0)),
            offset=float(np.clip(pose.offset + step[5], -80, 80)),
            residual=float((weight * np.abs(left)).sum() / max(float(weight.sum()), 1.0)),
        )
    return pose
