"""The simulator's own pinhole camera: world metres (east, north, up) to pixels of the raw frame, and back to rays.

Conventions are those of ``smokesentry.place.CameraPose``; the arithmetic is written here anew, because this room judges
the rooms that project for the product. Checked against ``cv2.projectPoints``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import cos, radians, sin, tan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Pinhole:
    """A camera at ``place`` (metres east, north, up); angles as in ``CameraPose``; ``size`` is width, height."""

    place: tuple[float, float, float]
    heading_deg: float
    tilt_deg: float
    roll_deg: float
    hfov_deg: float
    size: tuple[int, int] = (1280, 720)

    @cached_property
    def focal_px(self) -> float:
        """Focal length in pixels (square pixels)."""
        return self.size[0] / 2 / tan(radians(self.hfov_deg) / 2)

    @cached_property
    def axes(self) -> Floats:
        """Rows: the picture's right, its down, and the optical axis, as world unit vectors."""
        heading, tilt, roll = radians(self.heading_deg), radians(self.tilt_deg), radians(self.roll_deg)
        forward = np.array([sin(heading) * cos(tilt), cos(heading) * cos(tilt), sin(tilt)])
        level_right = np.array([cos(heading), -sin(heading), 0.0])
        level_down = np.cross(forward, level_right)
        right = cos(roll) * level_right + sin(roll) * level_down
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points ``(n, 3)`` to pixels ``(n, 2)`` and depths ``(n,)`` along the axis (metres, ≤ 0 is behind).

        Pixels of points behind the camera are NaN.
        """
        local = (np.asarray(points, dtype=np.float64) - np.array(self.place)) @ self.axes.T
        depth = local[:, 2]
        safe = np.where(depth > 1e-6, depth, np.nan)
        centre = np.array([self.size[0] / 2, self.size[1] / 2])
        return centre + self.focal_px * local[:, :2] / safe[:, None], depth

    def rays(self, offset: tuple[float, float] = (0.5, 0.5)) -> NDArray[np.float32]:
        """World directions ``(h, w, 3)`` through ``offset`` inside each pixel, each a metre along the axis."""
        width, height = self.size
        across = (np.arange(width) + offset[0] - width / 2) / self.focal_px
        down = (np.arange(height) + offset[1] - height / 2) / self.focal_px
        right, below, forward = self.axes
        return np.asarray(across[None, :, None] * right + down[:, None, None] * below + forward, np.float32)
