"""What a pose's uncertainty means on the ground: an ellipse around where a pixel's ray comes down. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, sqrt

import numpy as np

from cloud_ingest.geotag.calibration.model import HEADING, UNKNOWNS, Z, camera_at
from cloud_ingest.geotag.projection import Array, project, ray

RANGES_M = (50.0, 100.0, 150.0, 200.0, 300.0)
_NINETY_FIVE = sqrt(5.991)  # of a two-dimensional normal distribution
_STEP = 1e-4
_LEAST_DOWN = 0.004  # slope of a ray that still comes down somewhere


@dataclass(frozen=True, slots=True)
class GroundEllipse:
    """Where, with 95 %, a pixel's ray meets the ground: half axes in metres, the longer one's azimuth in degrees."""

    range_m: float
    x: float
    y: float
    major_m: float
    minor_m: float
    azimuth_deg: float
    pixel: tuple[float, float]


def ellipses(at: Array, covariance: Array, frame_size: tuple[int, int]) -> list[GroundEllipse]:
    """Along the picture's middle column, for those of :data:`RANGES_M` that lie in the picture. ``at`` and
    ``covariance`` as in ``model.Fit``; the ground is flat, at height 0."""
    camera = camera_at(at, frame_size)
    found = []
    for range_m in RANGES_M:
        azimuth = at[HEADING]
        point = np.array([at[0] + range_m * np.sin(azimuth), at[1] + range_m * np.cos(azimuth), 0.0])
        pixels, ahead = project(camera, point[None])
        if not ahead[0] or not 0 <= pixels[0, 1] <= frame_size[1]:
            continue
        ellipse = _ellipse(at, covariance, frame_size, (float(pixels[0, 0]), float(pixels[0, 1])), range_m)
        if ellipse is not None:
            found.append(ellipse)
    return found


def _ellipse(
    at: Array, covariance: Array, frame_size: tuple[int, int], pixel: tuple[float, float], range_m: float
) -> GroundEllipse | None:
    here = _lands(at, frame_size, pixel)
    slopes = np.empty((2, UNKNOWNS))
    if here is None:
        return None
    for k in range(UNKNOWNS):
        step = np.zeros(UNKNOWNS)
        step[k] = _STEP
        ahead, behind = _lands(at + step, frame_size, pixel), _lands(at - step, frame_size, pixel)
        if ahead is None or behind is None:
            return None
        slopes[:, k] = (ahead - behind) / (2 * _STEP)
    values, vectors = np.linalg.eigh(slopes @ covariance @ slopes.T)
    minor, major = (_NINETY_FIVE * sqrt(max(float(value), 0.0)) for value in values)
    east, north = vectors[:, 1]
    return GroundEllipse(
        range_m, float(here[0]), float(here[1]), major, minor, degrees(atan2(east, north)) % 180, pixel
    )


def _lands(at: Array, frame_size: tuple[int, int], pixel: tuple[float, float]) -> Array | None:
    """Where a pixel's ray meets the ground; None when it hardly comes down."""
    direction = ray(camera_at(at, frame_size), pixel)
    if direction[2] > -_LEAST_DOWN or at[Z] <= 0:
        return None
    return np.asarray(at[:2] - direction[:2] * at[Z] / direction[2])
