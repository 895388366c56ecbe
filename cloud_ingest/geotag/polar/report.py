"""The whole long-run view: each gateway's rose and surface, and the map. The page and the command share it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon
from sqlalchemy import Connection, select

from cloud_ingest.geotag.polar.asked import Asked
from cloud_ingest.geotag.polar.blocks import Array, excess, town_signal
from cloud_ingest.geotag.polar.crossings import REACH_M, Crossing, Heat, Station, crossings, heat
from cloud_ingest.geotag.polar.sectors import DIRECTIONS, PERCENTILE, Rose, high, rose
from cloud_ingest.geotag.polar.smoother import CALM_M_S, Estimate, surface
from cloud_ingest.geotag.polar.stored import Site, Stored, read_nights
from cloud_ingest.geotag.town import Frame
from cloud_ingest.store.schema import footprint_versions, rooftops

_RINGS = 12
_MOST_ROOFS = 3000  # drawn; a map with more shows none of them clearly


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One gateway. ``problem``: why there is no rose, a key of the words; then the rest is None.

    ``share`` and ``rise`` are surfaces over :data:`~sectors.DIRECTIONS` and ``speeds_m_s``; ``often`` is the share of
    its blocks that each wind has. ``wind_of``: whose vane; ``wind_m``: how far away it stands.
    """

    site: Site
    problem: str | None = None
    wind_of: str | None = None
    wind_m: float = 0.0
    rose: Rose | None = None
    speeds_m_s: Array | None = None
    share: Estimate | None = None
    rise: Estimate | None = None
    often: Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Roofs:
    """Footprints in the map's metres."""

    shapes: list[Polygon]
    left_out: bool


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything that is drawn. ``together``: how many gateways the town's common signal was made of."""

    asked: Asked
    zone: str
    together: int
    views: list[View]
    frame: Frame | None
    stations: list[Station]
    heat: Heat | None
    crossings: list[tuple[Crossing, int]]  # with the number of roofs that it touches
    roofs: Roofs


def make_report(connection: Connection, tenant: str, asked: Asked, zone: str) -> Report:
    """Reads and works it out: seconds for a winter of a few gateways. Gateways that the town lacks are left out."""
    stored = read_nights(connection, tenant, asked, zone)
    names = list(stored.levels)
    common, scales = town_signal([stored.levels[name] for name in names]) if len(names) > 1 else (None, np.ones(1))
    above = {
        name: excess(stored.levels[name], common, float(scale)) for name, scale in zip(names, scales, strict=False)
    }
    views = [_view(stored, name, above) for name in asked.gateways if name in stored.sites]
    placed = [view.site for view in views if view.site.lat is not None]
    frame = _frame(placed)
    stations = _stations(views, frame)
    roofs = _roofs(connection, tenant, frame, stations) if frame is not None else Roofs([], False)
    counted = [(one, sum(shape.intersects(one.area) for shape in roofs.shapes)) for one in crossings(stations)]
    return Report(asked, zone, len(names), views, frame, stations, heat(stations), counted, roofs)


def _view(stored: Stored, name: str, above: dict[str, Array]) -> View:
    site = stored.sites[name]
    if name not in above:
        return View(site, problem="no_level")
    if name not in stored.winds:
        return View(site, problem="no_wind")
    whose, speed, direction = stored.winds[name]
    found = rose(above[name], speed, direction)
    away = 0.0 if whose == name else site.metres_to(stored.sites[whose])
    if found.blocks == 0:
        return View(site, "no_overlap", whose, away)
    speeds = _speeds(speed)
    asked = high(above[name], np.where(np.isfinite(direction), speed, np.nan), PERCENTILE)
    rise = np.where(np.isfinite(asked), above[name], np.nan)
    share = surface(asked, direction, speed, DIRECTIONS, speeds)
    over = surface(rise, direction, speed, DIRECTIONS, speeds)
    often = share.blocks / max(float(share.blocks.sum()), 1e-9)
    return View(site, None, whose, away, found, speeds, share, over, often)


def _speeds(measured: Array) -> Array:
    """Middles of the rings: even in metres per second, up to what all but one block in fifty stay below."""
    moving = measured[np.isfinite(measured) & (measured >= CALM_M_S)]
    top = max(float(np.quantile(moving, 0.98)), 2 * CALM_M_S)
    edges = np.linspace(CALM_M_S, top, _RINGS + 1)
    return np.asarray((edges[1:] + edges[:-1]) / 2)


def _frame(placed: list[Site]) -> Frame | None:
    if not placed:
        return None
    return Frame(float(np.mean([site.lat for site in placed])), float(np.mean([site.lon for site in placed])))


def _stations(views: list[View], frame: Frame | None) -> list[Station]:
    found = []
    for view in views:
        if frame is not None and view.rose is not None and view.site.lat is not None and view.site.lon is not None:
            east, north = frame.to_xy(view.site.lat, view.site.lon)
            found.append(Station(view.site.gateway, east, north, view.rose))
    return found


def _roofs(connection: Connection, tenant: str, frame: Frame, stations: list[Station]) -> Roofs:
    """The footprints in force around the stations."""
    if not stations:
        return Roofs([], False)
    corners = np.array(
        [
            (station.east_m + side * REACH_M, station.north_m + up * REACH_M)
            for station in stations
            for side, up in ((-1, -1), (1, 1))
        ]
    )
    (west, south), (east, north) = frame.xy_to_lon_lat(np.array([corners.min(axis=0), corners.max(axis=0)]))
    version = (
        select(footprint_versions.c.roofs_version)
        .where(footprint_versions.c.tenant == tenant)
        .order_by(footprint_versions.c.version.desc())
        .limit(1)
    )
    query = (
        select(rooftops.c.polygon)
        .where(rooftops.c.version == version.scalar_subquery())
        .where(rooftops.c.lat.between(south, north), rooftops.c.lon.between(west, east))
        .limit(_MOST_ROOFS + 1)
    )
    found = connection.execute(query).scalars().all()
    if len(found) > _MOST_ROOFS:
        return Roofs([], True)
    shapes = [Polygon(frame.lon_lat_to_xy(np.array(polygon["coordinates"][0]))) for polygon in found]
    return Roofs([shape for shape in shapes if shapely.is_valid(shape)], False)
