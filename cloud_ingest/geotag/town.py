"""A town in metres: one local frame, roofs with an index, and on each roof the points where smoke may begin.

Heights count from the terrain's zero where there is a terrain. Without one the ground is flat and lies at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import Polygon

from cloud_ingest.geotag.footprints import Chimney, Roof
from cloud_ingest.geotag.projection import Array
from cloud_ingest.geotag.terrain import Terrain

_PLAN_POINTS = 24  # on a roof, about; each covers its share of it by its blur
_MIN_SPACING_M = 1.0
_CHIMNEY_SHARE = 0.8  # of a roof's probability when chimneys are registered; another flue may stand beside them
_CHIMNEY_SIGMA_M = 0.5
_ABOVE_CHIMNEY_M = ((0.0, 0.6), (0.6, 0.4))  # height above the mouth where smoke is first seen, share
# Against the roof's top: flues on the slope end below the ridge, most end above it, and smoke shows a little higher.
_ABOVE_ROOF_M = ((-0.8, 0.2), (0.2, 0.35), (1.2, 0.3), (2.2, 0.15))
_ABOVE_UNKNOWN_ROOF_M = ((-1.5, 0.2), (0.2, 0.35), (1.9, 0.25), (3.6, 0.2))


class Frame:
    """Azimuthal equidistant metres around a point: true to centimetres over a town."""

    def __init__(self, lat: float, lon: float) -> None:
        local = f"+proj=aeqd +lat_0={lat!r} +lon_0={lon!r} +datum=WGS84 +units=m"
        self._forward = Transformer.from_crs("EPSG:4326", local, always_xy=True)

    def to_xy(self, lat: float, lon: float) -> tuple[float, float]:
        """Metres east and north of the centre."""
        x, y = self._forward.transform(lon, lat)
        return float(x), float(y)

    def lon_lat_to_xy(self, coordinates: Array) -> Array:
        """(N, 2) of longitude, latitude to (N, 2) of metres."""
        x, y = self._forward.transform(coordinates[:, 0], coordinates[:, 1])
        return np.stack([x, y], axis=1)

    def xy_to_lon_lat(self, coordinates: Array) -> Array:
        """The inverse of :meth:`lon_lat_to_xy`."""
        lon, lat = self._forward.transform(coordinates[:, 0], coordinates[:, 1], direction="INVERSE")
        return np.stack([lon, lat], axis=1)

    def to_lat_lon(self, x: float, y: float) -> tuple[float, float]:
        """The inverse of :meth:`to_xy`."""
        lon, lat = self._forward.transform(x, y, direction="INVERSE")
        return float(lat), float(lon)

    def north_deg(self, lat: float, lon: float) -> float:
        """Azimuth, clockwise from the frame's y axis, in which true north lies at a place."""
        step = -1e-4 if lat > 0 else 1e-4  # towards the equator: every latitude has one of the two
        x0, y0 = self.to_xy(lat, lon)
        x1, y1 = self.to_xy(lat + step, lon)
        return degrees(atan2((x1 - x0) / step, (y1 - y0) / step))


@dataclass(frozen=True, slots=True)
class RoofPoints:
    """Where smoke of one roof may begin: places (N, 3), their blur (N, 3, 3) in m² and weights that sum to 1."""

    points: Array
    blur: Array
    weights: Array


@dataclass(slots=True)
class Town:
    """Roofs and chimneys of one footprint version, projected once."""

    version: int
    roofs: tuple[Roof, ...]
    frame: Frame
    polygons: NDArray[np.object_]
    tops: Array  # of the roofs
    ground: Array  # under the roofs; a neighbour's where the terrain knows none
    ground_known: NDArray[np.bool_]
    tree: shapely.STRtree
    chimneys: dict[str, list[Array]]  # rooftop -> mouths in metres
    terrain: Terrain | None
    terrain_version: int | None

    @classmethod
    def build(
        cls,
        version: int,
        roofs: Sequence[Roof],
        chimneys: Sequence[Chimney],
        terrain: Terrain | None = None,
        terrain_version: int | None = None,
    ) -> Town:
        """Projects everything into a frame around the roofs' middle. Raises ``ValueError`` without roofs. A terrain
        that reaches none of the roofs is as good as none."""
        if not roofs:
            raise ValueError("a town needs at least one roof")
        wgs84 = np.array([roof.polygon for roof in roofs], dtype=object)
        west, south, east, north = shapely.total_bounds(wgs84)
        frame = Frame(float(south + north) / 2, float(west + east) / 2)
        polygons = np.asarray(shapely.transform(wgs84, frame.lon_lat_to_xy))
        ground, known = _ground_under(frame, polygons, terrain)
        heights = np.array([roof.height_m for roof in roofs])
        number = {roof.rooftop: n for n, roof in enumerate(roofs)} if chimneys else {}
        mouths: dict[str, list[Array]] = {}
        for chimney in chimneys:
            if chimney.rooftop not in number:  # its roof is gone since
                continue
            x, y = frame.to_xy(chimney.lat, chimney.lon)
            up = ground[number[chimney.rooftop]] + chimney.height_m
            mouths.setdefault(chimney.rooftop, []).append(np.array([x, y, up]))
        return cls(
            version, tuple(roofs), frame, polygons, ground + heights, ground, known, shapely.STRtree(polygons), mouths,
            terrain if known.any() else None, terrain_version,
        )  # fmt: skip

    @property
    def middle(self) -> tuple[float, float]:
        """Latitude and longitude of the frame's origin."""
        return self.frame.to_lat_lon(0.0, 0.0)

    def ground_at(self, x: Array, y: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Height of the ground at places (N,), and where the terrain itself knows it; elsewhere it is that under the
        nearest roof. Flat ground is known nowhere."""
        if self.terrain is None:
            return np.zeros(len(x)), np.zeros(len(x), bool)
        degrees = self.frame.xy_to_lon_lat(np.stack([x, y], axis=1))
        found = self.terrain.heights_at(degrees[:, 1], degrees[:, 0])
        known = np.isfinite(found)
        if not known.all():
            found[~known] = self.ground[self.tree.nearest(shapely.points(x[~known], y[~known]))]
        return found, known

    @property
    def made_of(self) -> tuple[int, int | None]:
        """Versions of footprints and terrain."""
        return self.version, self.terrain_version

    def near(self, x: float, y: float, radius_m: float) -> NDArray[np.int64]:
        """Numbers of the roofs within a radius, ascending."""
        found = self.tree.query(shapely.Point(x, y), predicate="dwithin", distance=radius_m)
        return np.sort(np.asarray(found, np.int64))

    def points_of(self, index: int) -> RoofPoints:
        """Points of one roof."""
        roof = self.roofs[index]
        mouths = self.chimneys.get(roof.rooftop, [])
        return roof_points(self.polygons[index], float(self.tops[index]), roof.height_known, mouths)


def _ground_under(
    frame: Frame, polygons: NDArray[np.object_], terrain: Terrain | None
) -> tuple[Array, NDArray[np.bool_]]:
    """Ground heights at the middle of each roof, those the terrain does not know from the nearest roof it knows."""
    if terrain is None:
        return np.zeros(len(polygons)), np.zeros(len(polygons), bool)
    middles = shapely.centroid(polygons)
    degrees = frame.xy_to_lon_lat(shapely.get_coordinates(middles))
    found = terrain.heights_at(degrees[:, 1], degrees[:, 0])
    known = np.isfinite(found)
    if not known.any():
        return np.zeros(len(polygons)), known
    if not known.all():
        found[~known] = found[known][shapely.STRtree(middles[known]).nearest(middles[~known])]
    return found, known


def roof_points(polygon: Polygon, top_m: float, height_known: bool, mouths: Sequence[Array]) -> RoofPoints:
    """Registered mouths with little spread, else points over the footprint, of which those well inside weigh more."""
    parts = [_spread(polygon, top_m, height_known)]
    shares = [1.0]
    if mouths:
        above = [
            (mouth + np.array([0.0, 0.0, up]), share / len(mouths))
            for mouth in mouths
            for up, share in _ABOVE_CHIMNEY_M
        ]
        sigma = np.diag([_CHIMNEY_SIGMA_M**2, _CHIMNEY_SIGMA_M**2, 0.35**2])
        parts.append(
            RoofPoints(
                np.array([point for point, _ in above]),
                np.repeat(sigma[None], len(above), axis=0),
                np.array([share for _, share in above]),
            )
        )
        shares = [1 - _CHIMNEY_SHARE, _CHIMNEY_SHARE]
    return RoofPoints(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.blur for part in parts]),
        np.concatenate([part.weights * share for part, share in zip(parts, shares, strict=True)]),
    )


def _spread(polygon: Polygon, top_m: float, height_known: bool) -> RoofPoints:
    spacing = max(_MIN_SPACING_M, (polygon.area / _PLAN_POINTS) ** 0.5)
    west, south, east, north = polygon.bounds
    xs = np.arange(west + spacing / 2, max(east, west + spacing), spacing)
    ys = np.arange(south + spacing / 2, max(north, south + spacing), spacing)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    plan = grid[shapely.contains_xy(polygon, grid[:, 0], grid[:, 1])]
    if len(plan) == 0:
        inside = polygon.representative_point()
        plan = np.array([[inside.x, inside.y]])
    depth = shapely.distance(polygon.exterior, shapely.points(plan))
    weights = 0.25 + depth / max(float(depth.max()), 1e-9)
    layers = _ABOVE_ROOF_M if height_known else _ABOVE_UNKNOWN_ROOF_M
    gap = layers[1][0] - layers[0][0]
    points = [np.column_stack([plan, np.full(len(plan), top_m + up)]) for up, _ in layers]
    shares = [weights / weights.sum() * share for _, share in layers]
    blur = np.diag([spacing**2 / 12, spacing**2 / 12, max(gap**2 / 12, 0.1)])
    return RoofPoints(
        np.concatenate(points), np.repeat(blur[None], len(plan) * len(layers), axis=0), np.concatenate(shares)
    )
