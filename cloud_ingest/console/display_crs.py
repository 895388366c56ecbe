"""The display edge: a place for a patrol's map app, in the coordinates which that app expects. Pure.

Inside the product everything is WGS-84. The links carry a place and a neutral title, never a name or an address: the
map's operator learns nothing of whom is suspected.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from cloud_ingest.places.shifted import wgs84_to_bd09, wgs84_to_gcj02

_TITLE = {"zh": "目的地", "en": "Destination"}
_WHO = "smokesentry"
_DIGITS = 6  # a decimetre: what the services take


@dataclass(frozen=True, slots=True)
class MapLink:
    """A link that opens a map app, or its web page where there is none. ``crs``: of the coordinates within."""

    service: str  # amap | tencent | baidu | geo
    crs: str
    url: str


def map_links(lat: float, lon: float, language: str = "zh") -> list[MapLink]:
    """Links for one place in WGS-84 degrees; outside of China no service shifts, and neither do these."""
    title = _TITLE.get(language, _TITLE["en"])
    gcj_lon, gcj_lat = (f"{float(value):.{_DIGITS}f}" for value in wgs84_to_gcj02(lon, lat))
    bd_lon, bd_lat = (f"{float(value):.{_DIGITS}f}" for value in wgs84_to_bd09(lon, lat))
    amap = {"position": f"{gcj_lon},{gcj_lat}", "name": title, "src": _WHO, "coordinate": "gaode", "callnative": "1"}
    tencent = {"marker": f"coord:{gcj_lat},{gcj_lon};title:{title}", "referer": _WHO}
    baidu = {
        "location": f"{bd_lat},{bd_lon}", "title": title, "content": title, "output": "html",
        "coord_type": "bd09ll", "src": _WHO,
    }  # fmt: skip
    return [
        MapLink("amap", "GCJ-02", f"https://uri.amap.com/marker?{_query(amap)}"),
        MapLink("tencent", "GCJ-02", f"https://apis.map.qq.com/uri/v1/marker?{_query(tencent)}"),
        MapLink("baidu", "BD-09", f"https://api.map.baidu.com/marker?{_query(baidu)}"),
        MapLink("geo", "WGS-84", f"geo:{lat:.{_DIGITS}f},{lon:.{_DIGITS}f}"),  # RFC 5870
    ]


def _query(words: dict[str, str]) -> str:
    return urlencode(words, quote_via=quote, safe=",:;")
