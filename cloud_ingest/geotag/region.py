"""Where the origin lies with a stated probability: the fewest roofs that hold it, as GeoJSON. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.town import Town

_MAX_ROOFS = 24  # a region of more is drawn as the hull around them: nobody walks from door to door there
_DIGITS = 7  # of a degree: a centimetre


def credible_region(posterior: Posterior, town: Town, share: float = 0.9) -> dict[str, Any]:
    """A GeoJSON Feature in WGS-84: the fewest roofs, surest first, whose probabilities add up to ``share``.

    Properties: ``share`` as asked; ``holds``, the probability inside, which is less where too much of it is
    *elsewhere*; ``rooftops``, surest first; ``drawn``, ``roofs`` (a MultiPolygon of them) or ``hull`` (a Polygon
    around more than 24 roofs). Without roofs the geometry is null.
    """
    if not 0 < share < 1:
        raise ValueError(f"a credible region's share is {share}; it must lie between 0 and 1")
    reached = np.cumsum(posterior.probabilities)
    count = min(int(np.searchsorted(reached, share - 1e-9)) + 1, len(reached))
    numbers = list(posterior.roofs[:count])
    drawn = "roofs" if count <= _MAX_ROOFS else "hull"
    return {
        "type": "Feature",
        "geometry": _geometry(town, numbers, drawn) if numbers else None,
        "properties": {
            "share": share,
            "holds": round(float(reached[count - 1]), 4) if numbers else 0.0,
            "rooftops": [town.roofs[number].rooftop for number in numbers],
            "drawn": drawn,
        },
    }


def _geometry(town: Town, numbers: list[int], drawn: str) -> dict[str, Any]:
    metric = town.polygons[numbers]
    shape = shapely.convex_hull(shapely.multipolygons(metric)) if drawn == "hull" else shapely.union_all(metric)
    degrees = shapely.orient_polygons(shapely.transform(shape, town.frame.xy_to_lon_lat))
    parts = degrees if drawn == "hull" else shapely.multipolygons(shapely.get_parts(degrees))
    return dict(mapping(shapely.transform(parts, lambda corners: np.round(corners, _DIGITS))))
