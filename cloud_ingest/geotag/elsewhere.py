"""How likely the pixels are if the plume begins on no roof that is weighed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from cloud_ingest.geotag.mast import masts, steadied
from cloud_ingest.geotag.observation import Observation, log_at
from cloud_ingest.geotag.projection import Array, pixel_covariance, project, ray

PRIOR_ELSEWHERE = 0.08  # an unregistered flue, a vehicle, a bonfire, a wrong origin
_RANGES_M = np.geomspace(8.0, 500.0, 64)  # along a ray
_SKY_M = 40.0  # nothing that smokes in a town begins higher above the ground
_OTHER_PLACE = 0.1  # of "elsewhere": that the cameras do not even see the same thing


def log_unlocated(frame_size: tuple[int, int]) -> float:
    """Log density of a pixel of which nothing is known: anywhere in the frame."""
    width, height = frame_size
    return -log(width * height)


def log_elsewhere(observations: Sequence[Observation], roofs: int) -> float:
    """Log of prior and density of the pixels, per square pixel and camera; ``roofs``: how many are in reach.

    The first camera's pixel may be anywhere in its frame, the others' are somewhere along that ray; averaged over which
    camera comes first. A single camera may also have seen one of the roofs beyond its reach.
    """
    uniform = [log_unlocated(observation.view.camera.frame_size) for observation in observations]
    if len(observations) == 1:
        found, each = log(PRIOR_ELSEWHERE) + uniform[0], log_each_roof(observations, roofs)
        return float(np.logaddexp(found, each + _log_beyond(observations[0])))
    mates = [{id(one) for one in group} for group in masts(observations)]
    totals = []
    for first, observation in enumerate(observations):
        mast = next(group for group in mates if id(observation) in group)
        total = np.zeros(len(_RANGES_M))
        for other, second in enumerate(observations):
            if other != first:
                total = total + _log_along(observation, second, id(second) in mast, uniform[other])
        totals.append(uniform[first] + float(np.logaddexp.reduce(total) - log(len(total))))
    return log(PRIOR_ELSEWHERE) + float(np.logaddexp.reduce(totals) - log(len(totals)))


def log_each_roof(observations: Sequence[Observation], roofs: int) -> float:
    """Log prior of one roof: alike for all that the cameras may have meant."""
    beyond = float(observations[0].view.far.weights.sum()) if len(observations) == 1 else 0.0
    return log((1 - PRIOR_ELSEWHERE) / max(roofs + beyond, 1.0))


def _log_beyond(observation: Observation) -> float:
    """Log of the summed density of the pixel over roofs that are counted, not told apart."""
    far, camera = observation.view.far, observation.view.camera
    pixels, ahead = project(camera, far.points)
    if not ahead.any():
        return -np.inf
    covariance = pixel_covariance(camera, far.points[ahead], far.blur[ahead])
    found = log_at(observation, pixels[ahead], covariance) + np.log(far.weights[ahead])
    return float(np.logaddexp.reduce(found))


def _log_along(first: Observation, second: Observation, mates: bool, uniform: float) -> Array:
    """Log density of the second pixel for places along the first's ray."""
    points, blur = _along_ray(first, mates)
    camera = steadied(second.view.camera) if mates else second.view.camera
    pixels, ahead = project(camera, points)
    found = np.full(len(points), -np.inf)
    if ahead.any():
        covariance = pixel_covariance(camera, points[ahead], blur[ahead])
        found[ahead] = log_at(second, pixels[ahead], covariance)
    return np.asarray(np.logaddexp(found + log(1 - _OTHER_PLACE), uniform + log(_OTHER_PLACE)))


def _along_ray(observation: Observation, mates: bool) -> tuple[Array, Array]:
    """Places on a pixel's ray between ground and sky, always equally many, and their blur."""
    camera = observation.view.camera
    direction = ray(camera, observation.origin_px)
    points = camera.position + _RANGES_M[:, None] * direction
    above = points[:, 2] - observation.view.town.ground_at(points[:, 0], points[:, 1])[0]
    possible = (above > -1.0) & (above < _SKY_M)
    if possible.any():
        low, high = _RANGES_M[possible].min(), _RANGES_M[possible].max()
        ranges = np.geomspace(low, max(high, low * 1.01), len(_RANGES_M))
    else:
        ranges = _RANGES_M
    points = camera.position + ranges[:, None] * direction
    angle = max(observation.sigma_px) / camera.focal_px
    if not mates:
        angle = max(camera.sigma_heading, camera.sigma_tilt, angle)
    across = (ranges * angle) ** 2 + (0.0 if mates else camera.sigma_place_m**2)
    along = (ranges * (ranges[1] / ranges[0] - 1)) ** 2 / 12
    blur = across[:, None, None] * np.eye(3) + along[:, None, None] * np.outer(direction, direction)
    return points, blur
