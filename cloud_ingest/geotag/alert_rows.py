"""The rows of alerts: what must be looked at together, and how a change is written. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, delete, insert, select, update

from cloud_ingest.geotag.air import AFTER_S, BEFORE_S
from cloud_ingest.geotag.events import GAP_S, Group
from cloud_ingest.geotag.judgement import Judgement, differs
from cloud_ingest.store.database import insert_new
from cloud_ingest.store.followers import Stretch
from cloud_ingest.store.schema import (
    alert_detections,
    alert_versions,
    alerts,
    camera_poses,
    detections,
    roof_nights,
)
from smokesentry.clock import from_wire, to_wire
from smokesentry.place import CameraPose

_AT_ONCE = 500
_LEAST_OF_NIGHT, _MOST_OF_NIGHT = 0.05, 8  # roofs that an alert leaves for later nights
_MAX_AROUND = 1000  # detections looked at around one time
_MOST_UNSEEN_S = 3600.0  # of one plume between its start and its last sight, pauses and restarts of a gateway included
SILENCE = timedelta(hours=1)  # an open alert of which nothing is heard for so long is closed
_REASONS = {
    "raised": "A detection began",
    "joined": "Another detection belongs to the same fire",
    "split": "A detection turned out to belong to another fire",
    "merged": "It is the same fire as another alert",
    "sharper": "The places are better known",
    "class": "The plume was judged anew",
    "confidence": "The certainty changed",
    "fuel": "What the fuel may be is judged anew",
    "closed": "The plume ended",
    "reopened": "The plume is seen again",
    "withdrawn": "It was found to be no smoke",
    "silent": "Nothing was heard of it for an hour",
}


def rows_around(connection: Connection, tenant: str, touched: set[str]) -> dict[str, dict[str, Any]]:
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
    for some in rounds(keys):
        found |= _by_id(connection.execute(base.where(alert_detections.c.alert_id.in_(some))))
    return found


def rounds(values: Iterable[str]) -> Iterable[list[str]]:
    """In portions that fit into one statement: databases bound its parameters."""
    ordered = list(values)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))


def _by_id(result: Any) -> dict[str, dict[str, Any]]:
    return {row["detection_id"]: dict(row) for row in result.mappings()}


def _windows(rows: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Times around the rows, widened by the gap that one event may have; overlapping ones are one."""
    spans = sorted(
        (_moved(start_of(row), -GAP_S), _moved(max(row["last_seen_at"], row["started_at"]), GAP_S)) for row in rows
    )
    merged: list[tuple[str, str]] = []
    for early, late in spans:
        if merged and early <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], late))
        else:
            merged.append((early, late))
    return merged


def start_of(row: dict[str, Any]) -> str:
    """When a detection began. A start that a clock not synchronised gave may lie in another night than the last sight,
    which a clock set since has stamped: where hours lie between in which no plume was seen, the last sight counts."""
    between = from_wire(row["last_seen_at"]) - from_wire(row["started_at"])
    seen_s = row["body"]["visible_s"]
    if row["time_mark"] != "unsynchronised" or between.total_seconds() - seen_s <= _MOST_UNSEEN_S:
        return str(row["started_at"])
    return _moved(row["last_seen_at"], -seen_s)


def _moved(text: str, seconds: float) -> str:
    try:
        return to_wire(from_wire(text) + timedelta(seconds=seconds))
    except OverflowError:  # the year 1 or 9999 of a gateway without a clock
        return text


def stored_alerts(connection: Connection, keys: set[str]) -> dict[str, dict[str, Any]]:
    """The newest versions of alerts, by id."""
    query = _newest()
    return {
        row["alert_id"]: dict(row)
        for some in rounds(sorted(keys))
        for row in connection.execute(query.where(alerts.c.alert_id.in_(some))).mappings()
    }


def _newest() -> Select[Any]:
    newest = (alerts.c.alert_id == alert_versions.c.alert_id) & (alerts.c.version == alert_versions.c.version)
    return select(alert_versions).select_from(alerts.join(alert_versions, newest))


def weighable(connection: Connection, stretch: Stretch, most: int) -> list[str]:
    """Detections of alerts around whose time some telemetry has come in, the newest first, at most so many."""
    query = (
        select(alert_detections.c.detection_id)
        .join(alerts, alerts.c.alert_id == alert_detections.c.alert_id)
        .where(alerts.c.state != "withdrawn")
        .where(
            alerts.c.first_at.between(_moved(stretch.first_from_at, -AFTER_S), _moved(stretch.last_from_at, BEFORE_S))
        )
        .order_by(alerts.c.first_at.desc(), alert_detections.c.detection_id)
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def turns(waiting: Sequence[str], found: Sequence[str], most: int, most_waiting: int) -> tuple[list[str], list[str]]:
    """Who is weighed now, and who waits on. Half is for those that have waited longest, so that all get their turn;
    then come those just found, the newest first."""
    now = list(dict.fromkeys([*waiting[: most // 2], *found, *waiting]))[:most]
    taken = set(now)
    return now, [one for one in dict.fromkeys([*waiting, *found]) if one not in taken][:most_waiting]


def pose_of(connection: Connection, gateway: str, camera: str, version: int) -> CameraPose | None:
    """The pose that a detection's version names; None while it was not announced."""
    table = camera_poses
    found = connection.execute(
        select(table.c.pose)
        .where(table.c.gateway == gateway, table.c.camera == camera, table.c.pose_version == version)
        .order_by(table.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else msgspec.convert(found, CameraPose)


def write_alert(
    connection: Connection,
    tenant: str,
    key: str,
    was: Group,
    members: Sequence[dict[str, Any]],
    judgement: Judgement,
    stored: dict[str, Any] | None,
    footprint_version: int | None,
    lies: dict[str, Any] | None,
    now: str,
) -> None:
    """One alert's row and members as they are now, and a version when something changed that people should see."""
    is_now = frozenset(member["detection_id"] for member in members)
    reason = _reason(judgement, was, is_now, stored)
    version = (stored["version"] if stored else 0) + (reason is not None)
    row = {
        "tenant": tenant,
        "state": judgement.state,
        "first_at": min(start_of(member) for member in members),
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
    if reason is None:
        return
    content = {
        "alert_id": key,
        "state": judgement.state,
        "class": judgement.plume_class,
        "confidence": judgement.confidence,
        "candidates": judgement.candidates,
        "elsewhere": judgement.elsewhere,
        "factors": judgement.factors,
        "footprint_version": footprint_version,
        "lies": lies,
        "coal": judgement.coal,
        "suggestions": judgement.suggestions,
        "region": judgement.region,
        "register_version": judgement.register_version,
    }
    _add_version(connection, content, version, "confidence" if reason == "fuel" else reason, reason, now)
    _write_nights(connection, tenant, key, row["first_at"], judgement)


def _write_nights(connection: Connection, tenant: str, key: str, first_at: str, judgement: Judgement) -> None:
    """Which roofs this alert points to by geometry alone, for later nights to count."""
    connection.execute(delete(roof_nights).where(roof_nights.c.alert_id == key))
    likely = [(roof, p) for roof, p in judgement.geometry.items() if p >= _LEAST_OF_NIGHT][:_MOST_OF_NIGHT]
    rows = [
        {
            "alert_id": key, "rooftop": roof, "tenant": tenant, "first_at": first_at, "probability": round(p, 4),
            "poses": list(judgement.poses),
        }
        for roof, p in likely
    ]  # fmt: skip
    if rows:
        connection.execute(insert(roof_nights), rows)


def retire_merged(connection: Connection, stored: dict[str, Any], now: str) -> None:
    """An alert whose detections all went to another one: withdrawn, with what it said last."""
    _restate(connection, stored, "withdrawn", "merged", "merged", now)


def close_silent(connection: Connection, now: str) -> bool:
    """Closes open alerts whose gateways never told the end; answers whether there were any. A later word reopens.

    Silence is of the cloud's clock: a gateway's may be hours off, and its times would never or always be too old."""
    since = to_wire(from_wire(now) - SILENCE)
    heard = (
        select(detections.c.detection_id)
        .join(alert_detections, alert_detections.c.detection_id == detections.c.detection_id)
        .where(alert_detections.c.alert_id == alerts.c.alert_id, detections.c.received_at >= since)
    )
    silent = _newest().where(alerts.c.state == "open", ~heard.exists())
    found = [dict(row) for row in connection.execute(silent).mappings()]
    for stored in found:
        _restate(connection, stored, "closed", "closed", "silent", now)
    return bool(found)


def _restate(connection: Connection, stored: dict[str, Any], state: str, reason: str, text: str, now: str) -> None:
    version = stored["version"] + 1
    _add_version(connection, {**stored, "state": state}, version, reason, text, now)
    row = update(alerts).where(alerts.c.alert_id == stored["alert_id"])
    connection.execute(row.values(state=state, version=version, changed=0))


def _add_version(
    connection: Connection, content: dict[str, Any], version: int, reason: str, text: str, now: str
) -> None:
    values = {**content, "version": version, "made_at": now, "reason": reason, "reason_text": _REASONS[text]}
    connection.execute(insert(alert_versions).values(**values))


def _reason(judgement: Judgement, was: Group, is_now: Group, stored: dict[str, Any] | None) -> str | None:
    if stored is None:
        return "raised"
    if is_now - was:
        return "reopened" if stored["state"] != "open" and judgement.state == "open" else "joined"
    if was - is_now:
        return "split"
    return differs(judgement, stored)
