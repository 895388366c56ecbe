"""Where a fire in the open burns (straw, leaves, rubbish, paper): a posterior over the ground. Pure.

Such a fire lies on the ground between the houses or in a field; a roof is the exception. The ground along the first
pixel's ray is cut into cells; each is asked, as roofs are, where its smoke first shows above what hides it and how well
every camera's pixel agrees. Roofs and "elsewhere" (``posterior``) stay as hypotheses of their own, so that a pixel
which fits no ground says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan, atan2, hypot, log, pi
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from cloud_ingest.geotag.elsewhere import PRIOR_ELSEWHERE, log_each_roof
from cloud_ingest.geotag.mast import log_shared, masts
from cloud_ingest.geotag.observation import Observation, log_likelihood
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.projection import Array, Camera, pixel_covariance, project, ray
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import FAR_M, View, first_shown

_ON_ROOF = 1 / 100  # of a square metre of roof, against one of ground: assumed
_NEAREST_M = 6.0
_NOTICED_M = 200.0  # at this distance half of such fires are noticed: assumed
_RINGS, _LANES = 110, 11
_LANES_SIGMAS = 3.5  # to either side of the ray
_WIDEST = pi / 4
_FLAME_M, _SIGMA_FLAME_M = 0.5, 0.5  # above the ground, where such a fire's smoke is taken to begin
_LEAST_GROUND = 0.1  # of a view that is built over wholly
_TILE_M = 100.0
_MOST_MIDDLES = 100  # cells among which the middle is looked for
_LEAST = 1e-4  # of the best cell: less is not drawn and not weighed
_DIGITS = 7


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """Probabilities of open ground, of any roof, of elsewhere (together 1), and where on the ground, in metres.

    ``place`` has the least expected distance from the fire, ``radius_m`` around it holds half of the ground's share,
    ``near_m`` to ``far_m`` (5 and 95 %) is that share along the ray of the camera that looks down on it most steeply.
    """

    on_ground: float
    on_roofs: float
    elsewhere: float
    place: tuple[float, float]
    radius_m: float
    near_m: float
    far_m: float
    cells: tuple[Any, ...]  # polygons, the densest first
    shares: tuple[float, ...]  # of the ground's share, which is their sum
    log_evidence: float  # as :class:`Posterior` has it

    @property
    def kind(self) -> str:
        """``ground``, ``roofs`` or ``elsewhere``: what holds most."""
        return max((self.on_ground, "ground"), (self.on_roofs, "roofs"), (self.elsewhere, "elsewhere"))[1]


@dataclass(frozen=True, slots=True)
class _Cells:
    points: Array  # (N, 3), where the fire burns
    blur: Array  # (N, 3, 3)
    areas: Array  # (N,), m²
    distances: Array  # (N,) from the camera
    corners: Array  # (N, 4, 2)

    def kept(self, some: Array) -> _Cells:
        return _Cells(self.points[some], self.blur[some], self.areas[some], self.distances[some], self.corners[some])


def open_place(observations: Sequence[Observation], posterior: Posterior) -> OpenPlace:
    """``posterior`` is that of the same observations over roofs (``posterior.locate``)."""
    town = observations[0].view.town
    in_reach = len(np.unique(np.concatenate([observation.view.roofs for observation in observations])))
    density = log(1 - PRIOR_ELSEWHERE) - log(max(_weighed_area(observation.view) for observation in observations))
    # What locate gave each roof, with this prior in place of its own: so much a square metre.
    swap = density + log(_ON_ROOF) - log_each_roof(observations, in_reach) + posterior.log_evidence
    areas = shapely.area(town.polygons[list(posterior.roofs)])
    with np.errstate(divide="ignore"):
        log_roofs = _log_sum(np.log(np.array(posterior.probabilities) * areas) + swap)
        log_else = float(np.log(posterior.elsewhere)) + posterior.log_evidence
    cells = _fan(observations, town)
    log_cells = np.log(cells.areas) + density - np.log1p((cells.distances / _NOTICED_M) ** 4)
    for group in masts(observations):
        log_cells = log_cells + _log_pixels(group, cells)
    log_ground = _log_sum(log_cells)
    total = _log_sum(np.array([log_ground, log_roofs, log_else]))
    shares = np.exp(log_cells - total)
    on_ground = float(shares.sum())
    place, radius = _middle(cells, shares)
    near, far = _along(cells.distances, shares)
    order = np.argsort(-shares / cells.areas, kind="stable")
    order = order[shares[order] > _LEAST * float(shares.max(initial=0.0))]
    return OpenPlace(
        on_ground, float(np.exp(log_roofs - total)), float(np.exp(log_else - total)), place, radius, near, far,
        tuple(shapely.polygons(cells.corners[order]).tolist()), tuple(shares[order].tolist()), total,
    )  # fmt: skip


def open_region(found: OpenPlace, town: Town, share: float = 0.9) -> dict[str, Any]:
    """The GeoJSON Feature of ``region.credible_region`` for a fire on the ground: ``drawn`` is ``ground``, there are no
    ``rooftops``, and ``place`` is ``{"lat", "lon", "radius_m", "near_m", "far_m", "probability"}``."""
    reached = np.cumsum(found.shares)
    count = min(int(np.searchsorted(reached, share - 1e-9)) + 1, len(reached))
    # Cells of one fan touch: what two metres close is no gap between them, but a rounding of their arcs.
    shape = shapely.union_all(list(found.cells[:count])).buffer(2.0).buffer(-2.0).simplify(0.5)
    degrees = shapely.orient_polygons(shapely.transform(shape, town.frame.xy_to_lon_lat))
    lat, lon = town.frame.to_lat_lon(*found.place)
    return {
        "type": "Feature",
        "geometry": dict(mapping(shapely.transform(degrees, lambda corners: np.round(corners, _DIGITS)))),
        "properties": {
            "share": share,
            "holds": round(float(reached[count - 1]), 4),
            "rooftops": [],
            "drawn": "ground",
            "place": {
                "lat": round(lat, _DIGITS),
                "lon": round(lon, _DIGITS),
                "radius_m": round(found.radius_m, 1),
                "near_m": round(found.near_m, 1),
                "far_m": round(found.far_m, 1),
                "probability": round(found.on_ground, 4),
            },
        },
    }


def ground_tiles(observation: Observation) -> list[tuple[int, int]]:
    """The squares of the town's plane that one camera's fire may burn in: what two cameras share is to be compared."""
    cells = _fan([observation], observation.view.town)
    found = _log_pixels([observation], cells)
    likely = cells.points[found > float(found.max(initial=-np.inf)) - 12.0, :2]
    tiles = np.unique(np.floor(likely / _TILE_M).astype(int), axis=0)
    return [(int(x), int(y)) for x, y in tiles]


def _weighed_area(view: View) -> float:
    """Square metres in which a fire would be seen: ground, roofs at their share, what is far at less."""
    width = 2 * float(np.arctan(view.camera.frame_size[0] / 2 / view.camera.focal_px))
    total = width / 2 * _NOTICED_M**2 * atan((FAR_M / _NOTICED_M) ** 2)
    corners = shapely.bounds(view.town.polygons[view.roofs])
    away = np.hypot(*((corners[:, :2] + corners[:, 2:]) / 2 - view.camera.position[:2]).T)
    roofs = float((shapely.area(view.town.polygons[view.roofs]) / (1 + (away / _NOTICED_M) ** 4)).sum())
    return max(total - roofs, _LEAST_GROUND * total) + _ON_ROOF * roofs


def _fan(observations: Sequence[Observation], town: Town) -> _Cells:
    """Cells of open ground along the ray of the camera that looks down most steeply."""
    observation = min(observations, key=lambda one: float(ray(one.view.camera, one.origin_px)[2]))
    camera = observation.view.camera
    direction = ray(camera, observation.origin_px)
    heading = atan2(direction[0], direction[1])
    pixels = max(observation.sigma_px) / camera.focal_px
    edges = np.geomspace(_NEAREST_M, FAR_M, _RINGS + 1)
    middles = np.sqrt(edges[:-1] * edges[1:])
    half = np.minimum(_LANES_SIGMAS * np.hypot(hypot(pixels, _turn(camera)), _lens(camera) / middles), _WIDEST)
    lanes = np.linspace(-1, 1, _LANES + 1)
    azimuths = heading + half[:, None] * lanes  # (rings, lanes + 1)

    def at(distance: Array, azimuth: Array) -> Array:
        return np.asarray(camera.position[:2] + distance[..., None] * np.stack([np.sin(azimuth), np.cos(azimuth)], -1))

    near, far = np.broadcast_to(edges[:-1, None], azimuths.shape), np.broadcast_to(edges[1:, None], azimuths.shape)
    low, high = at(near, azimuths), at(far, azimuths)
    corners = np.stack([low[:, :-1], high[:, :-1], high[:, 1:], low[:, 1:]], axis=2).reshape(-1, 4, 2)
    mid = (azimuths[:, :-1] + azimuths[:, 1:]) / 2
    plan = at(np.broadcast_to(middles[:, None], mid.shape), mid).reshape(-1, 2)
    free = np.ones(len(plan), bool)
    free[town.tree.query(shapely.points(plan), predicate="intersects")[0]] = False
    depth = np.repeat(edges[1:] - edges[:-1], _LANES)
    width = np.repeat(middles * 2 * half / _LANES, _LANES)
    ahead, azimuth = np.repeat(middles, _LANES), mid.reshape(-1)
    away = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1)
    aside = np.stack([away[:, 1], -away[:, 0]], axis=1)
    blur = np.zeros((len(plan), 3, 3))
    for extent, axis in ((depth, away), (width, aside)):
        blur[:, :2, :2] += (extent**2 / 12)[:, None, None] * axis[:, :, None] * axis[:, None, :]
    blur[:, 2, 2] = _SIGMA_FLAME_M**2
    points = np.column_stack([plan, town.ground_at(plan[:, 0], plan[:, 1])[0] + _FLAME_M])
    return _Cells(points, blur, depth * width, ahead, corners).kept(free)


def _log_pixels(group: Sequence[Observation], cells: _Cells) -> Array:
    """Log density of the pixels of one mast's cameras for a fire in each cell, with the chance that it shows at all."""
    found = np.full(len(cells.points), -np.inf)
    on_ground = [_on_ground(observation, cells) for observation in group]
    ahead = np.flatnonzero(np.all([np.isfinite(one.view.pixels[:, 0]) for one in on_ground], axis=0))
    if len(ahead):
        seen = np.minimum.reduce([one.view.seen for one in on_ground])[ahead]
        one = log_likelihood(on_ground[0], ahead) if len(group) == 1 else log_shared(on_ground, [ahead] * len(group))
        found[ahead] = one + np.log(seen)
    return found


def _on_ground(observation: Observation, cells: _Cells) -> Observation:
    """The same with cells in its view instead of roofs."""
    view = observation.view
    points, blur, seen = first_shown(view.camera, view.edges, cells.points, cells.blur)
    pixels, ahead = project(view.camera, points)
    covariance = np.full((len(points), 2, 2), np.nan)
    if ahead.any():
        covariance[ahead] = pixel_covariance(view.camera, points[ahead], blur[ahead])
    seeing = replace(view, points=points, pixels=pixels, covariance=covariance, seen=seen)
    return replace(observation, view=seeing)


def _turn(camera: Camera) -> float:
    return camera.sigma_heading if camera.covariance is None else float(np.sqrt(camera.covariance[3, 3]))


def _lens(camera: Camera) -> float:
    if camera.covariance is None:
        return camera.sigma_place_m
    return float(np.sqrt(max(camera.covariance[0, 0], camera.covariance[1, 1])))


def _log_sum(values: Array) -> float:
    return float(np.logaddexp.reduce(values)) if len(values) else -np.inf


def _middle(cells: _Cells, shares: Array) -> tuple[tuple[float, float], float]:
    """The cell with the least expected distance from all, and the radius around it that holds half."""
    kept = np.flatnonzero(shares > _LEAST * shares.max(initial=0.0))
    if not len(kept):
        return (0.0, 0.0), 0.0
    plan, weight = cells.points[kept, :2], shares[kept] / shares[kept].sum()
    likely = plan[np.argsort(-weight)[:_MOST_MIDDLES]]
    away = np.hypot(*(likely[:, None] - plan[None]).transpose(2, 0, 1))
    best = int(np.argmin(away @ weight))
    order = np.argsort(away[best])
    reach = int(np.searchsorted(np.cumsum(weight[order]), 0.5))
    x, y = likely[best]
    half = float(away[best][order[min(reach, len(order) - 1)]])
    return (float(x), float(y)), hypot(half, float(np.sqrt(np.median(cells.areas[kept]) / 12)))


def _along(distances: Array, shares: Array) -> tuple[float, float]:
    order = np.argsort(distances)
    reached = np.cumsum(shares[order])
    if not len(order) or reached[-1] <= 0:
        return 0.0, 0.0
    near, far = (min(int(np.searchsorted(reached, e * reached[-1])), len(order) - 1) for e in (0.05, 0.95))
    return float(distances[order][near]), float(distances[order][far])
