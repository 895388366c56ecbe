"""What hides what from one camera: nearer roofs and the ground, by azimuth. Pure.

Nothing is simply hidden or seen. Heights and lens are known to some tenths of a metre, and smoke from behind a roof
shows where it has risen above it: the answer is how far above a point smoke first shows, averaged over what is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, radians

import numpy as np
import shapely
from numpy.typing import NDArray

from cloud_ingest.geotag.projection import Array, Camera
from cloud_ingest.geotag.town import Town

_BIN = radians(0.2)  # of azimuth
_EAVES_BELOW_M = 0.7  # a pitched roof hides as if it were flat and this much below its ridge
_SIGMA_TOP_M, _SIGMA_UNKNOWN_M = 0.4, 1.0  # of a roof's hiding height, where its height is known and where assumed
_SIGMA_GROUND_M = 1.0  # of elevation models, from place to place
_GROUND_STEPS_M = np.geomspace(15.0, 600.0, 28)
_LOGISTIC = 1.702  # a logistic curve this much steeper is the normal distribution's to a hundredth
_STEEPEST = 100.0  # no slope to a roof is steeper


@dataclass(frozen=True, slots=True)
class Skyline:
    """Edges that hide, azimuth bin after bin and outwards in each: those of bin ``k`` are ``starts[k]:starts[k + 1]``.

    ``limits`` is the steepest slope (rise over distance) hidden by all edges up to there, ``at`` the distance of the
    edge that sets it, ``sigma_m`` how well that edge's height is known.
    """

    first: float  # azimuth, relative to the heading, at which the first bin begins
    starts: NDArray[np.int64]
    ends: Array  # distances from the camera at which the roofs end
    limits: Array
    at: Array
    sigma_m: Array
    sigma_lens_m: float

    def rises(self, azimuths: Array, distances: Array, slopes: Array) -> tuple[Array, Array, Array]:
        """For points at relative azimuths (radians), distances and slopes (N,): metres that smoke must rise to be seen,
        on average; their standard deviation; and the probability that it must rise at all."""
        count = len(self.starts) - 1
        which = np.clip(((azimuths - self.first) / _BIN).astype(np.int64), 0, count - 1)
        # One search for all bins: no roof ends farther away than a bin's share of the key.
        far = 2000.0
        keys = np.repeat(np.arange(count), np.diff(self.starts)) * far + np.minimum(self.ends, far - 1)
        before = np.searchsorted(keys, which * far + np.minimum(distances, far) - 0.1) - 1
        none = before < self.starts[which]
        before = np.where(none, 0, before)
        if len(self.limits) == 0:
            nothing = np.zeros(len(distances))
            return nothing, nothing, nothing
        rise = np.where(none, -np.inf, (self.limits[before] - slopes) * distances)
        stretch = distances / np.maximum(self.at[before], 1.0)  # an edge's error seen at the point
        sigma = np.hypot(stretch * self.sigma_m[before], (stretch - 1) * self.sigma_lens_m) + 0.05
        steep = np.clip(_LOGISTIC * rise / sigma, -50.0, 50.0)
        mean = sigma / _LOGISTIC * np.log1p(np.exp(steep))
        return np.where(none, 0.0, np.maximum(mean, rise)), sigma, 1 / (1 + np.exp(-steep))


def skyline(town: Town, camera: Camera, roofs: NDArray[np.int64], half_view: float) -> Skyline:
    """Of some roofs, and of the ground where the town has a terrain, within ``half_view`` radians of the heading."""
    count = int(np.ceil(2 * half_view / _BIN))
    bins, enter, leave, owner = _crossings(town, camera, roofs, -half_view, count)
    tops = town.tops[owner] - _EAVES_BELOW_M - camera.position[2]
    known = np.array([town.roofs[int(k)].height_known for k in roofs], bool)
    sigma = np.where(known, _SIGMA_TOP_M, _SIGMA_UNKNOWN_M)[np.searchsorted(roofs, owner)]
    at = np.where(tops < 0, leave, np.maximum(enter, 0.1))
    parts = [(bins, leave, tops / at, at, sigma)]
    if town.terrain is not None:
        parts.append(_ground(town, camera, -half_view, count))
    bins, ends, limits, at, sigma = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((ends, bins))
    bins, ends, limits, at, sigma = bins[order], ends[order], limits[order], at[order], sigma[order]
    # The running maximum of each bin: bins lie farther apart than slopes do.
    lifted = np.clip(limits, -_STEEPEST, _STEEPEST) + bins * (4 * _STEEPEST)
    highest = np.maximum.accumulate(lifted) if len(lifted) else lifted
    setter = np.maximum.accumulate(np.where(lifted == highest, np.arange(len(lifted)), 0)) if len(lifted) else order
    starts = np.searchsorted(bins, np.arange(count + 1))
    lens = 0.5 * camera.sigma_place_m if camera.covariance is None else float(np.sqrt(camera.covariance[2, 2]))
    return Skyline(-half_view, starts, ends, limits[setter], at[setter], sigma[setter], lens)


def _crossings(
    town: Town, camera: Camera, roofs: NDArray[np.int64], first: float, count: int
) -> tuple[NDArray[np.int64], Array, Array, NDArray[np.int64]]:
    """Which bins' middle rays cross which roofs, and the distances at which they enter and leave: walls against rays,
    all at once. The roof that carries the camera hides nothing from it."""
    here = shapely.Point(camera.position[:2])
    apart = roofs[shapely.distance(town.polygons[roofs], here) > 0.5]
    corners, ring = shapely.get_coordinates(shapely.get_exterior_ring(town.polygons[apart]), return_index=True)
    corners = corners - camera.position[:2]
    azimuth = np.arctan2(corners[:, 0], corners[:, 1]) - camera.heading
    azimuth = (azimuth + pi) % (2 * pi) - pi
    wall = np.flatnonzero(ring[1:] == ring[:-1])
    one, other = azimuth[wall], azimuth[wall + 1]
    low, high = np.minimum(one, other), np.maximum(one, other)
    from_bin = np.maximum(np.ceil((low - first) / _BIN - 0.5), 0).astype(np.int64)
    to_bin = np.minimum(np.floor((high - first) / _BIN - 0.5), count - 1).astype(np.int64)
    spans = np.where(high - low < pi, np.maximum(to_bin - from_bin + 1, 0), 0)  # wider: it lies behind the camera
    wall = np.repeat(wall, spans)
    bins = np.repeat(from_bin, spans) + np.arange(len(wall)) - np.repeat(np.cumsum(spans) - spans, spans)
    ray = camera.heading + first + (bins + 0.5) * _BIN
    east, north = np.sin(ray), np.cos(ray)
    start, along = corners[wall], corners[wall + 1] - corners[wall]
    across = east * along[:, 1] - north * along[:, 0]
    met = np.abs(across) > 1e-9
    distance = np.where(met, start[:, 0] * along[:, 1] - start[:, 1] * along[:, 0], 0.0) / np.where(met, across, 1.0)
    distance, bins, owner = distance[met], bins[met], ring[wall[met]]
    order = np.lexsort((bins, owner))
    distance, bins, owner = distance[order], bins[order], owner[order]
    begins = np.flatnonzero(np.append(True, (np.diff(owner) != 0) | (np.diff(bins) != 0)))[: None if len(bins) else 0]
    if len(begins) == 0:
        return bins, distance, distance, apart[owner]
    enter, leave = np.minimum.reduceat(distance, begins), np.maximum.reduceat(distance, begins)
    return bins[begins], np.maximum(enter, 0.0), leave, apart[owner[begins]]


def _ground(
    town: Town, camera: Camera, first: float, count: int
) -> tuple[NDArray[np.int64], Array, Array, Array, Array]:
    """The ground as edges, at some distances on every bin's ray; where the terrain knows nothing, it hides nothing."""
    ray = camera.heading + first + (np.arange(count) + 0.5) * _BIN
    x = camera.position[0] + np.outer(np.sin(ray), _GROUND_STEPS_M).ravel()
    y = camera.position[1] + np.outer(np.cos(ray), _GROUND_STEPS_M).ravel()
    height, known = town.ground_at(x, y)
    bins = np.repeat(np.arange(count), len(_GROUND_STEPS_M))[known]
    distance = np.tile(_GROUND_STEPS_M, count)[known]
    slope = (height[known] - camera.position[2]) / distance
    return bins, distance, slope, distance, np.full(len(distance), _SIGMA_GROUND_M)
