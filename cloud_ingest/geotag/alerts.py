"""Alerts in the store, brought up to date in the transaction that stores the detections: no crash can part the two."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo
from functools import partial
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from shapely.errors import ShapelyError
from sqlalchemy import Connection, or_, select, update

from cloud_ingest.geotag.alert_rows import (
    close_silent,
    pose_of,
    retire_merged,
    rounds,
    rows_around,
    start_of,
    stored_alerts,
    turns,
    weighable,
    write_alert,
)
from cloud_ingest.geotag.calibration.tickets import pose_now
from cloud_ingest.geotag.events import Evidence, Group, Grouping, Sighting, is_open_fire, neighbourhoods
from cloud_ingest.geotag.judgement import OPEN_BURNING, differs, judge, open_fire_place, place, raises_alert
from cloud_ingest.geotag.lies import Layer, place_lies, where_it_lies
from cloud_ingest.geotag.open_fire import OpenPlace
from cloud_ingest.geotag.open_judgement import judge_open_fire
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.smoke import BURNING
from cloud_ingest.geotag.surroundings import Surroundings
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.towns import Towns
from cloud_ingest.store.database import bump
from cloud_ingest.store.followers import move, next_stretch
from cloud_ingest.store.places import LayerCache
from cloud_ingest.store.schema import alert_detections, alerts, detections
from smokesentry.clock import from_wire, to_wire

_log = logging.getLogger(__name__)
_POSE_LOOKBACK = timedelta(hours=24)  # a pose that comes later than this names no roofs any more
FOLLOWER = "alerts"  # of telemetry
_TELEMETRY_AT_ONCE, _MOST_STRETCHES = 1_000_000, 20  # only the times of transactions are looked at, not their rows
_MOST_WEIGHED = 100  # detections judged anew at one time: the worker takes in nothing meanwhile
_MOST_WAITING = 10_000  # for being judged anew
_MAX_NEIGHBOURS = 200
# What a fault of ours raises; a database's refusal is for the caller, whose transaction it ends.
FAULTS = (ArithmeticError, ValueError, LookupError, TypeError, AssertionError, ShapelyError)
ZONE = ZoneInfo("Asia/Shanghai")  # where nothing else is configured


class AlertBuilder:
    """Keeps towns, views and registers between transactions; everything else is in the store. ``zone``: the towns'
    clock, by which nights, dates and hours are told."""

    def __init__(self, zone: tzinfo = ZONE) -> None:
        self._surroundings = Surroundings(zone)
        self._layers = LayerCache()
        self._kept = Towns()
        self._weighed_in: dict[str, tuple[int, int | None]] = {}  # tenant -> what its town is made of
        self._evidence = Evidence()
        self._waiting: list[str] = []  # to be judged anew when telemetry came; a restart forgets it

    def update(
        self, connection: Connection, detection_ids: Sequence[str], poses: Iterable[tuple[str, str]], now: str
    ) -> None:
        """Takes in new revisions and new poses. ``now`` is the transaction's time."""
        poses = list(poses)
        if poses:
            self._evidence.forget()
        touched = [*detection_ids, *sorted(self._seen_under(connection, poses, now))]
        self._bring_up_to_date(connection, touched, frozenset(detection_ids), now)

    def _bring_up_to_date(self, connection: Connection, touched: Iterable[str], heard: Group, now: str) -> None:
        """``heard``: those of which a gateway has just spoken: nothing else opens an alert again."""
        changed = False
        for some in rounds(dict.fromkeys(touched)):
            towns: dict[str, set[str]] = {}
            for row in connection.execute(
                select(detections.c.tenant, detections.c.detection_id).where(detections.c.detection_id.in_(some))
            ):
                towns.setdefault(row.tenant, set()).add(row.detection_id)
            for tenant, mine in sorted(towns.items()):
                changed = self._update_or_leave_out(connection, tenant, mine, heard, now) or changed
        if changed:
            _count_change(connection)

    def close_silent(self, connection: Connection, now: str) -> None:
        """Closes what nothing was heard of for long; to be called now and then."""
        if close_silent(connection, now):
            _count_change(connection)

    def weigh_again(self, connection: Connection, now: str) -> None:
        """Judges anew the alerts around whose time telemetry has come in since: a rise takes minutes to a sensor, and
        after an outage detections come days before the air. To be called now and then, as :meth:`close_silent`."""
        found: dict[str, None] = {}
        for _ in range(_MOST_STRETCHES):
            stretch = next_stretch(connection, FOLLOWER, _TELEMETRY_AT_ONCE, now)
            if stretch is None:
                break
            move(connection, FOLLOWER, stretch.until, now)
            found |= dict.fromkeys(weighable(connection, stretch, _MOST_WAITING))
        turn, rest = turns(self._waiting, list(found), _MOST_WEIGHED, _MOST_WAITING)
        if turn:
            self._bring_up_to_date(connection, turn, frozenset(), now)
        self._waiting = rest

    def _seen_under(self, connection: Connection, poses: Iterable[tuple[str, str]], now: str) -> set[str]:
        """What a new pose may place: seen or taken in within a day. After an outage poses come after detections."""
        since = to_wire(from_wire(now) - _POSE_LOOKBACK)
        found: set[str] = set()
        for gateway, camera in poses:
            query = select(detections.c.detection_id).where(
                detections.c.gateway == gateway,
                detections.c.camera == camera,
                or_(detections.c.last_seen_at >= since, detections.c.received_at >= since),
            )
            found |= set(connection.execute(query).scalars())
        return found

    def _update_or_leave_out(
        self, connection: Connection, tenant: str, touched: set[str], heard: Group, now: str
    ) -> bool:
        """A detection that our own fault keeps from being judged keeps nobody else's alert back: halved until it is
        found, it waits alone for its next revision, and the log says so."""
        try:
            with connection.begin_nested():
                return self._update_town(connection, tenant, touched, heard, now)
        except FAULTS:
            if len(touched) == 1:
                _log.exception("no alert could be made of %s", *touched)
                return False
        order = sorted(touched)
        changed = False
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            changed = self._update_or_leave_out(connection, tenant, set(half), heard, now) or changed
        return changed

    def _update_town(self, connection: Connection, tenant: str, touched: set[str], heard: Group, now: str) -> bool:
        town = self._town(connection, tenant)
        rows = rows_around(connection, tenant, touched)
        held = {row["detection_id"]: row["alert_id"] for row in rows.values() if row["alert_id"] is not None}
        wanted = {i: row for i, row in rows.items() if i in held or raises_alert(row["class"], row["confidence"])}
        if not wanted:
            return False
        sightings = {i: self._sighting(connection, row, town) for i, row in wanted.items()}
        groups: dict[str, Group] = {}
        for neighbours in neighbourhoods(list(sightings.values()), held):
            if touched & {sighting.detection_id for sighting in neighbours}:
                some = _bounded(neighbours, held)
                groups |= Grouping(some, held, partial(_new_id, connection), self._evidence, touched).settle()
        stored, layers = stored_alerts(connection, set(groups)), self._layers.of(connection, tenant)
        before: dict[str, Group] = {}
        for detection_id, key in held.items():
            before[key] = before.get(key, frozenset()) | {detection_id}
        changed = False
        for key, group in groups.items():
            was = before.get(key, frozenset())
            if group == was and not group & touched:
                continue
            if not group:
                changed = True
                retire_merged(connection, stored[key], now)
                continue
            members = [wanted[i] for i in sorted(group)]
            mine = [sightings[row["detection_id"]] for row in members]
            posterior = place(mine) if town is not None else None
            in_the_open = is_open_fire(mine)
            fire = open_fire_place(mine, posterior) if in_the_open else None
            moment = _moment(members)
            where = _where(posterior, fire)
            around = self._surroundings.around(connection, tenant, key, mine, town, posterior, where)
            claims = [(sighting, row["body"]) for sighting, row in zip(mine, members, strict=True)]
            if in_the_open:
                judgement = judge_open_fire(claims, town, posterior, fire, around)
            else:
                around = replace(around, zones=_zones(layers, town, posterior, moment))
                judgement = judge(claims, town, posterior, around)
            if judgement.state == "open" and stored.get(key, {}).get("state") == "closed" and not group & heard:
                judgement = replace(judgement, state="closed")
            if group == was and not group & heard and differs(judgement, stored[key]) is None:
                continue  # weighed again, and nothing new: nobody need look
            changed = True
            lies = where_it_lies(layers, judgement.candidates, moment, judgement.place)
            version = town.version if town is not None else None
            write_alert(connection, tenant, key, was, members, judgement, stored.get(key), version, lies, now)
        return changed

    def _town(self, connection: Connection, tenant: str) -> Town | None:
        town = self._kept.town(connection, tenant)
        if town is not None and self._weighed_in.get(tenant) != town.made_of:
            self._evidence.forget()
            self._weighed_in[tenant] = town.made_of
        return town

    def _sighting(self, connection: Connection, row: dict[str, Any], town: Town | None) -> Sighting:
        claim = row["body"]
        announced = pose_of(connection, row["gateway"], row["camera"], row["pose_version"])
        pose, doubt = pose_now(connection, row, announced)
        scale = _scale(claim["frame_size"], pose.frame_size) if pose is not None else None
        view = self._kept.view(town, pose) if town is not None and pose is not None and scale is not None else None
        scale = scale if scale is not None else 1.0
        x, y = claim["origin_px"]
        return Sighting(
            detection_id=row["detection_id"],
            revision=row["revision"],
            camera=(row["gateway"], row["camera"]),
            origin_px=(x * scale, y * scale),
            sigma_px=(claim["origin_sigma_px"][0] * scale, claim["origin_sigma_px"][1] * scale),
            frame_size=(claim["frame_size"][0], claim["frame_size"][1]),
            confidence=row["confidence"],
            started_s=from_wire(start_of(row)).timestamp(),
            last_s=from_wire(row["last_seen_at"]).timestamp(),
            view=view,
            apart=row["time_mark"] in {"future", "ancient"},
            pose_version=row["pose_version"],
            scale=scale,
            pose_doubt=doubt,
            open_fire=_open_fire(claim),
        )


def _where(posterior: Posterior | None, fire: OpenPlace | None) -> tuple[float, float] | None:
    """The likeliest place in the town's metres; None where nothing is known of it."""
    if fire is not None and fire.kind != "roofs":
        return fire.place if fire.kind == "ground" else None
    return posterior.places[0] if posterior is not None and posterior.roofs else None


def _open_fire(claim: Mapping[str, Any]) -> float:
    """A camera's vote for a fire in the open, or, below 0, for a chimney; as sure as it is of the class it chose."""
    if claim["class"] not in BURNING:
        return 0.0
    sure: float = max(claim["confidence"] * claim.get("class_scores", {}).get(claim["class"], 1.0), 1e-6)
    return sure if claim["class"] == OPEN_BURNING else -sure


def _zones(
    layers: Mapping[str, Layer], town: Town | None, posterior: Posterior | None, moment: str
) -> list[str] | None:
    """Names of the zones around the place that the pictures alone give; None when no zones are imported."""
    if "zones" not in layers or town is None or posterior is None or not posterior.places:
        return None
    lat, lon = town.frame.to_lat_lon(*posterior.places[0])
    return [str(zone["name"]) for zone in place_lies(layers, lat, lon, moment)["zones"]]


def _moment(members: Sequence[Mapping[str, Any]]) -> str:
    """When it began: by the gateways' clocks where they are good, else when the cloud heard of it."""
    sure = [str(row["started_at"]) for row in members if row["time_mark"] is None]
    return min(sure or [str(row["received_at"]) for row in members])


def _count_change(connection: Connection) -> None:
    counter = bump(connection, "alerts")
    connection.execute(update(alerts).where(alerts.c.changed == 0).values(changed=counter))


def _scale(frame_size: Sequence[int], pose_size: Sequence[int]) -> float | None:
    """From the detection's pixels to the pose's; None when one is no scaled picture of the other."""
    across, down = pose_size[0] / frame_size[0], pose_size[1] / frame_size[1]
    return across if abs(across / down - 1) < 0.01 else None


def _new_id(connection: Connection, detection_id: str, used: set[str]) -> str:
    """Opaque, yet the same when the same messages are taken in again. A detection that returns from another alert finds
    its own one again, unless that belongs to others by now."""
    for n in count():
        key = hashlib.sha256(f"alert {n} {detection_id}".encode()).hexdigest()[:32]
        members = select(alert_detections.c.detection_id).where(alert_detections.c.alert_id == key).limit(1)
        if key not in used and connection.execute(members).first() is None:
            return key
    raise AssertionError("unreachable: count() has no end")


def _bounded(neighbours: list[Sighting], held: Mapping[str, str]) -> list[Sighting]:
    """Everything that belongs to an alert, and new ones up to a bound: a camera gone wild must not stop the others."""
    new = sorted((s for s in neighbours if s.detection_id not in held), key=lambda s: (s.started_s, s.detection_id))
    room = max(0, _MAX_NEIGHBOURS - (len(neighbours) - len(new)))
    if len(new) > room:
        _log.warning(
            "%d plumes at once around camera %s: %d are left out", len(neighbours), new[0].camera, len(new) - room
        )
    return [s for s in neighbours if s.detection_id in held] + new[:room]
