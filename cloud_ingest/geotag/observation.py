"""What one camera saw of a plume, and how well a place explains it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array
from cloud_ingest.geotag.tails import log_density
from cloud_ingest.geotag.view import View

_MIN_SIGMA_PX = 2.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One camera's origin pixel (in the pixels of the pose) with its standard deviations."""

    view: View
    origin_px: tuple[float, float]
    sigma_px: tuple[float, float]

    @property
    def variance(self) -> tuple[float, float]:
        """Of the pixel itself; no origin is known better than to two pixels."""
        x, y = (max(sigma, _MIN_SIGMA_PX) ** 2 for sigma in self.sigma_px)
        return x, y


def log_likelihood(observation: Observation, rows: NDArray[np.int64]) -> Array:
    """Log density of the pixel (per square pixel) for points of the view, averaged over pose and blur."""
    return log_at(observation, observation.view.pixels[rows], observation.view.covariance[rows])


def log_at(observation: Observation, pixels: Array, covariance: Array) -> Array:
    """The same for points at any pixels (N, 2) with their covariance (N, 2, 2)."""
    variance = observation.variance
    xx = covariance[:, 0, 0] + variance[0]
    yy = covariance[:, 1, 1] + variance[1]
    xy = covariance[:, 0, 1]
    determinant = xx * yy - xy**2
    dx, dy = observation.origin_px[0] - pixels[:, 0], observation.origin_px[1] - pixels[:, 1]
    squared = (yy * dx**2 - 2 * xy * dx * dy + xx * dy**2) / determinant
    return log_density(squared, np.log(determinant))
