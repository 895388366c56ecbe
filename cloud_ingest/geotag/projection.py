"""Between points in metres and pixels, with their derivatives; conventions of ``smokesentry.place.CameraPose``.

Local frame: x east, y north, z up, metres. Camera axes: right, down, forward. Everything is vectorised over points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, radians, sin, sqrt, tan

import numpy as np
from numpy.typing import NDArray

from smokesentry.place import CameraPose

Array = NDArray[np.float64]
_STEP = 1e-5  # radians, for the derivatives of the axes
_NEAREST_M = 0.5  # nothing nearer in front of the lens is a roof
_STEPS = 12  # of Newton's method against a lens's bend


@dataclass(frozen=True, slots=True)
class Camera:
    """A pose in a local metric frame; angles in radians. ``axes`` has the unit vectors right, down, forward as rows,
    ``turns`` their derivatives by heading, tilt and roll. ``covariance`` (7, 7), where known, is that of x, y, z,
    heading, tilt, roll and the logarithm of the focal length; it then holds in place of the ``sigma_*``."""

    position: Array  # (3,)
    heading: float  # of the optical axis, clockwise from the frame's y axis
    tilt: float
    roll: float
    focal_px: float
    frame_size: tuple[int, int]
    sigma_heading: float
    sigma_tilt: float
    sigma_place_m: float
    distortion: tuple[float, float] = (0.0, 0.0)
    covariance: Array | None = None
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
        distortion=pose.distortion or (0.0, 0.0),
        covariance=None if pose.covariance is None else _local_covariance(pose, radians(north_deg)),
    )


def _local_covariance(pose: CameraPose, north: float) -> Array:
    """A pose's covariance in the units and along the axes of :class:`Camera`."""
    change = np.eye(7)  # d(camera) / d(pose)
    change[:2, :2] = [[cos(north), sin(north)], [-sin(north), cos(north)]]
    change[3:6, 3:6] *= radians(1)
    change[6, 6] = -radians(1) / sin(radians(pose.hfov_deg))
    return np.asarray(change @ np.array(pose.covariance) @ change.T)


def project(camera: Camera, points: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Pixels (N, 2) of points (N, 3), and which of them lie in front of the camera, within what its lens can show (the
    others' pixels are NaN)."""
    right, down, forward = (camera.axes @ (points - camera.position).T).reshape(3, -1)
    ahead = forward > _NEAREST_M
    depth = np.where(ahead, forward, np.nan)
    straight = np.stack([right / depth, down / depth], axis=1)
    if camera.distortion != (0.0, 0.0):
        squared = (straight**2).sum(axis=1)
        ahead &= np.where(ahead, squared, np.inf) < _widest(camera.distortion)
        straight = np.where(ahead[:, None], straight * _bend(camera.distortion, squared)[0][:, None], np.nan)
    return camera.centre_px + camera.focal_px * straight, ahead


def ray(camera: Camera, pixel: tuple[float, float]) -> Array:
    """Unit vector (3,) from the lens through a pixel; one beyond the lens's reach is taken at its rim."""
    bent = (np.asarray(pixel, float) - camera.centre_px) / camera.focal_px
    across, down = straightened(camera.distortion, bent[None])[0]
    direction = np.array([across, down, 1.0]) @ camera.axes
    return np.asarray(direction / np.linalg.norm(direction))


def straightened(distortion: tuple[float, float], bent: Array) -> Array:
    """Where the points (N, 2) of a picture, in focal lengths from its centre, would lie without the lens's bend. Beyond
    the rim, where the bend folds the picture back, the rim is given."""
    if distortion == (0.0, 0.0):
        return bent
    radius = np.hypot(bent[:, 0], bent[:, 1])
    rim = sqrt(_widest(distortion))
    found = np.minimum(radius, 0.999 * rim)
    for _ in range(_STEPS):
        factor, slope = _bend(distortion, found**2)
        found = np.clip(found - (found * factor - radius) / (factor + 2 * found**2 * slope), 0.0, 0.999 * rim)
    return np.asarray(bent * (found / np.maximum(radius, 1e-12))[:, None])


def _bend(distortion: tuple[float, float], squared: Array) -> tuple[Array, Array]:
    """By what a point at this squared radius moves outwards, and the derivative by the squared radius."""
    k1, k2 = distortion
    return 1 + squared * (k1 + k2 * squared), k1 + 2 * k2 * squared


def _widest(distortion: tuple[float, float]) -> float:
    """Squared radius at which the bend would begin to fold the picture back; infinite when it never does."""
    k1, k2 = distortion
    # d(r + k1 r^3 + k2 r^5) / dr = 1 + 3 k1 s + 5 k2 s^2 = 0 with s = r^2; its smallest positive root by the form that
    # does not divide by k2, which may be as small as a number can be.
    inside = 9 * k1**2 - 20 * k2
    if inside < 0:
        return np.inf
    roots = [2 / below for below in (-3 * k1 + sqrt(inside), -3 * k1 - sqrt(inside)) if below > 0]
    return min(roots, default=np.inf)


def pixel_covariance(camera: Camera, points: Array, blur: Array) -> Array:
    """Covariance (N, 2, 2) of the pixels of points: what the pose does not know, and where in its blur a point lies.

    ``blur`` (N, 3, 3) is each point's own covariance in square metres. Without a covariance of its own, a pose's roll
    is taken to be known as well as the tilt; the lens height half as badly as its place.
    """
    by_point, by_turns, by_focal = derivatives(camera, points)
    if camera.covariance is not None:
        by_pose = np.concatenate([-by_point, by_turns, by_focal], axis=2)  # (N, 2, 7)
        own = by_point @ blur @ by_point.transpose(0, 2, 1)
        return np.asarray(own + by_pose @ camera.covariance @ by_pose.transpose(0, 2, 1))
    lens = np.diag(np.array([1.0, 1.0, 0.25]) * camera.sigma_place_m**2)
    covariance = by_point @ (blur + lens) @ by_point.transpose(0, 2, 1)
    for k, sigma in enumerate((camera.sigma_heading, camera.sigma_tilt, camera.sigma_tilt)):
        by_angle = by_turns[:, :, k]
        covariance += sigma**2 * by_angle[:, :, None] * by_angle[:, None, :]
    return np.asarray(covariance)


def derivatives(camera: Camera, points: Array) -> tuple[Array, Array, Array]:
    """d(pixel) by the point (N, 2, 3), by heading, tilt and roll (N, 2, 3), by the logarithm of the focal length
    (N, 2, 1). The points must lie in front of the camera; the lens's place counts as the point's, negative."""
    relative = points - camera.position
    axes = camera.axes
    right, down, forward = (axes @ relative.T).reshape(3, -1)
    scale = camera.focal_px / forward
    by_axis = np.stack([right / forward, down / forward], axis=1)  # (N, 2)
    # d(pixel)/d(point): f/c (axis - (a/c) forward), for the axes right and down
    by_point = scale[:, None, None] * (axes[None, :2] - by_axis[:, :, None] * axes[None, 2:])
    by_turns = np.empty((len(points), 2, 3))
    for k, turn in enumerate(camera.turns):
        change = turn @ relative.T  # (3, N)
        by_turns[:, :, k] = scale[:, None] * (change[:2].T - by_axis * change[2][:, None])
    if camera.distortion == (0.0, 0.0):
        return by_point, by_turns, (camera.focal_px * by_axis)[:, :, None]
    factor, slope = _bend(camera.distortion, (by_axis**2).sum(axis=1))
    # d(bent)/d(straight) = factor 1 + 2 slope (straight straight')
    bend = factor[:, None, None] * np.eye(2) + 2 * slope[:, None, None] * by_axis[:, :, None] * by_axis[:, None, :]
    return bend @ by_point, bend @ by_turns, (camera.focal_px * factor[:, None] * by_axis)[:, :, None]


def _axes(heading: float, tilt: float, roll: float) -> Array:
    forward = np.array([sin(heading) * cos(tilt), cos(heading) * cos(tilt), sin(tilt)])
    level_right = np.array([cos(heading), -sin(heading), 0.0])
    level_down = np.cross(forward, level_right)
    right = level_right * cos(roll) + level_down * sin(roll)
    down = level_down * cos(roll) - level_right * sin(roll)
    return np.stack([right, down, forward])
