"""Ways to a rooftop in the map services that patrols use, each in its own coordinates. Nothing is sent by the console:
a link is opened by whoever presses it, and tells that service the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cloud_ingest.places.shifted import wgs84_to_bd09, wgs84_to_gcj02


def map_links(candidate: Mapping[str, Any]) -> dict[str, str]:
    """Service -> address for a candidate's ``lat``, ``lon`` (WGS-84) and ``name``."""
    gcj_lon, gcj_lat = (f"{float(value):.6f}" for value in wgs84_to_gcj02(candidate["lon"], candidate["lat"]))
    bd_lon, bd_lat = (f"{float(value):.6f}" for value in wgs84_to_bd09(candidate["lon"], candidate["lat"]))
    name = quote(str(candidate["name"]), safe="")
    return {
        "amap": f"https://uri.amap.com/marker?position={gcj_lon},{gcj_lat}&name={name}&coordinate=gaode",
        "baidu": f"https://api.map.baidu.com/marker?location={bd_lat},{bd_lon}&title={name}&content={name}"
        "&coord_type=bd09ll&output=html&src=smokesentry",
        "tencent": f"https://apis.map.qq.com/uri/v1/marker?marker=coord:{gcj_lat},{gcj_lon};title:{name};addr:{name}"
        "&referer=smokesentry",
    }
