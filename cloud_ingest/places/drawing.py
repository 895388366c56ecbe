"""What was read, as a picture to look at before it is put in force: shapes, gateways, a metre scale. Pure; SVG."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, floor, log10, radians
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import shapely

from cloud_ingest.places.datum import Gateway
from cloud_ingest.places.table import Shapes, bounds_of

_SIDE = 1000.0
_MARGIN = 60.0
_MOST = 60_000  # shapes that a browser still draws at once


def draw(shapes: Shapes, gateways: Sequence[Gateway], title: str) -> str:
    """An SVG of shapes (WGS-84) and gateways, north up. More shapes than can be drawn: evenly spread ones of them."""
    there = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    shown = there[:: -(-len(there) // _MOST)] if len(there) else there
    west, south, east, north = _extent(there, gateways)
    per_m = (_SIDE - 2 * _MARGIN) / max((east - west) * 111_320 * cos(radians(south)), (north - south) * 110_950, 1.0)
    kx, ky = per_m * 111_320 * cos(radians(south)), per_m * 110_950

    def at(points: Any) -> Any:
        return np.column_stack([_MARGIN + (points[:, 0] - west) * kx, _MARGIN + (north - points[:, 1]) * ky])

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE:.0f} {_SIDE:.0f}" font-family="sans-serif">',
        f'<rect width="{_SIDE:.0f}" height="{_SIDE:.0f}" fill="#fff"/>',
        f'<text x="{_MARGIN:.0f}" y="30" font-size="20">{escape(title)}</text>',
    ]
    for shape in shown:
        for part in shapely.get_parts(shape):
            points = at(shapely.get_coordinates(part))
            if part.geom_type == "Point":
                parts.append(f'<circle cx="{points[0, 0]:.1f}" cy="{points[0, 1]:.1f}" r="4" fill="#7a3b00"/>')
            else:
                line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
                fill = "#d9d2c5" if part.geom_type == "Polygon" else "none"
                parts.append(
                    f'<polygon points="{line}" fill="{fill}" fill-opacity=".7" stroke="#6b6250" stroke-width=".6"/>'
                )
    for gateway in gateways:
        ((x, y),) = at(np.array([[gateway.lon, gateway.lat]]))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none" stroke="#c0152f" stroke-width="3"/>')
        parts.append(
            f'<text x="{x + 11:.1f}" y="{y + 5:.1f}" font-size="16" fill="#c0152f">{escape(gateway.gateway)}</text>'
        )
    if len(shown) < len(there):
        parts.append(f'<text x="{_MARGIN:.0f}" y="50" font-size="14">{len(shown)} of {len(there)} are drawn</text>')
    return "\n".join([*parts, *_scale(per_m), "</svg>", ""])


def _extent(shapes: Shapes, gateways: Sequence[Gateway]) -> tuple[float, float, float, float]:
    bounds = [bounds_of(shapes)] if len(shapes) else []
    bounds += [(one.lon, one.lat, one.lon, one.lat) for one in gateways]
    if not bounds:
        return 0.0, 0.0, 0.0, 0.0
    wests, souths, easts, norths = zip(*bounds, strict=True)
    return float(min(wests)), float(min(souths)), float(max(easts)), float(max(norths))


def _scale(per_m: float) -> list[str]:
    """A bar of 1, 2 or 5 times a power of ten metres, about a fifth of the picture."""
    most = _SIDE / 5 / per_m
    power = 10.0 ** floor(log10(max(most, 1.0)))
    metres = max(step * power for step in (1, 2, 5) if step * power <= max(most, 1.0))
    y, length = _SIDE - 25, metres * per_m
    label = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    return [
        f'<path d="M{_MARGIN:.0f},{y - 6:.0f} v6 h{length:.1f} v-6" fill="none" stroke="#333" stroke-width="2"/>',
        f'<text x="{_MARGIN + length + 8:.0f}" y="{y:.0f}" font-size="14">{label}</text>',
    ]
