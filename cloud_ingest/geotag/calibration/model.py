"""The unknowns of a calibration, what is known of them beforehand, and the fit (Levenberg and Marquardt). Pure.

Unknowns, in this order: x, y, z (metres in a local frame), heading, tilt, roll (radians, heading from true north), the
logarithm of the focal length in pixels, and Brown's k1 and k2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi, radians, tan

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array, Camera, derivatives, project

UNKNOWNS = 9
X, Y, Z, HEADING, TILT, ROLL, LOG_FOCAL, K1, K2 = range(UNKNOWNS)
Mask = NDArray[np.bool_]
_MOST_STEPS = 60
_HARDLY = 1e-9  # information on every unknown, so that none is without any where no point is in view
_ENOUGH = 1e-9  # relative gain below which a fit is at its end
_NU = 4.0  # of the Student t by which a fit may be made robust


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known before: a Gaussian. ``information`` (9, 9) is the inverse of its covariance."""

    mean: Array
    information: Array

    @staticmethod
    def of(mean: Array, sigma: Array) -> Prior:
        """Independent unknowns; an infinite sigma says nothing."""
        return Prior(np.asarray(mean, float), np.diag(1 / np.asarray(sigma, float) ** 2))

    def cost(self, at: Array) -> float:
        """Squared Mahalanobis distance."""
        off = difference(at, self.mean)
        return float(off @ self.information @ off)


@dataclass(frozen=True, slots=True)
class Seen:
    """Points with their pixels, and how well both are known. All arrays over the points."""

    points: Array  # (N, 3), metres in the local frame
    pixels: Array  # (N, 2)
    click: Array  # (N,), standard deviation of a pixel's coordinate
    blur: Array  # (N, 3, 3), covariance of the points

    def without(self, number: int) -> Seen:
        """All but one."""
        keep = np.arange(len(self.points)) != number
        return Seen(self.points[keep], self.pixels[keep], self.click[keep], self.blur[keep])


@dataclass(frozen=True, slots=True)
class Fit:
    """The best unknowns, their covariance (9, 9), residuals in pixels (N, 2; NaN where a point cannot be seen from
    there), their squares in units of their own spread (N,), and the whole cost with the prior's part."""

    at: Array
    covariance: Array
    residuals: Array
    squared: Array
    cost: float


def focal_of(hfov_deg: float, width: int) -> float:
    """Focal length in pixels."""
    return width / 2 / tan(radians(hfov_deg) / 2)


def camera_at(at: Array, frame_size: tuple[int, int]) -> Camera:
    """The camera of some unknowns."""
    return Camera(
        position=np.asarray(at[:3], float),
        heading=float(at[HEADING]),
        tilt=float(at[TILT]),
        roll=float(at[ROLL]),
        focal_px=exp(min(float(at[LOG_FOCAL]), 20.0)),
        frame_size=frame_size,
        sigma_heading=0.0,
        sigma_tilt=0.0,
        sigma_place_m=0.0,
        distortion=(float(at[K1]), float(at[K2])),
    )


def difference(one: Array, other: Array) -> Array:
    """Of two sets of unknowns; angles the short way round."""
    off = np.asarray(one - other, float)
    off[HEADING : ROLL + 1] = (off[HEADING : ROLL + 1] + pi) % (2 * pi) - pi
    return off


def fit(seen: Seen, prior: Prior, start: Array, frame_size: tuple[int, int], *, robust: bool = False) -> Fit:
    """Fits from a start. ``robust`` lets far points pull less (a Student t); the covariance is then too wide."""
    at = np.asarray(start, float).copy()
    damping = 1e-3
    cost, normal, gradient = _linearised(seen, prior, at, frame_size, robust)
    for _ in range(_MOST_STEPS):
        step = -np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient)
        trial = at + step
        there = _linearised(seen, prior, trial, frame_size, robust)
        if there[0] < cost:
            gain = cost - there[0]
            at, damping = trial, max(damping / 5, 1e-12)
            cost, normal, gradient = there
            if gain < _ENOUGH * (1 + cost):
                break
        else:
            damping *= 6
            if damping > 1e10:
                break
    residuals, squared, _ = _residuals(seen, at, frame_size)
    at[HEADING] %= 2 * pi
    return Fit(at, np.asarray(np.linalg.inv(normal), float), residuals, squared, float(squared.sum()) + prior.cost(at))


def log_focal(hfov_deg: float, width: int) -> float:
    """The unknown that stands for a field of view."""
    return log(focal_of(hfov_deg, width))


_UNSEEN = 1e6  # cost of a point that should be seen and lies behind the camera


def _residuals(seen: Seen, at: Array, frame_size: tuple[int, int]) -> tuple[Array, Array, tuple[Array, Array, Mask]]:
    """Residuals, their squares by their spread, and (whitening, Jacobian, ahead) for the next step."""
    camera = camera_at(at, frame_size)
    pixels, ahead = project(camera, seen.points)
    residuals = seen.pixels - pixels
    jacobian = np.zeros((len(seen.points), 2, UNKNOWNS))
    whiten = np.zeros((len(seen.points), 2, 2))
    squared = np.full(len(seen.points), _UNSEEN)
    if ahead.any():
        some = seen.points[ahead]
        by_point, by_turns, by_focal = derivatives(camera, some)
        right, down, forward = (camera.axes @ (some - camera.position).T).reshape(3, -1)
        straight = np.stack([right / forward, down / forward], axis=1)
        radius = (straight**2).sum(axis=1)[:, None]
        by_bend = camera.focal_px * np.stack([straight * radius, straight * radius**2], axis=2)
        jacobian[ahead] = np.concatenate([-by_point, by_turns, by_focal, by_bend], axis=2)
        spread = by_point @ seen.blur[ahead] @ by_point.transpose(0, 2, 1)
        spread += (seen.click[ahead] ** 2)[:, None, None] * np.eye(2)
        whiten[ahead] = np.linalg.inv(np.linalg.cholesky(spread))
        white = np.einsum("nij,nj->ni", whiten[ahead], residuals[ahead])
        squared[ahead] = (white**2).sum(axis=1)
    return residuals, squared, (whiten, jacobian, ahead)


def _linearised(
    seen: Seen, prior: Prior, at: Array, frame_size: tuple[int, int], robust: bool
) -> tuple[float, Array, Array]:
    """Cost, half its Hessian (Gauss and Newton's) and half its gradient."""
    residuals, squared, (whiten, jacobian, ahead) = _residuals(seen, at, frame_size)
    weights = (_NU + 2) / (_NU + squared) if robust else np.ones(len(squared))
    data = (_NU + 2) * np.log1p(squared / _NU) if robust else squared
    white = np.einsum("nij,nj->ni", whiten[ahead], residuals[ahead]).reshape(-1)
    slope = -(whiten[ahead] @ jacobian[ahead]).reshape(-1, UNKNOWNS)  # of the whitened residuals
    spread = np.repeat(weights[ahead], 2)
    off = difference(at, prior.mean)
    normal = slope.T @ (spread[:, None] * slope) + prior.information + _HARDLY * np.eye(UNKNOWNS)
    gradient = slope.T @ (spread * white) + prior.information @ off
    # The spreads change with the pose: without their logarithms in the cost a pose far away would look good.
    logs = -2 * np.log(np.abs(np.linalg.det(whiten[ahead]))).sum() if ahead.any() else 0.0
    return float(data.sum()) + float(off @ prior.information @ off) + float(logs), normal, gradient
