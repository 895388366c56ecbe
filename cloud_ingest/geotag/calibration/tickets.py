"""Tickets for cameras that moved: raised by what gateways say, closed by a newer pose, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from cloud_ingest.geotag.calibration.drift import Drift, doubt, drift_told, widened
from cloud_ingest.store.calibration_schema import pose_tickets
from cloud_ingest.store.schema import camera_poses
from smokesentry.place import CameraPose


@dataclass(frozen=True, slots=True)
class Moved:
    """A gateway's word that a camera moved. ``pose_version`` None: the one in force at that time."""

    gateway: str
    camera: str
    pose_version: int | None
    at: str
    drift: Drift


def moved_in_health(gateway: str, report: Mapping[str, Any], at: str) -> list[Moved]:
    """What a health report (``messages.records.Health`` as JSON) tells."""
    cameras = report.get("cameras", [])
    found = ((one["camera"], drift_told(one.get("displaced"), [one.get("cause") or ""])) for one in cameras)
    return [Moved(gateway, camera, None, at, drift) for camera, drift in found if drift is not None]


def drift_of(claim: Mapping[str, Any]) -> Drift | None:
    """What a detection (``messages.records.Detection`` as JSON) tells of its camera."""
    return drift_told(claim.get("displaced"), claim.get("reasons", []), claim["frame_size"][0])


def note(connection: Connection, moved: Iterable[Moved], poses: Iterable[tuple[str, str, int]], now: str) -> None:
    """Closes the tickets of cameras with a newer pose (gateway, camera, version), then raises those of the moved."""
    table = pose_tickets
    for gateway, camera, fresh in poses:
        mine = (table.c.gateway == gateway) & (table.c.camera == camera) & (table.c.pose_version < fresh)
        connection.execute(update(table).where(mine, table.c.closed_at.is_(None)).values(closed_at=now))
    for one in moved:
        newest, version = _newest(connection, one), one.pose_version
        if version is None:  # what comes after an outage may tell of a pose that was replaced since
            version = _newest(connection, one, one.at)
        if version is not None:
            _raise(connection, one, version, now if newest is not None and newest > version else None)


def pose_now(connection: Connection, row: Mapping[str, Any], pose: CameraPose | None) -> tuple[CameraPose | None, str]:
    """The pose of a detection (row of ``detections``) as far as it still holds, and what is to be said of it."""
    if pose is None:
        return None, ""
    own = drift_of(row["body"])
    found = [] if own is None else [own]
    table = pose_tickets
    ticket = connection.execute(
        select(table).where(
            table.c.gateway == row["gateway"],
            table.c.camera == row["camera"],
            table.c.pose_version == row["pose_version"],
            table.c.since <= row["last_seen_at"],
        )
    ).first()
    if ticket is not None:
        found.append(Drift(ticket.said, ticket.moved_px, ticket.turned_deg or 0.0, ticket.frame_width))
    if not found:
        return pose, ""
    drift = max(found, key=lambda one: one.size)
    return widened(pose, drift), doubt(row["gateway"], row["camera"], drift)


def _newest(connection: Connection, one: Moved, until: str | None = None) -> int | None:
    """Its camera's newest pose; None: none was announced, or none up to then."""
    table = camera_poses
    query = select(func.max(table.c.pose_version)).where(table.c.gateway == one.gateway, table.c.camera == one.camera)
    found = connection.execute(query if until is None else query.where(table.c.captured_at <= until)).scalar_one()
    return None if found is None else int(found)


def _raise(connection: Connection, one: Moved, version: int, closed_at: str | None) -> None:
    """A new ticket, or the old one with the farthest move told; ``closed_at`` when a newer pose is known already."""
    table, drift = pose_tickets, one.drift
    mine = (table.c.gateway == one.gateway) & (table.c.camera == one.camera) & (table.c.pose_version == version)
    held = connection.execute(select(table).where(mine)).first()
    told = {
        "said": drift.said, "moved_px": drift.moved_px, "turned_deg": drift.turned_deg, "frame_width": drift.frame_width
    }  # fmt: skip
    if held is None:
        values = {"since": one.at, "last_said_at": one.at, "closed_at": closed_at, **told}
        key = {"gateway": one.gateway, "camera": one.camera, "pose_version": version}
        connection.execute(insert(table).values(**key, **values))
        return
    farther = held.moved_px is not None and drift.size > held.moved_px
    times = {"since": min(held.since, one.at), "last_said_at": max(held.last_said_at, one.at)}
    connection.execute(update(table).where(mine).values(**times, **(told if farther else {})))
