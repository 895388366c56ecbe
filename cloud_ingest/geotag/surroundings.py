"""What the store holds around one event: register, earlier nights, air, plumes at the same origin. It only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo
from math import atan2, cos, degrees, hypot, isfinite, radians, sin
from statistics import median
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, func, select

from cloud_ingest.geotag.air import AFTER_S, BEFORE_S, CALM_M_S, REACH_M, Curve, Wind, rises_of
from cloud_ingest.geotag.around import Around
from cloud_ingest.geotag.events import Sighting, representatives
from cloud_ingest.geotag.history import LOOKBACK, Night
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.register import Register, night_of
from cloud_ingest.geotag.steam import EarlierPlume
from cloud_ingest.geotag.town import Town
from cloud_ingest.store.registers import current_register, load_register
from cloud_ingest.store.schema import alerts, camera_poses, detections, gateways, roof_nights, telemetry
from smokesentry.clock import from_unix, from_wire, to_wire
from smokesentry.place import Place

_PM25 = ("pm25_atm_ug_m3", "pm25_ug_m3", "pm25_cf1_ug_m3")
_LEAST_GEOMETRY = 0.002  # roofs that are less likely are not asked about
_MOST_STATIONS = 6
_MOST_ROWS = 4000
_SAME_ORIGIN = 9.0  # squared standard deviations
_SWAY_PX = 4.0  # how far the same mouth's plume seems to begin from burst to burst
_MOST_PLUMES = 500
_LONGEST = timedelta(days=1)  # no plume is seen for longer
_FIRST_S, _LAST_S = 1_000_000_000.0, 4_000_000_000.0  # 2001 to 2096: other times are a wrong clock's


class Surroundings:
    """Keeps registers and the gateways' places between transactions; the store has everything."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._registers: dict[str, tuple[int, Register]] = {}  # by tenant: version and what it says
        self._places: dict[str, Place] = {}  # of gateways
        self._poses_known = -1
        self._stand: dict[str, tuple[tuple[int, int | None], dict[str, tuple[float, float]]]] = {}  # by tenant

    def around(
        self,
        connection: Connection,
        tenant: str,
        alert_id: str,
        sightings: Sequence[Sighting],
        town: Town | None,
        posterior: Posterior | None,
        place: tuple[float, float] | None,
    ) -> Around:
        """What is known around one group of detections. ``alert_id``: its own alert, which is no earlier night;
        ``place``: where in the town, most likely."""
        starts = [sighting.started_s for sighting in sightings]
        if any(sighting.apart for sighting in sightings) or not _FIRST_S < min(starts) <= max(starts) < _LAST_S:
            return Around(self._zone)  # its times are in doubt: so is what held at that time
        start_s = min(starts)
        register = self._register(connection, tenant)
        plumes = self._plumes(connection, tenant, sightings)
        if town is None or posterior is None or place is None:
            return Around(self._zone, register, plumes=plumes)
        roofs = [
            town.roofs[roof].rooftop
            for roof, p in zip(posterior.roofs, posterior.probabilities, strict=True)
            if p >= _LEAST_GEOMETRY
        ]
        nights = self._nights(connection, tenant, alert_id, roofs, start_s)
        curves, wind = self._air(connection, tenant, town, place, start_s)
        return Around(self._zone, register, nights, rises_of(curves, start_s), wind, plumes)

    def _register(self, connection: Connection, tenant: str) -> Register | None:
        version = current_register(connection, tenant)
        if version is None:
            return None
        held = self._registers.get(tenant)
        if held is None or held[0] != version:
            held = self._registers[tenant] = version, load_register(connection, version)
        return held[1]

    def _nights(
        self, connection: Connection, tenant: str, alert_id: str, roofs: Sequence[str], start_s: float
    ) -> Mapping[str, Sequence[Night]]:
        table = roof_nights
        start = from_unix(start_s)
        query = (
            select(table.c.rooftop, table.c.first_at, table.c.probability, table.c.poses, alerts.c.confidence)
            .join(alerts, alerts.c.alert_id == table.c.alert_id)
            .where(table.c.tenant == tenant, table.c.rooftop.in_(roofs), table.c.alert_id != alert_id)
            .where(table.c.first_at.between(to_wire(start - LOOKBACK), to_wire(start)), alerts.c.state != "withdrawn")
            .order_by(table.c.first_at, table.c.alert_id)
        )
        found: dict[str, list[Night]] = defaultdict(list)
        for row in connection.execute(query):
            night = night_of(from_wire(row.first_at).astimezone(self._zone))
            found[row.rooftop].append(Night(night, row.probability, row.confidence, frozenset(row.poses)))
        return found

    def _plumes(self, connection: Connection, tenant: str, sightings: Sequence[Sighting]) -> list[EarlierPlume]:
        """Those at the origin of the camera that has seen most of them, from the night's noon until now."""
        until = from_unix(min(max(max(s.last_s, s.started_s) for s in sightings), _LAST_S))
        best: list[EarlierPlume] = []
        for one in representatives(sightings):
            night = night_of(from_unix(one.started_s).astimezone(self._zone))
            since = datetime.combine(night, time(12), self._zone)
            gateway, camera = one.camera
            query = (
                select(detections.c["class"], detections.c.started_at, detections.c.last_seen_at, detections.c.body)
                .where(detections.c.tenant == tenant, detections.c.gateway == gateway, detections.c.camera == camera)
                .where(detections.c.pose_version == one.pose_version)
                .where(detections.c.started_at.between(to_wire(since), to_wire(until)))
                .where(detections.c.last_seen_at.between(to_wire(since), to_wire(until + _LONGEST)))  # what is indexed
                .order_by(detections.c.started_at.desc(), detections.c.detection_id)
                .limit(_MOST_PLUMES)
            )
            found = [
                EarlierPlume(_unix(row["started_at"]), _unix(row["last_seen_at"]), row["class"])
                for row in connection.execute(query).mappings()
                if _same_origin(one, row["body"])
            ]
            if len(found) > len(best):
                best = found
        return best

    def _air(
        self, connection: Connection, tenant: str, town: Town, place: tuple[float, float], start_s: float
    ) -> tuple[list[Curve], Wind]:
        near = self._stations(connection, tenant, town, place)
        if not near:
            return [], Wind()
        query = (
            select(
                telemetry.c.gateway, telemetry.c.sensor, telemetry.c.from_at, telemetry.c.to_at, telemetry.c.quantities
            )
            .where(telemetry.c.gateway.in_(list(near)))
            .where(
                telemetry.c.from_at.between(
                    to_wire(from_unix(start_s - BEFORE_S)), to_wire(from_unix(start_s + AFTER_S))
                )
            )
            .order_by(telemetry.c.from_at, telemetry.c.sensor)
            .limit(_MOST_ROWS)
        )
        rows = connection.execute(query).mappings().all()
        return _curves(rows, near), _wind(rows, start_s)

    def _stations(
        self, connection: Connection, tenant: str, town: Town, place: tuple[float, float]
    ) -> dict[str, tuple[float, float]]:
        """The nearest gateways within reach of a plume, and where they stand."""
        newest = int(connection.execute(select(func.coalesce(func.max(camera_poses.c.id), 0))).scalar_one())
        if newest != self._poses_known:
            rows = connection.execute(select(camera_poses.c.gateway, camera_poses.c.pose).order_by(camera_poses.c.id))
            self._places = {row.gateway: msgspec.convert(row.pose["place"], Place) for row in rows}
            self._poses_known = newest
            self._stand.clear()
        made_of, stand = self._stand.get(tenant, (None, {}))
        if made_of != town.made_of:
            mine = connection.execute(select(gateways.c.gateway).where(gateways.c.tenant == tenant)).scalars()
            known = {gateway: self._places[gateway] for gateway in mine if gateway in self._places}
            stand = {gateway: town.frame.to_xy(at.lat, at.lon) for gateway, at in known.items()}
            self._stand[tenant] = town.made_of, stand
        distances = sorted((hypot(x - place[0], y - place[1]), name) for name, (x, y) in stand.items())
        return {name: stand[name] for distance, name in distances[:_MOST_STATIONS] if distance <= REACH_M}


def _unix(text: str) -> float:
    return from_wire(text).timestamp()


def _same_origin(one: Sighting, body: Mapping[str, Any]) -> bool:
    # ``one`` is in the pose's pixels, the body in the frame's.
    scale = one.frame_size[0] / body["frame_size"][0] * one.scale
    x, y = (scale * pixel for pixel in body["origin_px"])
    sigma_x, sigma_y = (scale * sigma for sigma in body["origin_sigma_px"])
    across = (x - one.origin_px[0]) ** 2 / (sigma_x**2 + one.sigma_px[0] ** 2 + 2 * _SWAY_PX**2)
    down = (y - one.origin_px[1]) ** 2 / (sigma_y**2 + one.sigma_px[1] ** 2 + 2 * _SWAY_PX**2)
    return bool(across + down <= _SAME_ORIGIN)


def _curves(rows: Sequence[Mapping[Any, Any]], near: Mapping[str, tuple[float, float]]) -> list[Curve]:
    points: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    humidity: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        values = row["quantities"]
        name = next((name for name in _PM25 if name in values), None)
        if name is not None and isfinite(mean := values[name]["mean"]):
            middle = (_unix(row["from_at"]) + _unix(row["to_at"])) / 2
            points[row["gateway"], row["sensor"], name].append((middle, mean))
        if "rh_percent" in values:
            humidity[row["gateway"]].append(values["rh_percent"]["mean"])
    curves: dict[str, Curve] = {}
    for (gateway, _, _), series in sorted(points.items()):
        damp = median(humidity[gateway]) if humidity[gateway] else None
        x, y = near[gateway]
        times, values = np.array(series).T
        curves.setdefault(gateway, Curve(gateway, x, y, times, values, damp))  # one sensor a gateway is enough
    return list(curves.values())


def _wind(rows: Sequence[Mapping[Any, Any]], start_s: float) -> Wind:
    """Mean over all vanes near from the first sight on for half an hour; calm air has no direction."""
    early, late = to_wire(from_unix(start_s - 300)), to_wire(from_unix(start_s + 1800))
    speeds, east, north = [], 0.0, 0.0
    for row in rows:
        values = row["quantities"]
        if "wind_speed_m_s" not in values or not early <= row["from_at"] <= late:
            continue
        speed = values["wind_speed_m_s"]["mean"]
        if not isfinite(speed) or speed < 0:
            continue
        speeds.append(speed)
        if "wind_from_deg" in values:
            turn = radians(values["wind_from_deg"]["mean"])
            east, north = east + speed * sin(turn), north + speed * cos(turn)
    if not speeds:
        return Wind()
    speed = sum(speeds) / len(speeds)
    blows = speed >= CALM_M_S and hypot(east, north) > 0.3 * sum(speeds)
    return Wind(speed, degrees(atan2(east, north)) % 360 if blows else None)
