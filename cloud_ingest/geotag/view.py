"""What one camera can see of a town: where each roof's points fall in its picture, how blurred, and what hides them.

A pose stands for months, so this is made once for a pose and used for every detection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi, radians

import numpy as np
import shapely
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array, Camera, camera_of, pixel_covariance, project
from cloud_ingest.geotag.town import Town
from smokesentry.place import CameraPose

RANGE_M = 600.0  # beyond, a pixel of tilt is tens of metres of range and no roof can be told from another
_MARGIN = radians(12)  # beside the picture, for what the heading does not know
_BIN = radians(0.2)  # of azimuth, for the skyline
_HIDDEN = 0.03  # likelihood that smoke from a hidden point is taken to begin there after all
_SKYLINE_BLUR = 0.01  # radians: how exactly heights and lens place the edge that hides
_EAVES_BELOW_M = 0.7  # a pitched roof hides as if it were flat and this much below its ridge


@dataclass(frozen=True, slots=True)
class View:
    """Points of all roofs in reach, roof after roof: those of ``roofs[k]`` are ``starts[k]:starts[k + 1]``."""

    camera: Camera
    roofs: NDArray[np.int64]  # numbers in the town
    starts: NDArray[np.int64]
    points: Array  # (N, 3)
    weights: Array  # (N,), sum to 1 a roof
    pixels: Array  # (N, 2)
    covariance: Array  # (N, 2, 2), of pose and place
    seen: Array  # (N,), 1 in plain sight, _HIDDEN behind another roof
    near_px: Array  # (roofs, 4): box around a roof's pixels, widened by twelve standard deviations


def camera_in(town: Town, pose: CameraPose) -> Camera:
    """The camera of a pose, in the town's frame and on its ground."""
    place = pose.place
    x, y = town.frame.to_xy(place.lat, place.lon)
    camera = camera_of(pose, x, y, town.frame.north_deg(place.lat, place.lon))
    ground = float(town.ground_at(np.array([x]), np.array([y]))[0][0])
    return replace(camera, position=camera.position + np.array([0.0, 0.0, ground]))


def make_view(town: Town, camera: Camera) -> View:
    """Projects every roof in reach. A camera that sees no roof gives an empty view."""
    numbers = town.near(float(camera.position[0]), float(camera.position[1]), RANGE_M)
    kept: list[int] = []
    places, blurs, weights, counts = [], [], [], []
    half_view = np.arctan(camera.frame_size[0] / 2 / camera.focal_px) + _MARGIN
    for number in numbers:
        there = town.points_of(int(number))
        offset = there.points[:, :2] - camera.position[:2]
        azimuth = np.arctan2(offset[:, 0], offset[:, 1]) - camera.heading
        if np.min(np.abs((azimuth + pi) % (2 * pi) - pi)) > half_view:
            continue
        if not project(camera, there.points)[1].all():  # a roof beside or under the camera
            continue
        kept.append(int(number))
        places.append(there.points)
        blurs.append(there.blur)
        weights.append(there.weights)
        counts.append(len(there.points))
    if not kept:
        nothing = np.zeros((0, 2))
        return View(
            camera, np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros((0, 3)), np.zeros(0), nothing,
            np.zeros((0, 2, 2)), np.zeros(0), np.zeros((0, 4)),
        )  # fmt: skip
    points = np.concatenate(places)
    roofs = np.array(kept, np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pixels, _ = project(camera, points)
    covariance = pixel_covariance(camera, points, np.concatenate(blurs))
    seen = _seen(town, camera, numbers, points)
    return View(
        camera, roofs, starts, points, np.concatenate(weights), pixels, covariance, seen,
        _boxes(pixels, covariance, starts),
    )  # fmt: skip


def _boxes(pixels: Array, covariance: Array, starts: NDArray[np.int64]) -> Array:
    reach = 12 * np.sqrt(np.stack([covariance[:, 0, 0], covariance[:, 1, 1]], axis=1))
    low = np.minimum.reduceat(pixels - reach, starts[:-1])
    high = np.maximum.reduceat(pixels + reach, starts[:-1])
    return np.concatenate([low, high], axis=1)


def _seen(town: Town, camera: Camera, roofs: NDArray[np.int64], points: Array) -> Array:
    """How plainly each point is seen: 1, less behind a nearer roof's edge, softly at the edge itself."""
    offset = points[:, :2] - camera.position[:2]
    distance = np.hypot(offset[:, 0], offset[:, 1])
    slope = (points[:, 2] - camera.position[2]) / distance
    azimuth = np.arctan2(offset[:, 0], offset[:, 1])
    bins = np.floor(azimuth / _BIN).astype(np.int64)
    used, which = np.unique(bins, return_inverse=True)
    far_edges, limits = _skyline(town, camera, roofs, np.asarray((used + 0.5) * _BIN, np.float64))
    above = np.full(len(points), np.inf)
    for k in range(len(used)):
        mine = np.flatnonzero(which == k)
        count = np.searchsorted(far_edges[k], distance[mine] - 0.1)  # roofs that end before the point does
        hidden_below = np.concatenate([[-np.inf], limits[k]])[count]
        above[mine] = slope[mine] - hidden_below
    share = 1 / (1 + np.exp(-np.clip(above / (_SKYLINE_BLUR / 2), -50, 50)))
    return np.asarray(_HIDDEN + (1 - _HIDDEN) * share)


def _skyline(town: Town, camera: Camera, roofs: NDArray[np.int64], azimuths: Array) -> tuple[list[Array], list[Array]]:
    """For each azimuth: distances at which roofs end, ascending, and the steepest slope hidden by all up to there."""
    x, y = camera.position[:2]
    ends = np.stack([x + RANGE_M * np.sin(azimuths), y + RANGE_M * np.cos(azimuths)], axis=1)
    starts = np.broadcast_to(camera.position[:2], ends.shape)
    rays = shapely.linestrings(np.stack([starts, ends], axis=1))
    tree = shapely.STRtree(town.polygons[roofs])
    ray_of, roof_of = tree.query(rays, predicate="intersects")
    pieces = shapely.intersection(rays[ray_of], town.polygons[roofs[roof_of]])
    here = shapely.Point(x, y)
    enter = shapely.distance(pieces, here)
    leave = shapely.hausdorff_distance(pieces, here)  # of a point to a set: its farthest part
    rise = town.tops[roofs[roof_of]] - _EAVES_BELOW_M - camera.position[2]
    limit = rise / np.where(rise < 0, leave, np.maximum(enter, 0.1))
    outside = enter > 0.5  # the roof that carries the camera hides nothing from it
    far_edges, limits = [], []
    for k in range(len(azimuths)):
        mine = np.flatnonzero((ray_of == k) & outside)
        order = mine[np.argsort(leave[mine], kind="stable")]
        far_edges.append(leave[order])
        limits.append(np.maximum.accumulate(limit[order]))
    return far_edges, limits
