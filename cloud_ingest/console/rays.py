"""The direction of a pixel on the map, for drawing. Which roof it meets is ``cloud_ingest.geotag``'s business."""

from __future__ import annotations

from math import atan2, degrees
from typing import Any

import msgspec

from cloud_ingest.geotag import projection
from smokesentry.place import CameraPose


def ray(gateway: str, pose_json: dict[str, Any], origin_px: list[float]) -> dict[str, Any]:
    """Camera position and azimuth (degrees, true north, clockwise) of a pixel of the raw frame."""
    pose = msgspec.convert(pose_json, CameraPose)
    x, y = origin_px
    east, north, _up = projection.ray(projection.camera_of(pose, 0.0, 0.0), (x, y))
    return {
        "gateway": gateway,
        "camera": pose.camera,
        "lat": pose.place.lat,
        "lon": pose.place.lon,
        "azimuth_deg": degrees(atan2(east, north)) % 360,
    }
