"""Which rooftop: a posterior over roofs from the origin pixels of one plume in one or several cameras. Pure.

For every point of every roof the pixels' likelihoods are multiplied over the cameras, and only then summed over the
points of a roof: the cameras must agree on one place, not merely on one roof. "Elsewhere" (an unregistered flue, a
vehicle, a wrong origin) is a hypothesis of its own, so that bad evidence lowers every roof instead of crowning one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array, pixel_covariance, project, ray
from cloud_ingest.geotag.view import View

PRIOR_ELSEWHERE = 0.08
_NU = 4.0  # degrees of freedom of the pixels' Student t: pose errors have heavier tails than installers believe
_MIN_SIGMA_PX = 2.0
_PLUME_PX = 4.0  # how far the same chimney's smoke seems to begin from burst to burst
_RANGES_M = np.geomspace(8.0, 500.0, 64)  # along a ray, for "elsewhere"
_SKY_M = 40.0  # nothing that smokes in a town begins higher
_OTHER_PLACE = 0.1  # of "elsewhere": that the cameras do not even see the same thing


Pixel = tuple[tuple[float, float], tuple[float, float]]  # place in the frame, standard deviations


@dataclass(frozen=True, slots=True)
class Observation:
    """One camera's origin pixel (in the pixels of the pose) with its standard deviations."""

    view: View
    origin_px: tuple[float, float]
    sigma_px: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Probabilities of roofs (by number in the town), best first; with ``elsewhere`` they sum to 1.

    ``log_evidence`` is the log density (per square pixel and camera) of the observed pixels, if they show one plume.
    """

    roofs: tuple[int, ...]
    probabilities: tuple[float, ...]
    places: tuple[tuple[float, float], ...]  # most likely origin on each roof, metres
    elsewhere: float
    log_evidence: float


def locate(observations: Sequence[Observation]) -> Posterior:
    """Combines observations of different cameras that are taken to show one plume. At least one is needed."""
    if not observations:
        raise ValueError("at least one observation is needed")
    log_elsewhere = np.log(PRIOR_ELSEWHERE) + _log_elsewhere(observations)
    views = [observation.view for observation in observations]
    in_reach = np.unique(np.concatenate([view.roofs for view in views]))
    shared = possible_roofs(observations)
    if len(shared) == 0:
        return Posterior((), (), (), 1.0, float(log_elsewhere))
    log_joint: Array | None = None
    for observation in observations:
        rows, starts = _rows(observation.view, shared)
        view = observation.view
        one = _log_t(view, rows, observation) + np.log(view.seen[rows])
        log_joint = one if log_joint is None else log_joint + one
    assert log_joint is not None
    log_joint = log_joint + np.log(np.maximum(view.weights[rows], 1e-12))
    peak = float(log_joint.max())
    share = np.exp(log_joint - peak)
    per_roof = np.add.reduceat(share, starts)
    log_prior = np.log((1 - PRIOR_ELSEWHERE) / len(in_reach))
    log_roofs = np.log(np.maximum(per_roof, 1e-300)) + peak + log_prior
    top = max(float(log_roofs.max()), float(log_elsewhere))
    total = float(np.exp(log_roofs - top).sum() + np.exp(log_elsewhere - top))
    probabilities = np.exp(log_roofs - top) / total
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(starts[1:], len(rows))
    places = [_best_place(view.points[rows], share, starts[k], ends[k]) for k in order]
    return Posterior(
        tuple(int(shared[k]) for k in order),
        tuple(float(probabilities[k]) for k in order),
        tuple(places),
        float(np.exp(log_elsewhere - top) / total),
        top + float(np.log(total)),
    )


def log_same_camera(first: Pixel, second: Pixel) -> float:
    """Log density of the second pixel, given that one camera saw the first of the same plume: the pose's error is the
    same for both, so only the pixels' own spread and a plume's width count."""
    (first_px, first_sigma), (second_px, second_sigma) = first, second
    sigma = np.array(first_sigma) ** 2 + np.array(second_sigma) ** 2 + 2 * _PLUME_PX**2
    difference = np.array(first_px) - np.array(second_px)
    return float(_t_density(float((difference**2 / sigma).sum()), float(sigma[0] * sigma[1])))


def log_unlocated(frame_size: tuple[int, int]) -> float:
    """Log density of a pixel of which nothing is known: anywhere in the frame."""
    width, height = frame_size
    return -float(np.log(width * height))


def possible_roofs(observations: Sequence[Observation]) -> NDArray[np.int64]:
    """Numbers of the roofs that every camera may have meant, ascending; those far from a pixel are left out."""
    shared: NDArray[np.int64] | None = None
    for observation in observations:
        view = observation.view
        x, y = observation.origin_px
        reach_x, reach_y = (12 * sigma for sigma in observation.sigma_px)
        box = view.near_px
        near = (
            (x > box[:, 0] - reach_x)
            & (x < box[:, 2] + reach_x)
            & (y > box[:, 1] - reach_y)
            & (y < box[:, 3] + reach_y)
        )
        roofs = view.roofs[near]
        shared = roofs if shared is None else np.intersect1d(shared, roofs, assume_unique=True)
    assert shared is not None
    return shared


def _rows(view: View, roofs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers of the points of some roofs, and where each roof begins among them."""
    at = np.searchsorted(view.roofs, roofs)
    counts = view.starts[at + 1] - view.starts[at]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows = np.repeat(view.starts[at] - starts, counts) + np.arange(counts.sum())
    return rows, starts


def _log_t(view: View, rows: NDArray[np.int64], observation: Observation) -> Array:
    return _log_t_at(view.pixels[rows], view.covariance[rows], observation)


def _log_t_at(pixels: Array, covariance: Array, observation: Observation) -> Array:
    """Log of a bivariate Student t in the pixel, per point (log per square pixel)."""
    sigma_x, sigma_y = (max(sigma, _MIN_SIGMA_PX) for sigma in observation.sigma_px)
    xx = covariance[:, 0, 0] + sigma_x**2
    yy = covariance[:, 1, 1] + sigma_y**2
    xy = covariance[:, 0, 1]
    determinant = xx * yy - xy**2
    dx, dy = observation.origin_px[0] - pixels[:, 0], observation.origin_px[1] - pixels[:, 1]
    squared = (yy * dx**2 - 2 * xy * dx * dy + xx * dy**2) / determinant
    return np.asarray(_t_density(squared, determinant))


def _t_density(squared: Array | float, determinant: Array | float) -> Array:
    # In two dimensions Gamma((nu + 2) / 2) / Gamma(nu / 2) is nu / 2.
    return np.asarray(-np.log(2 * pi) - 0.5 * np.log(determinant) - (_NU + 2) / 2 * np.log1p(squared / _NU))


def _log_elsewhere(observations: Sequence[Observation]) -> float:
    """Density of the pixels if the plume begins on no roof we know: the first camera's anywhere in its frame, the
    others' somewhere along that ray. Averaged over which camera comes first."""
    uniform = [log_unlocated(observation.view.camera.frame_size) for observation in observations]
    if len(observations) == 1:
        return uniform[0]
    found = []
    for first, observation in enumerate(observations):
        points, blur = _along_ray(observation)
        total = np.zeros(len(points))
        for other, second in enumerate(observations):
            if other != first:
                total = total + _log_along(second, points, blur, uniform[other])
        found.append(uniform[first] + float(np.logaddexp.reduce(total) - np.log(max(len(total), 1))))
    return float(np.logaddexp.reduce(found) - np.log(len(found)))


def _along_ray(observation: Observation) -> tuple[Array, Array]:
    camera = observation.view.camera
    direction = ray(camera, observation.origin_px)
    points = camera.position + _RANGES_M[:, None] * direction
    possible = (points[:, 2] > -1.0) & (points[:, 2] < _SKY_M)
    ranges = _RANGES_M[possible] if possible.any() else _RANGES_M
    points = camera.position + ranges[:, None] * direction
    angle = max(camera.sigma_heading, camera.sigma_tilt, max(observation.sigma_px) / camera.focal_px)
    across = (ranges * angle) ** 2 + camera.sigma_place_m**2
    along = (ranges * (_RANGES_M[1] / _RANGES_M[0] - 1)) ** 2 / 12
    blur = across[:, None, None] * np.eye(3) + along[:, None, None] * np.outer(direction, direction)
    return points, blur


def _log_along(observation: Observation, points: Array, blur: Array, uniform: float) -> Array:
    camera = observation.view.camera
    pixels, ahead = project(camera, points)
    found = np.full(len(points), -np.inf)
    if ahead.any():
        covariance = pixel_covariance(camera, points[ahead], blur[ahead])
        found[ahead] = _log_t_at(pixels[ahead], covariance, observation)
    return np.asarray(np.logaddexp(found + np.log(1 - _OTHER_PLACE), uniform + np.log(_OTHER_PLACE)))


def _best_place(points: Array, share: Array, start: int, end: int) -> tuple[float, float]:
    """Mean of a roof's points by their share: its most likely origin."""
    part = share[start:end]
    weights = part / part.sum() if part.sum() > 0 else np.full(len(part), 1 / len(part))
    x, y = weights @ points[start:end, :2]
    return float(x), float(y)
