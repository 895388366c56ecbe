"""What one camera can see of a town: where smoke of each roof's points shows in its picture, and how blurred.

A pose stands for months, so this is made once for a pose and used for every detection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import pi, radians

import numpy as np
import shapely
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array, Camera, camera_of, pixel_covariance, project
from cloud_ingest.geotag.skyline import Skyline, skyline
from cloud_ingest.geotag.town import Town
from smokesentry.place import CameraPose

RANGE_M = 600.0  # beyond, a pixel of tilt is tens of metres of range and no roof can be told from another
FAR_M = 2000.0  # so far smoke is seen at all; roofs from RANGE_M on are counted, not told apart
_RINGS, _SECTOR = 8, radians(3)  # the plots in which they are counted
_MARGIN = radians(12)  # beside the picture, for what the heading does not know
_RISE_M = 3.0  # smoke that must rise so far to be seen over a nearer roof is thin: seen in 37 of 100 cases
_HIGHEST_M = 15.0  # higher no smoke is followed
_LEAST_SEEN = 0.01  # footprints are out of date: no point is wholly hidden
_DRIFT = 0.6  # metres sideways, east and north, for each metre that smoke has risen; one standard deviation


@dataclass(frozen=True, slots=True)
class Far:
    """Roofs beyond RANGE_M, by the plot: their middles (M, 3), blur (M, 3, 3) and weights (M,): how many fires there
    would be seen for each on one roof in reach."""

    points: Array
    blur: Array
    weights: Array


@dataclass(frozen=True, slots=True)
class View:
    """Points of all roofs in reach, roof after roof: those of ``roofs[k]`` are ``starts[k]:starts[k + 1]``.

    A point stands where its smoke first shows: over a flue in plain sight at the flue, else above the edge that hides
    it.
    """

    town: Town
    camera: Camera
    roofs: NDArray[np.int64]  # numbers in the town
    starts: NDArray[np.int64]
    points: Array  # (N, 3)
    weights: Array  # (N,), sum to 1 a roof
    pixels: Array  # (N, 2)
    blur: Array  # (N, 3, 3), square metres: of the point alone
    covariance: Array  # (N, 2, 2), of pose and blur
    seen: Array  # (N,), 1 in plain sight, less the higher smoke must rise
    near_px: Array  # (roofs, 4): box around a roof's pixels, widened by twelve standard deviations
    far: Far
    edges: Skyline  # what hides what

    @property
    def size(self) -> int:
        """Points in it: what it costs to keep."""
        return len(self.weights)


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
    half_view = float(np.arctan(camera.frame_size[0] / 2 / camera.focal_px)) + _MARGIN
    kept: list[int] = []
    places, blurs, weights, counts = [], [], [], []
    for number in _before(town, camera, numbers, half_view):
        there = town.points_of(int(number))
        if not project(camera, there.points)[1].all():  # a roof beside or under the camera
            continue
        kept.append(int(number))
        places.append(there.points)
        blurs.append(there.blur)
        weights.append(there.weights)
        counts.append(len(there.points))
    far = _far(town, camera, half_view - _MARGIN)
    edges = skyline(town, camera, numbers, half_view)
    if not kept:
        return View(
            town, camera, np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros((0, 3)), np.zeros(0),
            np.zeros((0, 2)), np.zeros((0, 3, 3)), np.zeros((0, 2, 2)), np.zeros(0), np.zeros((0, 4)), far, edges,
        )  # fmt: skip
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    points, blur, seen = first_shown(camera, edges, np.concatenate(places), np.concatenate(blurs))
    pixels, _ = project(camera, points)
    covariance = pixel_covariance(camera, points, blur)
    return View(
        town, camera, np.array(kept, np.int64), starts, points, np.concatenate(weights), pixels, blur, covariance,
        seen, _boxes(pixels, covariance, starts), far, edges,
    )  # fmt: skip


def _before(town: Town, camera: Camera, numbers: NDArray[np.int64], half_view: float) -> NDArray[np.int64]:
    """Those of the roofs of which a corner lies within the view's azimuths."""
    corners, which = shapely.get_coordinates(town.polygons[numbers], return_index=True)
    inside = np.abs(_azimuths(camera, corners)) <= half_view
    return np.asarray(numbers[np.unique(which[inside])])


def _azimuths(camera: Camera, places: Array) -> Array:
    """Of places (N, 2), relative to the heading, from -pi to pi."""
    offset = places - camera.position[:2]
    return np.asarray((np.arctan2(offset[:, 0], offset[:, 1]) - camera.heading + pi) % (2 * pi) - pi)


def first_shown(camera: Camera, edges: Skyline, points: Array, blur: Array) -> tuple[Array, Array, Array]:
    """Where smoke of points (N, 3) with a blur (N, 3, 3) first shows, how blurred, and how likely it shows at all."""
    offset = points - camera.position
    distances = np.hypot(offset[:, 0], offset[:, 1])
    rise, sigma, hidden = edges.rises(_azimuths(camera, points[:, :2]), distances, offset[:, 2] / distances)
    rise = np.minimum(rise, _HIGHEST_M)
    points = points + rise[:, None] * np.array([0.0, 0.0, 1.0])
    points[:, 2] = np.where(project(camera, points)[1], points[:, 2], points[:, 2] - rise)  # above what the lens shows
    blur = blur.copy()
    for axis in (0, 1):
        blur[:, axis, axis] += (_DRIFT * rise) ** 2
    blur[:, 2, 2] = (1 - hidden) * blur[:, 2, 2] + hidden * sigma**2
    return points, blur, np.maximum(np.exp(-rise / _RISE_M), _LEAST_SEEN)


def _boxes(pixels: Array, covariance: Array, starts: NDArray[np.int64]) -> Array:
    reach = 12 * np.sqrt(np.stack([covariance[:, 0, 0], covariance[:, 1, 1]], axis=1))
    low = np.minimum.reduceat(pixels - reach, starts[:-1])
    high = np.maximum.reduceat(pixels + reach, starts[:-1])
    return np.concatenate([low, high], axis=1)


def _far(town: Town, camera: Camera, half_view: float) -> Far:
    x, y = camera.position[:2]
    numbers = town.tree.query(shapely.box(x - FAR_M, y - FAR_M, x + FAR_M, y + FAR_M))
    corners = shapely.bounds(town.polygons[numbers])
    middles = (corners[:, :2] + corners[:, 2:]) / 2
    distance, azimuth = np.hypot(middles[:, 0] - x, middles[:, 1] - y), _azimuths(camera, middles)
    inside = (distance > RANGE_M) & (distance < FAR_M) & (np.abs(azimuth) <= half_view)
    if not inside.any():
        return Far(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros(0))
    numbers, distance, azimuth = numbers[inside], distance[inside], azimuth[inside]
    grows = (FAR_M / RANGE_M) ** (1 / _RINGS)
    ring = np.floor(np.log(distance / RANGE_M) / np.log(grows)).astype(np.int64)
    sector = np.floor(azimuth / _SECTOR).astype(np.int64)
    plots, which = np.unique(np.stack([ring, sector], axis=1), axis=0, return_inverse=True)
    count = np.bincount(which)
    middle = RANGE_M * grows ** (plots[:, 0] + 0.5)
    ray = camera.heading + (plots[:, 1] + 0.5) * _SECTOR
    away, aside = np.stack([np.sin(ray), np.cos(ray)], axis=1), np.stack([np.cos(ray), -np.sin(ray)], axis=1)
    top = np.bincount(which, town.tops[numbers]) / count
    long, wide = middle * (grows - 1), middle * _SECTOR
    blur = np.zeros((len(plots), 3, 3))
    blur[:, :2, :2] = (long**2 / 12)[:, None, None] * away[:, :, None] * away[:, None, :]
    blur[:, :2, :2] += (wide**2 / 12)[:, None, None] * aside[:, :, None] * aside[:, None, :]
    blur[:, 2, 2] = 4.0
    points = np.column_stack([camera.position[:2] + middle[:, None] * away, top])
    return Far(points, blur, count * (RANGE_M / middle) ** 2)
