"""Between points in metres and pixels, with their derivatives; conventions of ``smokesentry.place.CameraPose``.

Local frame: x east, y north, z up, metres. Camera axes: right, down, forward. Everything is vectorised over points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, radians, sin, tan

import numpy as np
from numpy.typing import NDArray

from smokesentry.place import CameraPose

Array = NDArray[np.float64]
_STEP = 1e-5  # radians, for the derivatives of the axes
_NEAREST_M = 0.5  # nothing nearer in front of the lens is a roof


@dataclass(frozen=True, slots=True)
class Camera:
    """A pose in a local metric frame; angles in radians. ``axes`` has the unit vectors right, down, forward as rows,
    ``turns`` their derivatives by heading, tilt and roll."""

    position: Array  # (3,)
    heading: float  # of the optical axis, clockwise from the frame's y axis
    tilt: float
    roll: float
    focal_px: float
    frame_size: tuple[int, int]
    sigma_heading: float
    sigma_tilt: float
    sigma_place_m: float
    axes: Array = field(init=False)  # (3, 3)
    turns: Array = field(init=False)  # (3, 3, 3)

    def __post_init__(self) -> None:
        angles = np.array([self.heading, self.tilt, self.roll])
        steps = _STEP * np.eye(3)
        turns = [(_axes(*(angles + step)) - _axes(*(angles - step))) / (2 * _STEP) for step in steps]
        object.__setattr__(self, "axes", _axes(*angles))
        object.__setattr__(self, "turns", np.stack(turns))

    @property
    def centre_px(self) -> Array:
        """Principal point."""
        return np.array(self.frame_size, float) / 2


def camera_of(pose: CameraPose, x: float, y: float, north_deg: float = 0.0) -> Camera:
    """Places a pose at ``x, y``; ``north_deg`` is the azimuth of true north in the frame (its convergence)."""
    width, height = pose.frame_size
    return Camera(
        position=np.array([x, y, pose.height_m], float),
        heading=radians(pose.heading_deg + north_deg),
        tilt=radians(pose.tilt_deg),
        roll=radians(pose.roll_deg),
        focal_px=width / 2 / tan(radians(pose.hfov_deg) / 2),
        frame_size=(width, height),
        sigma_heading=radians(pose.sigma_heading_deg),
        sigma_tilt=radians(pose.sigma_tilt_deg),
        sigma_place_m=pose.sigma_place_m,
    )


def project(camera: Camera, points: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Pixels (N, 2) of points (N, 3), and which of them lie in front of the camera (the others' pixels are NaN)."""
    right, down, forward = (camera.axes @ (points - camera.position).T).reshape(3, -1)
    ahead = forward > _NEAREST_M
    depth = np.where(ahead, forward, np.nan)
    pixels = camera.centre_px + camera.focal_px * np.stack([right / depth, down / depth], axis=1)
    return pixels, ahead


def ray(camera: Camera, pixel: tuple[float, float]) -> Array:
    """Unit vector (3,) from the lens through a pixel."""
    across, down = (np.asarray(pixel, float) - camera.centre_px) / camera.focal_px
    direction = np.array([across, down, 1.0]) @ camera.axes
    return np.asarray(direction / np.linalg.norm(direction))


def pixel_covariance(camera: Camera, points: Array, blur: Array) -> Array:
    """Covariance (N, 2, 2) of the pixels of points: what the pose does not know, and where in its blur a point lies.

    ``blur`` (N, 3, 3) is each point's own covariance in square metres. The roll is taken to be known as well as the
    tilt; the lens height half as badly as its place.
    """
    relative = points - camera.position
    axes = camera.axes
    right, down, forward = (axes @ relative.T).reshape(3, -1)
    scale = camera.focal_px / forward
    by_axis = np.stack([right / forward, down / forward], axis=1)  # (N, 2)
    # d(pixel)/d(point): f/c (axis - (a/c) forward), for the axes right and down
    by_point = scale[:, None, None] * (axes[None, :2] - by_axis[:, :, None] * axes[None, 2:])
    lens = np.diag(np.array([1.0, 1.0, 0.25]) * camera.sigma_place_m**2)
    covariance = by_point @ (blur + lens) @ by_point.transpose(0, 2, 1)
    for turn, sigma in zip(camera.turns, (camera.sigma_heading, camera.sigma_tilt, camera.sigma_tilt), strict=True):
        change = turn @ relative.T  # (3, N)
        by_angle = scale[:, None] * (change[:2].T - by_axis * change[2][:, None])
        covariance += sigma**2 * by_angle[:, :, None] * by_angle[:, None, :]
    return np.asarray(covariance)


def _axes(heading: float, tilt: float, roll: float) -> Array:
    forward = np.array([sin(heading) * cos(tilt), cos(heading) * cos(tilt), sin(tilt)])
    level_right = np.array([cos(heading), -sin(heading), 0.0])
    level_down = np.cross(forward, level_right)
    right = level_right * cos(roll) + level_down * sin(roll)
    down = level_down * cos(roll) - level_right * sin(roll)
    return np.stack([right, down, forward])
