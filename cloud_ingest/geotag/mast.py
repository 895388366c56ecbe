"""Cameras on one mast: one wind leans it, one compass and one survey placed it. Their poses err together. Pure.

Two such cameras are averaged over their poses together, so that the second adds what its pixel can tell (a second look
at the plume) and hardly anything about the place: it must not count as a second opinion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.observation import Observation
from cloud_ingest.geotag.projection import Array, Camera, derivatives
from cloud_ingest.geotag.tails import log_density

_ONE_MAST_M = 3.0  # lenses nearer than this are taken to hang on one mast
_SHARED = 0.9  # correlation of their poses' errors: each was aimed on its own, too


def one_mast(cameras: Sequence[Camera]) -> bool:
    """Whether all hang on the first one's mast."""
    x, y = cameras[0].position[:2]
    return all(hypot(other.position[0] - x, other.position[1] - y) < _ONE_MAST_M for other in cameras[1:])


def masts(observations: Sequence[Observation]) -> list[list[Observation]]:
    """Observations by mast, in order."""
    groups: list[list[Observation]] = []
    for observation in observations:
        for group in groups:
            if one_mast([group[0].view.camera, observation.view.camera]):
                group.append(observation)
                break
        else:
            groups.append([observation])
    return groups


def log_shared(group: Sequence[Observation], rows: Sequence[NDArray[np.int64]]) -> Array:
    """Log density of all pixels of one mast's cameras for the same points, ``rows`` of each camera's view."""
    count = len(group)
    joint = np.zeros((len(rows[0]), 2 * count, 2 * count))
    away = np.zeros((len(rows[0]), 2 * count))
    by_error = [_by_error(one.view.camera, one.view.points[some]) for one, some in zip(group, rows, strict=True)]
    for k, (one, some) in enumerate(zip(group, rows, strict=True)):
        here = slice(2 * k, 2 * k + 2)
        away[:, here] = np.array(one.origin_px) - one.view.pixels[some]
        joint[:, here, here] = one.view.covariance[some] + np.diag(one.variance)
        for other in range(k):
            there = slice(2 * other, 2 * other + 2)
            joint[:, here, there] = _SHARED * by_error[k] @ by_error[other].transpose(0, 2, 1)
            joint[:, there, here] = joint[:, here, there].transpose(0, 2, 1)
    squared = (away * np.linalg.solve(joint, away[:, :, None])[:, :, 0]).sum(axis=1)
    return log_density(squared, np.linalg.slogdet(joint)[1], 2 * count)


def steadied(camera: Camera) -> Camera:
    """The camera as another on its mast knows it: what is left of its pose's error once the other's is known."""
    left = sqrt(1 - _SHARED**2)
    return replace(
        camera,
        sigma_heading=left * camera.sigma_heading,
        sigma_tilt=left * camera.sigma_tilt,
        sigma_place_m=left * camera.sigma_place_m,
        covariance=None if camera.covariance is None else left**2 * camera.covariance,
    )


def _by_error(camera: Camera, points: Array) -> Array:
    """Change of the points' pixels (N, 2, 7) by each standard error of the pose."""
    by_point, by_turns, by_focal = derivatives(camera, points)
    by_pose = np.concatenate([-by_point, by_turns, by_focal], axis=2)
    if camera.covariance is not None:
        values, vectors = np.linalg.eigh(camera.covariance)
        # The symmetric root: it means the same for both cameras.
        return np.asarray(by_pose @ (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
    place, tilt = camera.sigma_place_m, camera.sigma_tilt
    return np.asarray(by_pose * np.array([place, place, 0.5 * place, camera.sigma_heading, tilt, tilt, 0.0]))
