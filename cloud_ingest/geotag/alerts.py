"""Alerts in the store, brought up to date in the transaction that stores the detections: no crash can part the two."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from cloud_ingest.geotag.events import GAP_S, Evidence, Group, Grouping, Sighting, neighbourhoods
from cloud_ingest.geotag.judgement import Judgement, differs, judge, raises_alert
from cloud_ingest.geotag.projection import camera_of
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import View, make_view
from cloud_ingest.store.database import bump, insert_new
from cloud_ingest.store.footprints import current_version, load_footprints
from cloud_ingest.store.schema import (
    alert_detections,
    alert_versions,
    alerts,
    camera_poses,
    detections,
)
from smokesentry.clock import from_wire, to_wire
from smokesentry.place import CameraPose

_log = logging.getLogger(__name__)
_POSE_LOOKBACK = timedelta(hours=24)  # a pose that comes later than this names no roofs any more
_MAX_VIEWS = 2000
_AT_ONCE = 500  # detections a round: databases bound the parameters of a statement
_MAX_AROUND = 1000  # detections looked at around one time
_MAX_NEIGHBOURS = 200
_REASONS = {
    "raised": "A detection began",
    "joined": "Another detection belongs to the same fire",
    "split": "A detection turned out to belong to another fire",
    "merged": "It is the same fire as another alert",
    "sharper": "The places are better known",
    "class": "The plume was judged anew",
    "confidence": "The certainty changed",
    "closed": "The plume ended",
    "reopened": "The plume is seen again",
    "withdrawn": "It was found to be no smoke",
}


class AlertBuilder:
    """Keeps towns and views between transactions; everything else is in the store."""

    def __init__(self) -> None:
        self._towns: dict[int, Town] = {}
        self._views: dict[tuple[int, bytes], View] = {}
        self._evidence = Evidence()

    def update(
        self, connection: Connection, detection_ids: Sequence[str], poses: Iterable[tuple[str, str]], now: str
    ) -> None:
        """Takes in new revisions and new poses. ``now`` is the transaction's time."""
        poses = list(poses)
        if poses:
            self._evidence.forget()
        touched = dict.fromkeys([*detection_ids, *sorted(self._seen_under(connection, poses, now))])
        changed = False
        for some in _rounds(touched):
            towns: dict[str, set[str]] = {}
            for row in connection.execute(
                select(detections.c.tenant, detections.c.detection_id).where(detections.c.detection_id.in_(some))
            ):
                towns.setdefault(row.tenant, set()).add(row.detection_id)
            for tenant, mine in sorted(towns.items()):
                changed = self._update_town(connection, tenant, mine, now) or changed
        if changed:
            counter = bump(connection, "alerts")
            connection.execute(update(alerts).where(alerts.c.changed == 0).values(changed=counter))

    def _seen_under(self, connection: Connection, poses: Iterable[tuple[str, str]], now: str) -> set[str]:
        since = to_wire(from_wire(now) - _POSE_LOOKBACK)
        found: set[str] = set()
        for gateway, camera in poses:
            query = select(detections.c.detection_id).where(
                detections.c.gateway == gateway, detections.c.camera == camera, detections.c.last_seen_at >= since
            )
            found |= set(connection.execute(query).scalars())
        return found

    def _update_town(self, connection: Connection, tenant: str, touched: set[str], now: str) -> bool:
        town = self._town(connection, tenant)
        rows = _rows_around(connection, tenant, touched)
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
        stored = _stored_alerts(connection, set(groups))
        before: dict[str, Group] = {}
        for detection_id, key in held.items():
            before[key] = before.get(key, frozenset()) | {detection_id}
        changed = False
        for key, group in groups.items():
            was = before.get(key, frozenset())
            if group == was and not group & touched:
                continue
            judgement = judge([(sightings[i], wanted[i]["body"]) for i in sorted(group)], town) if group else None
            members = [wanted[i] for i in sorted(group)]
            changed = _write(connection, tenant, key, was, members, judgement, stored.get(key), town, now) or changed
        return changed

    def _town(self, connection: Connection, tenant: str) -> Town | None:
        version = current_version(connection, tenant)
        if version is None:
            return None
        if version not in self._towns:
            self._evidence.forget()
            self._towns[version] = Town.build(version, *load_footprints(connection, version))
        return self._towns[version]

    def _sighting(self, connection: Connection, row: dict[str, Any], town: Town | None) -> Sighting:
        claim = row["body"]
        pose = _pose(connection, row["gateway"], row["camera"], row["pose_version"])
        scale = _scale(claim["frame_size"], pose.frame_size) if pose is not None else None
        view = self._view(town, pose) if town is not None and pose is not None and scale is not None else None
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
            started_s=from_wire(row["started_at"]).timestamp(),
            last_s=from_wire(row["last_seen_at"]).timestamp(),
            view=view,
            apart=row["time_mark"] in {"future", "ancient"},
        )

    def _view(self, town: Town, pose: CameraPose) -> View:
        key = (town.version, msgspec.json.encode(pose))
        if key not in self._views:
            if len(self._views) >= _MAX_VIEWS:
                self._views.clear()
            place = pose.place
            camera = camera_of(
                pose, *town.frame.to_xy(place.lat, place.lon), town.frame.north_deg(place.lat, place.lon)
            )
            self._views[key] = make_view(town, camera)
            if len(self._views[key].roofs) == 0:
                _log.warning("camera %s sees none of the imported roofs from %s: check its place", pose.camera, place)
        return self._views[key]


def _rows_around(connection: Connection, tenant: str, touched: set[str]) -> dict[str, dict[str, Any]]:
    """The touched detections and all that may belong to the same events, with their alerts, by id."""
    columns = (*detections.c, alert_detections.c.alert_id)
    joined = detections.outerjoin(alert_detections, detections.c.detection_id == alert_detections.c.detection_id)
    base = select(*columns).select_from(joined)
    found = _by_id(connection.execute(base.where(detections.c.detection_id.in_(touched))))
    for early, late in _windows(found.values()):
        near = base.where(
            detections.c.tenant == tenant, detections.c.last_seen_at >= early, detections.c.started_at <= late
        )
        bounded = near.order_by(detections.c.started_at, detections.c.detection_id).limit(_MAX_AROUND)
        found |= _by_id(connection.execute(bounded))
    # Whole alerts: the rest of an alert that has one detection in the window must be weighed with it.
    keys = {row["alert_id"] for row in found.values()} - {None}
    for some in _rounds(keys):
        found |= _by_id(connection.execute(base.where(alert_detections.c.alert_id.in_(some))))
    return found


def _rounds(values: Iterable[str]) -> Iterable[list[str]]:
    """In portions that fit into one statement."""
    ordered = list(values)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))


def _by_id(result: Any) -> dict[str, dict[str, Any]]:
    return {row["detection_id"]: dict(row) for row in result.mappings()}


def _windows(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Times around the rows, widened by the gap that one event may have; overlapping ones are one."""
    spans = sorted(
        (_moved(row["started_at"], -GAP_S), _moved(max(row["last_seen_at"], row["started_at"]), GAP_S)) for row in rows
    )
    merged: list[tuple[str, str]] = []
    for early, late in spans:
        if merged and early <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], late))
        else:
            merged.append((early, late))
    return merged


def _moved(text: str, seconds: float) -> str:
    try:
        return to_wire(from_wire(text) + timedelta(seconds=seconds))
    except OverflowError:  # the year 1 or 9999 of a gateway without a clock
        return text


def _stored_alerts(connection: Connection, keys: set[str]) -> dict[str, dict[str, Any]]:
    joined = alerts.join(
        alert_versions,
        (alerts.c.alert_id == alert_versions.c.alert_id) & (alerts.c.version == alert_versions.c.version),
    )
    query = select(alert_versions).select_from(joined)
    return {
        row["alert_id"]: dict(row)
        for some in _rounds(sorted(keys))
        for row in connection.execute(query.where(alerts.c.alert_id.in_(some))).mappings()
    }


def _pose(connection: Connection, gateway: str, camera: str, version: int) -> CameraPose | None:
    table = camera_poses
    found = connection.execute(
        select(table.c.pose)
        .where(table.c.gateway == gateway, table.c.camera == camera, table.c.pose_version == version)
        .order_by(table.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else msgspec.convert(found, CameraPose)


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


def _write(
    connection: Connection,
    tenant: str,
    key: str,
    was: Group,
    members: Sequence[dict[str, Any]],
    judgement: Judgement | None,
    stored: dict[str, Any] | None,
    town: Town | None,
    now: str,
) -> bool:
    """Writes one alert's row, version and members; answers whether anything changed."""
    is_now = frozenset(member["detection_id"] for member in members)
    if judgement is None:  # all its detections went to another alert
        assert stored is not None
        values = {**stored, "state": "withdrawn", "version": stored["version"] + 1, "made_at": now}
        connection.execute(
            insert(alert_versions).values(**{**values, "reason": "merged", "reason_text": _REASONS["merged"]})
        )
        connection.execute(
            update(alerts)
            .where(alerts.c.alert_id == key)
            .values(state="withdrawn", version=values["version"], changed=0)
        )
        return True
    reason = _reason(judgement, was, is_now, stored)
    version = (stored["version"] if stored else 0) + (reason is not None)
    row = {
        "tenant": tenant,
        "state": judgement.state,
        "first_at": min(member["started_at"] for member in members),
        "last_at": max(member["last_seen_at"] for member in members),
        "class": judgement.plume_class,
        "confidence": judgement.confidence,
        "version": version,
        "changed": 0,  # filled in when the counter is known
    }
    if connection.execute(update(alerts).where(alerts.c.alert_id == key).values(**row)).rowcount == 0:
        connection.execute(insert(alerts).values(alert_id=key, raised_at=now, **row))
    for detection_id in sorted(is_now - was):
        moved = update(alert_detections).where(alert_detections.c.detection_id == detection_id).values(alert_id=key)
        if connection.execute(moved).rowcount == 0:
            insert_new(connection, alert_detections, [{"detection_id": detection_id, "alert_id": key}])
    if reason is not None:
        connection.execute(
            insert(alert_versions).values(
                alert_id=key,
                version=version,
                made_at=now,
                state=judgement.state,
                confidence=judgement.confidence,
                candidates=judgement.candidates,
                elsewhere=judgement.elsewhere,
                factors=judgement.factors,
                reason=reason,
                reason_text=_REASONS[reason],
                footprint_version=town.version if town is not None else None,
                **{"class": judgement.plume_class},
            )
        )
    return True


def _reason(judgement: Judgement, was: Group, is_now: Group, stored: dict[str, Any] | None) -> str | None:
    if stored is None:
        return "raised"
    if is_now - was:
        return "reopened" if stored["state"] != "open" and judgement.state == "open" else "joined"
    if was - is_now:
        return "split"
    return differs(judgement, stored)
