"""Rows of the store to the JSON that the page reads. Pure; docs/console.md has the shapes in full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cloud_ingest.geotag.judgement import place_of
from smokesentry.clock import from_wire

Json = dict[str, Any]
Row = Mapping[Any, Any]

#: A gateway that was connected but sent nothing for so long is shown as not heard.
SILENT_AFTER = timedelta(minutes=5)

#: What is told of a message that was set aside.
DEAD_LETTER = ("received_at", "topic", "cause", "reason", "gateway", "seq", "size")


def rooftop(row: Row) -> Json:
    """A GeoJSON feature; the id also stands in the properties, because MapLibre keeps only numbers as feature ids."""
    properties = {key: row[key] for key in ("rooftop", "name", "height_m", "height_known", "lat", "lon")}
    return {"type": "Feature", "id": row["rooftop"], "geometry": row["polygon"], "properties": properties}


def chimney(row: Row) -> Json:
    """A chimney's mouth."""
    return _pick(row, "chimney", "rooftop", "lat", "lon", "height_m")


def gateway(row: Row, poses: Mapping[str, Json], tickets: Mapping[str, Json], now: datetime) -> Json:
    """How a gateway is; ``poses`` are its cameras' poses in force, ``tickets`` what is open about them. One that is
    not heard cannot judge, whatever it said last."""
    online = bool(row["online"]) and now - from_wire(row["last_seen_at"]) <= SILENT_AFTER
    health = row["health"] or {}
    reports = {report["camera"]: report for report in health.get("cameras", [])}
    return {
        "gateway": row["gateway"],
        "online": online,
        "last_seen_at": row["last_seen_at"],
        "health_at": row["health_at"],
        "clock": row["clock"],
        "software": health.get("software"),
        "uptime_s": health.get("uptime_s"),
        "spool_depth": health.get("spool_depth", {}),
        "sensors": health.get("sensors", []),
        "counts": health.get("counts", {}),
        "notices": health.get("notices", []),
        "verdict": health.get("verdict") if online or not health else "cannot_judge",
        "verdict_reasons": health.get("verdict_reasons", []) if online else [],
        "coverage": health.get("coverage", []),
        "maintenance": health.get("maintenance"),
        "cameras": [
            {**_camera(poses[name], reports.get(name, {}), online), "ticket": tickets.get(name)}
            for name in sorted(poses)
        ],
    }


def _camera(pose: Json, report: Json, online: bool) -> Json:
    place = pose["place"]
    return {
        "camera": pose["camera"],
        "lat": place["lat"],
        "lon": place["lon"],
        "heading_deg": pose["heading_deg"],
        "hfov_deg": pose["hfov_deg"],
        "height_m": pose["height_m"],
        "verdict": report.get("verdict") if online or not report else "cannot_judge",
        "cause": report.get("cause") if online else None,
        "frame_age_s": report.get("frame_age_s"),
        "judged_s": report.get("judged_s"),
        "not_judged_s": report.get("not_judged_s"),
    }


def ticket(row: Row) -> Json:
    """A camera that no longer stands as its pose says."""
    return _pick(row, "pose_version", "since", "last_said_at", "said", "moved_px", "turned_deg")


def alert(row: Row) -> Json:
    """An alert as its newest version has it."""
    return {
        "alert": row["alert_id"],
        **_pick(row, "state", "class", "confidence", "first_at", "raised_at", "last_at", "version"),
        "reason": row["reason"],
        "candidates": row["candidates"],
        "elsewhere": row["elsewhere"],
        "place": place_of(row["ground"]),
    }


#: What a version says beside roofs and factors; null where nothing was worked out, as in alerts of an old release.
CONTEXT = ("lies", "coal", "suggestions", "region")


def context(row: Row) -> Json:
    """What stands beside an alert, by its newest version: where it lies, which fuel, what else, the credible region."""
    return _pick(row, *CONTEXT)


def version(row: Row) -> Json:
    """One change of mind, with its reason."""
    return _pick(
        row,
        *("version", "made_at", "state", "class", "confidence", "candidates", "elsewhere"),
        *("factors", "reason", "reason_text", "footprint_version"),
    )


def detection(row: Row) -> Json:
    """A gateway's claim in its newest revision; pixels are those of the raw frame of ``frame_size``."""
    body = row["body"]
    return {
        "detection": row["detection_id"],
        **_pick(row, "gateway", "camera", "class", "confidence", "phase", "revision"),
        **_pick(row, "started_at", "alarmed_at", "last_seen_at", "time_mark"),
        **{key: body.get(key) for key in ("origin_px", "bbox_px", "frame_size", "opacity", "visible_s")},
        "reasons": body.get("reasons", []),
        "particulates": body.get("particulates", []),
        "gases": body.get("gases", []),
    }


def picture(row: Row) -> Json:
    """Where ``/api/pictures/{digest}.jpg`` leads to, and what it shows."""
    return _pick(row, "digest", "role", "taken_at", "gateway", "camera")


def dead_letter(row: Row) -> Json:
    """A message that was set aside, without its bytes."""
    return _pick(row, *DEAD_LETTER)


def _pick(row: Row, *keys: str) -> Json:
    return {key: row[key] for key in keys}
