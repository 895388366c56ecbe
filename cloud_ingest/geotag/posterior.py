"""Which rooftop: a posterior over roofs from the origin pixels of one plume in one or several cameras. Pure.

For every point of every roof the pixels' likelihoods are multiplied over the cameras, and only then summed over the
points of a roof: the cameras must agree on one place, not merely on one roof. Each likelihood is averaged over poses by
its covariance; cameras on one mast share their pose's error and are averaged over it together (``mast``). "Elsewhere"
(an unregistered flue, a vehicle, a wrong origin, a roof beyond reach) is a hypothesis of its own, so that bad evidence
lowers every roof instead of crowning one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.elsewhere import log_each_roof, log_elsewhere
from cloud_ingest.geotag.elsewhere import log_unlocated as log_unlocated
from cloud_ingest.geotag.mast import log_shared, masts
from cloud_ingest.geotag.observation import Observation as Observation
from cloud_ingest.geotag.observation import log_likelihood
from cloud_ingest.geotag.projection import Array
from cloud_ingest.geotag.tails import log_density
from cloud_ingest.geotag.view import View

_PLUME_PX = 4.0  # how far the same chimney's smoke seems to begin from burst to burst

Pixel = tuple[tuple[float, float], tuple[float, float]]  # place in the frame, standard deviations


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
    in_reach = len(np.unique(np.concatenate([observation.view.roofs for observation in observations])))
    not_here = log_elsewhere(observations, in_reach)
    shared = possible_roofs(observations)
    if len(shared) == 0:
        return Posterior((), (), (), 1.0, not_here)
    log_joint: Array | float = 0.0
    for group in masts(observations):
        found = [_rows(observation.view, shared) for observation in group]
        each = [rows for rows, _ in found]
        seen = np.minimum.reduce([one.view.seen[rows] for one, rows in zip(group, each, strict=True)])
        log_pixels = log_likelihood(group[0], each[0]) if len(group) == 1 else log_shared(group, each)
        log_joint = log_joint + log_pixels + np.log(seen)
    view = observations[0].view
    rows, starts = _rows(view, shared)
    log_joint = np.asarray(log_joint + np.log(np.maximum(view.weights[rows], 1e-12)))
    peak = float(log_joint.max())
    share = np.exp(log_joint - peak)
    per_roof = np.add.reduceat(share, starts)
    log_roofs = np.log(np.maximum(per_roof, 1e-300)) + peak + log_each_roof(observations, in_reach)
    top = max(float(log_roofs.max()), not_here)
    total = float(np.exp(log_roofs - top).sum() + np.exp(not_here - top))
    probabilities = np.exp(log_roofs - top) / total
    order = np.argsort(-probabilities, kind="stable")
    places = np.add.reduceat(share[:, None] * view.points[rows, :2], starts) / np.maximum(per_roof, 1e-300)[:, None]
    lost = per_roof < 1e-290  # so unlikely that no point of it has a share left
    places[lost] = view.points[rows[starts[lost]], :2]
    return Posterior(
        tuple(int(shared[k]) for k in order),
        tuple(float(probabilities[k]) for k in order),
        tuple((float(places[k, 0]), float(places[k, 1])) for k in order),
        float(np.exp(not_here - top) / total),
        top + float(np.log(total)),
    )


def log_same_camera(first: Pixel, second: Pixel) -> float:
    """Log density of the second pixel, given that one camera saw the first of the same plume: the pose's error is the
    same for both, so only the pixels' own spread and a plume's width count."""
    (first_px, first_sigma), (second_px, second_sigma) = first, second
    sigma = np.array(first_sigma) ** 2 + np.array(second_sigma) ** 2 + 2 * _PLUME_PX**2
    difference = np.array(first_px) - np.array(second_px)
    return float(log_density(float((difference**2 / sigma).sum()), float(np.log(sigma[0] * sigma[1]))))


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
