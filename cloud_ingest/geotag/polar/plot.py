"""One gateway's polar plot as SVG text: where the wind comes from is the direction, its speed the distance. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from cloud_ingest.geotag.polar.asked import UNITS
from cloud_ingest.geotag.polar.blocks import Array
from cloud_ingest.geotag.polar.paint import DARK, Paint, colour, svg, text, texts, wrapped
from cloud_ingest.geotag.polar.report import Report, View
from cloud_ingest.geotag.polar.sectors import DIRECTIONS, STEP_DEG, Sector

SIZE = 440
_MIDDLE, _RADIUS = SIZE / 2, 150.0
_HOLE = 14.0  # calms: no direction
_RIM = _RADIUS + 7
#: A cell with fewer is left blank; with so many more nights it has its full colour.
LEAST_NIGHTS, FULL_NIGHTS, LEAST_BLOCKS = 2.0, 12.0, 3.0


def values_of(view: View, statistic: str) -> tuple[Array, Array, Array]:
    """What a cell shows, over directions and speeds: the value, and by how many nights and blocks it is carried."""
    assert view.share is not None and view.rise is not None and view.often is not None
    if statistic == "share":
        return view.share.mean, view.share.nights, view.share.blocks
    value = view.rise.mean if statistic == "mean" else view.rise.mean * view.often
    return value, view.rise.nights, view.rise.blocks


def polar(view: View, report: Report, statistic: str, lang: str, paint: Paint = DARK) -> str:
    """One gateway's plot: where the wind comes from is the direction, its speed the distance from the middle."""
    words = texts(lang)
    parts = [_rect(paint), text(_MIDDLE, 22, view.site.gateway, paint.ink, 16, weight="600")]
    if view.problem is not None:
        parts += wrapped(words[view.problem], _MIDDLE, _MIDDLE, paint.soft, 34 if lang == "en" else 18)
        return svg(SIZE, SIZE, parts, view.site.gateway)
    assert view.rose is not None and view.speeds_m_s is not None
    value, nights, blocks = values_of(view, statistic)
    shown = (nights >= LEAST_NIGHTS) & (blocks >= LEAST_BLOCKS) & np.isfinite(value)
    low, high = _bounds(value[shown], statistic, view.rose.usual)
    parts += _cells(value, nights, shown, low, high, paint)
    parts += _rings(view.speeds_m_s, words, paint)
    parts += [_arc(sector, paint) for sector in view.rose.sectors]
    parts += _legend(low, high, words[f"unit.{statistic}"].format(unit=UNITS[report.asked.quantity]), paint)
    carried = words["carried"].format(nights=view.rose.nights, blocks=view.rose.blocks)
    parts.append(text(_MIDDLE, 38, carried, paint.soft, 11.5))
    return svg(SIZE, SIZE, parts, f"{view.site.gateway}: {carried}")


def _cells(value: Array, nights: Array, shown: NDArray[np.bool_], low: float, high: float, paint: Paint) -> list[str]:
    directions, rings = value.shape
    found = []
    for ring in range(rings):
        inner, outer = (_HOLE + (_RADIUS - _HOLE) * (ring + more) / rings for more in (0, 1))
        for number in range(directions):
            if not shown[number, ring]:
                continue
            sure = float(np.clip((nights[number, ring] - LEAST_NIGHTS) / (FULL_NIGHTS - LEAST_NIGHTS), 0, 1))
            tone = colour((value[number, ring] - low) / max(high - low, 1e-9), paint)
            path = _ring_piece(DIRECTIONS[number], inner, outer)
            found.append(f'<path d="{path}" fill="{tone}" fill-opacity="{0.25 + 0.75 * sure:.2f}"/>')
    return found


def _ring_piece(middle_deg: float, inner: float, outer: float) -> str:
    """A hair more than its share of the circle, so that no seams show."""
    begin, end = middle_deg - STEP_DEG / 2 - 0.15, middle_deg + STEP_DEG / 2 + 0.15
    (ax, ay), (bx, by) = _point(begin, inner), _point(begin, outer)
    (cx, cy), (dx, dy) = _point(end, outer), _point(end, inner)
    return (
        f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}A{outer:.1f} {outer:.1f} 0 0 1 {cx:.1f} {cy:.1f}"
        f"L{dx:.1f} {dy:.1f}A{inner:.1f} {inner:.1f} 0 0 0 {ax:.1f} {ay:.1f}Z"
    )


def _point(deg: float, radius: float) -> tuple[float, float]:
    return _MIDDLE + radius * sin(radians(deg)), _MIDDLE - radius * cos(radians(deg))


def _rings(speeds: Array, words: Mapping[str, str], paint: Paint) -> list[str]:
    step = speeds[1] - speeds[0]
    least, most = float(speeds[0] - step / 2), float(speeds[-1] + step / 2)
    ticks = [tick for tick in range(1, 30) if least < tick < most]
    ticks = ticks[:: max(1, len(ticks) // 4)]
    parts = []
    for tick in ticks:
        radius = _HOLE + (_RADIUS - _HOLE) * (tick - least) / (most - least)
        parts.append(
            f'<circle cx="{_MIDDLE}" cy="{_MIDDLE}" r="{radius:.1f}" fill="none" stroke="{paint.line}"'
            f' stroke-width="0.8"/>'
        )
        x, y = _point(135, radius)
        parts.append(text(x, y + 4, str(tick), paint.ink, 11))
    parts.append(
        f'<circle cx="{_MIDDLE}" cy="{_MIDDLE}" r="{_RADIUS}" fill="none" stroke="{paint.soft}" stroke-width="1"/>'
    )
    for deg, key in ((0, "north"), (90, "east"), (180, "south"), (270, "west")):
        (ax, ay), (bx, by) = _point(deg, _HOLE), _point(deg, _RADIUS)
        parts.append(f'<path d="M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}" stroke="{paint.line}" stroke-width="0.8"/>')
        x, y = _point(deg, _RADIUS - 11)
        parts.append(text(x, y + 5, words[key], paint.ink, 13))
    parts.append(text(SIZE - 14, _MIDDLE + 0.93 * _RADIUS, words["speed"], paint.soft, 11, "end"))
    return parts


def _arc(sector: Sector, paint: Paint) -> str:
    """A sector on the rim, with its bounds in degrees."""
    (ax, ay), (bx, by) = _point(sector.from_deg, _RIM), _point(sector.to_deg, _RIM)
    bow = f"M{ax:.1f} {ay:.1f}A{_RIM} {_RIM} 0 {int(sector.wide_deg > 180)} 1 {bx:.1f} {by:.1f}"
    x, y = _point(sector.peak_deg, _RIM + 13)
    anchor = "start" if x > _MIDDLE + 30 else "end" if x < _MIDDLE - 30 else "middle"
    label = text(x, y + 4, f"{sector.peak_deg:.0f}°", paint.sector, 12, anchor, "600")
    return f'<path d="{bow}" fill="none" stroke="{paint.sector}" stroke-width="6"/>{label}'


def _bounds(shown: Array, statistic: str, usual: float) -> tuple[float, float]:
    """The ramp's ends: from nothing (or what is usual) to what all but one cell in a hundred stay below."""
    if not len(shown):
        return 0.0, 1.0
    if statistic == "share":
        return 0.0, max(float(np.quantile(shown, 0.99)), 2 * usual)
    return min(0.0, float(np.quantile(shown, 0.01))), max(float(np.quantile(shown, 0.99)), 1e-3)


def _legend(low: float, high: float, unit: str, paint: Paint) -> list[str]:
    left, wide, top = 70.0, SIZE - 140.0, SIZE - 34.0
    steps = 40
    parts = [
        f'<rect x="{left + wide * step / steps:.1f}" y="{top}" width="{wide / steps + 0.4:.1f}" height="9"'
        f' fill="{colour(step / (steps - 1), paint)}"/>'
        for step in range(steps)
    ]
    parts.append(text(left - 6, top + 9, _figure(low, unit), paint.ink, 11, "end"))
    parts.append(text(left + wide + 6, top + 9, _figure(high, unit), paint.ink, 11, "start"))
    parts.append(text(SIZE / 2, top + 24, unit, paint.soft, 11))
    return parts


def _figure(value: float, unit: str) -> str:
    if "µg" in unit or "ppm" in unit:
        return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
    return f"{value * 100:.0f}%"


def _rect(paint: Paint) -> str:
    return f'<rect width="{SIZE}" height="{SIZE}" rx="8" fill="{paint.ground}"/>'
