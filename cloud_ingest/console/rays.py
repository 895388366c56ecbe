"""The direction of a pixel on the map, for drawing only. Which roof it meets is ``cloud_ingest.geotag``'s business."""

from __future__ import annotations

import math
from typing import Any


def ray(gateway: str, pose: dict[str, Any], origin_px: list[float]) -> dict[str, Any]:
    """Camera position and azimuth (degrees, true north, clockwise) of a pixel of the raw frame."""
    width, height = pose["frame_size"]
    focal = width / 2 / math.tan(math.radians(pose["hfov_deg"]) / 2)
    x, y = origin_px[0] - width / 2, origin_px[1] - height / 2
    roll, tilt = math.radians(pose["roll_deg"]), math.radians(pose["tilt_deg"])
    # Turning the picture back by the camera's roll, then raising the axis by its tilt.
    right = x * math.cos(roll) - y * math.sin(roll)
    down = x * math.sin(roll) + y * math.cos(roll)
    ahead = focal * math.cos(tilt) + down * math.sin(tilt)
    azimuth = pose["heading_deg"] + math.degrees(math.atan2(right, ahead))
    place = pose["place"]
    return {
        "gateway": gateway,
        "camera": pose["camera"],
        "lat": place["lat"],
        "lon": place["lon"],
        "azimuth_deg": azimuth % 360,
    }
