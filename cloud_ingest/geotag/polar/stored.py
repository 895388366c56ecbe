"""The nights of gateways out of the store's minute aggregates: levels and winds on one grid. Only reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import cos, hypot, radians
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from cloud_ingest.geotag.polar.asked import QUANTITIES, Asked
from cloud_ingest.geotag.polar.blocks import BLOCK_S, Array, Nights, merged
from cloud_ingest.store.schema import camera_poses, gateways
from cloud_ingest.store.telemetry_schema import telemetry_aggregates as minutes
from smokesentry.clock import from_wire, to_wire

Means = ColumnElement[Any]  # of one quantity, a number or NULL

_MINUTE_S = 60
#: A vane farther away tells another street's wind.
WIND_WITHIN_M = 3000.0
#: How many gateways beside those asked for are read for the town's common signal, and tried for their wind.
_NEIGHBOURS = 6
_SPEED, _DIRECTION = "wind_speed_m_s", "wind_from_deg"


@dataclass(frozen=True, slots=True)
class Site:
    """Where a gateway stands: the middle of its cameras' places; None where it announced none."""

    gateway: str
    lat: float | None
    lon: float | None

    def metres_to(self, other: Site) -> float:
        """Over the ground, good to a per cent within a town; infinite where one of the two is not known."""
        if self.lat is None or self.lon is None or other.lat is None or other.lon is None:
            return float("inf")
        return hypot((other.lat - self.lat) * 111_320, (other.lon - self.lon) * 111_320 * cos(radians(self.lat)))


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What the store holds: levels of the gateways asked for and of their neighbours; winds of those asked for, each
    with the gateway whose vane it is. Arrays ``(nights, blocks)``."""

    sites: dict[str, Site]
    levels: dict[str, Array]
    winds: dict[str, tuple[str, Array, Array]]  # gateway -> whose, speed, direction

    def nights_of(self, gateway: str) -> Nights | None:
        """A gateway's level with its wind; None where one of the two is missing."""
        if gateway not in self.levels or gateway not in self.winds:
            return None
        _, speed, direction = self.winds[gateway]
        return Nights(self.levels[gateway], speed, direction)


def sites_of(connection: Connection, tenant: str) -> dict[str, Site]:
    """Every gateway of a town, by name."""
    names = connection.execute(select(gateways.c.gateway).where(gateways.c.tenant == tenant)).scalars().all()
    newest = select(func.max(camera_poses.c.id)).group_by(camera_poses.c.gateway, camera_poses.c.camera)
    places: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in connection.execute(select(camera_poses).where(camera_poses.c.id.in_(newest))).mappings():
        places[row["gateway"]].append((row["pose"]["place"]["lat"], row["pose"]["place"]["lon"]))
    found = {}
    for name in sorted(names):
        lats, lons = zip(*places[name], strict=True) if places[name] else ((), ())
        found[name] = Site(name, median(lats) if lats else None, median(lons) if lons else None)
    return found


def read_nights(connection: Connection, tenant: str, asked: Asked, zone: str) -> Stored:
    """Everything that is needed of the store. Gateways that the town does not have are left out."""
    sites = sites_of(connection, tenant)
    mine = [name for name in asked.gateways if name in sites]
    near = _neighbours(sites, mine)
    levels = _levels(connection, tenant, asked, zone, [*mine, *near[:_NEIGHBOURS]])
    own = _winds(connection, tenant, asked, zone, mine)
    for name in near:  # the nearest first, until everybody has a vane within reach
        wanting = [one for one in mine if one not in own and sites[one].metres_to(sites[name]) <= WIND_WITHIN_M]
        if wanting and name not in own and near.index(name) < _NEIGHBOURS:
            own |= _winds(connection, tenant, asked, zone, [name])
    winds = {}
    for name in mine:
        within = [one for one in own if one == name or sites[name].metres_to(sites[one]) <= WIND_WITHIN_M]
        if within:
            nearest = min(within, key=lambda one: (one != name, sites[name].metres_to(sites[one])))
            winds[name] = (nearest, *own[nearest])
    return Stored(sites, levels, winds)


def _neighbours(sites: dict[str, Site], mine: Sequence[str]) -> list[str]:
    """The other gateways within reach, the nearest first."""
    away = {
        name: min((sites[one].metres_to(site) for one in mine), default=float("inf"))
        for name, site in sites.items()
        if name not in mine
    }
    return sorted((name for name, metres in away.items() if metres <= WIND_WITHIN_M), key=lambda name: away[name])


def _levels(connection: Connection, tenant: str, asked: Asked, zone: str, names: Sequence[str]) -> dict[str, Array]:
    names_of_it = [_mean(name) for name in QUANTITIES[asked.quantity]]
    level = func.coalesce(*names_of_it) if len(names_of_it) > 1 else names_of_it[0]
    sensors: dict[tuple[str, str], Array] = {}
    counts: dict[tuple[str, str], Array] = {}
    for night, block, row in _rows(connection, tenant, asked, zone, names, {"level": level}):
        key = row.gateway, row.sensor
        if key not in sensors:
            sensors[key], counts[key] = _zeros(asked), _zeros(asked)
        sensors[key][night, block] += row.level
        counts[key][night, block] += 1
    by_gateway: dict[str, list[Array]] = defaultdict(list)
    for key, total in sensors.items():
        by_gateway[key[0]].append(np.where(counts[key] > 0, total / np.maximum(counts[key], 1), np.nan))
    return {name: merged(some) for name, some in by_gateway.items()}


def _winds(
    connection: Connection, tenant: str, asked: Asked, zone: str, names: Sequence[str]
) -> dict[str, tuple[Array, Array]]:
    """Speed and direction of the gateways that measure both, be it with two sensors. A block's direction is that of the
    mean of its minutes' unit vectors; a vane in a calm reports none."""
    sums = {name: [_zeros(asked) for _ in range(5)] for name in names}
    both = {"speed": _mean(_SPEED), "direction": _mean(_DIRECTION)}
    for night, block, row in _rows(connection, tenant, asked, zone, names, both):
        speeds, measured, north, east, pointed = sums[row.gateway]
        if row.speed is not None:
            speeds[night, block] += row.speed
            measured[night, block] += 1
        if row.direction is not None:
            north[night, block] += cos(radians(row.direction))
            east[night, block] += cos(radians(row.direction - 90))
            pointed[night, block] += 1
    found = {}
    for name, (speeds, measured, north, east, pointed) in sums.items():
        if measured.any() and pointed.any():
            mean_speed = np.where(measured > 0, speeds / np.maximum(measured, 1), np.nan)
            steady = np.hypot(north, east) > 0.2 * np.maximum(pointed, 1)  # else it blew from everywhere
            found[name] = (mean_speed, np.where(steady, np.degrees(np.arctan2(east, north)) % 360, np.nan))
    return found


def _rows(
    connection: Connection, tenant: str, asked: Asked, zone: str, names: Sequence[str], wanted: Mapping[str, Means]
) -> Iterable[tuple[int, int, Row[Any]]]:
    """Every minute of every night that has one of the wanted means, with its night and block."""
    columns = [mean.label(name) for name, mean in wanted.items()]
    some = or_(*(mean.is_not(None) for mean in wanted.values()))
    for night, evening in enumerate(asked.nights):
        start = asked.start_of(evening, zone)
        end = start + timedelta(seconds=BLOCK_S * asked.blocks)
        query = select(minutes.c.gateway, minutes.c.sensor, minutes.c.begins_at, *columns).where(
            minutes.c.tenant == tenant,
            minutes.c.step_s == _MINUTE_S,
            minutes.c.begins_at >= to_wire(start),
            minutes.c.begins_at < to_wire(end),
            minutes.c.gateway.in_(names),
            some,
        )
        for row in connection.execute(query):
            since = (from_wire(row.begins_at) - start).total_seconds()
            yield night, int(since // BLOCK_S), row


def _mean(name: str) -> Means:
    mean: Means = minutes.c.quantities[(name, "mean")].as_float()
    return mean


def _zeros(asked: Asked) -> Array:
    return np.zeros((len(asked.nights), asked.blocks))
