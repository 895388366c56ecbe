"""The map of several gateways' sectors, and the page of paper with everything on it, as SVG text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, radians, sin

from cloud_ingest.geotag.polar.crossings import CELL_M, REACH_M
from cloud_ingest.geotag.polar.paint import DARK, LIGHT, Paint, svg, text, texts
from cloud_ingest.geotag.polar.plot import SIZE, polar
from cloud_ingest.geotag.polar.report import Report
from cloud_ingest.geotag.polar.sectors import Sector

#: How much of the ground about the outermost gateways is drawn; sectors run on beyond the edge.
_AROUND_M = 170.0
Placing = Callable[[float, float], tuple[float, float]]


def map_of(report: Report, lang: str, paint: Paint = DARK, width: int = 760) -> str:
    """Gateways, roofs, the sectors that stand out and where they meet; empty when no gateway has a place."""
    if not report.stations:
        return ""
    words = texts(lang)
    reach = _AROUND_M
    easts, norths = [one.east_m for one in report.stations], [one.north_m for one in report.stations]
    west, east = min(easts) - reach, max(easts) + reach
    south, north = min(norths) - reach, max(norths) + reach
    scale = width / (east - west)
    height = (north - south) * scale

    def at(x: float, y: float) -> tuple[float, float]:
        return (x - west) * scale, (north - y) * scale

    def shape(points: Sequence[tuple[float, float]]) -> str:
        return " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in points)

    parts = [f'<rect width="{width}" height="{height:.0f}" fill="{paint.ground}"/>']
    parts += [
        f'<polygon points="{shape(list(roof.exterior.coords))}" fill="{paint.roof}"/>' for roof in report.roofs.shapes
    ]
    parts += _heat_cells(report, at, scale, paint)
    for station in report.stations:
        x, y = at(station.east_m, station.north_m)
        for sector in station.rose.sectors:
            parts.append(_wedge(x, y, sector, REACH_M * scale, paint))
    for crossing, _roofs in report.crossings:
        parts.append(
            f'<polygon points="{shape(list(crossing.area.exterior.coords))}" fill="none" stroke="{paint.sector}"'
            f' stroke-width="1.2" stroke-opacity="0.8" stroke-dasharray="4 3"/>'
        )
    for station in report.stations:
        x, y = at(station.east_m, station.north_m)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{paint.gateway}"/>')
        parts.append(text(x, y + 20, station.gateway, paint.gateway, 13))
    bar = 100 * scale
    left, foot = 18.0, height - 16
    parts.append(f'<path d="M{left} {foot - 5}v5h{bar:.1f}v-5" fill="none" stroke="{paint.ink}"/>')
    parts.append(text(left + bar / 2, foot - 8, "100 m", paint.ink, 11))
    parts.append(text(width - 20, 28, f"{words['north']} ↑", paint.ink, 14, anchor="end"))
    return svg(width, round(height), parts, words["map.title"])


def sheet(report: Report, statistic: str, lang: str) -> str:
    """All plots and the map on one page of paper."""
    words, columns = texts(lang), min(len(report.views), 3)
    width = max(columns * SIZE, 2 * SIZE)
    parts, down = [], 78.0
    asked = report.asked
    title = f"{words['quantity.' + asked.quantity]} · {words['statistic.' + statistic]}"
    when = f"{asked.first} – {asked.last}, {asked.begin:%H:%M}–{asked.end:%H:%M} {report.zone}"
    parts += [text(24, 34, title, LIGHT.ink, 20, "start", "600"), text(24, 58, when, LIGHT.soft, 13, "start")]
    for number, view in enumerate(report.views):
        x, y = (number % columns) * SIZE, down + (number // columns) * SIZE
        parts.append(f'<g transform="translate({x} {y})">{polar(view, report, statistic, lang, LIGHT)}</g>')
    down += -(-len(report.views) // columns) * SIZE
    plan = map_of(report, lang, LIGHT, width)
    if plan:
        parts.append(f'<g transform="translate(0 {down})">{plan}</g>')
        down += _height_of(plan)
    parts.append(text(24, down + 24, words["faded"], LIGHT.soft, 12, "start"))
    parts.append(text(24, down + 42, words["map.caution"], LIGHT.soft, 12, "start"))
    height = round(down + 60)
    return svg(width, height, [f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *parts], title) + "\n"


def _height_of(svg: str) -> int:
    return int(svg.split('height="', 1)[1].split('"', 1)[0])


def _wedge(x: float, y: float, sector: Sector, radius: float, paint: Paint) -> str:
    ends = [
        (x + radius * sin(radians(deg)), y - radius * cos(radians(deg))) for deg in (sector.from_deg, sector.to_deg)
    ]
    (ax, ay), (bx, by) = ends
    bow = f"A{radius:.1f} {radius:.1f} 0 {int(sector.wide_deg > 180)} 1 {bx:.1f} {by:.1f}"
    path = f"M{x:.1f} {y:.1f}L{ax:.1f} {ay:.1f}{bow}Z"
    return f'<path d="{path}" fill="none" stroke="{paint.sector}" stroke-opacity="0.45" stroke-width="1"/>'


def _heat_cells(report: Report, at: Placing, scale: float, paint: Paint) -> list[str]:
    if report.heat is None:
        return []
    found, side = [], CELL_M * scale + 0.3
    rows, columns = report.heat.values.shape
    for row in range(rows):
        for column in range(columns):
            warm = float(report.heat.values[row, column])
            if warm >= 0.05:
                corner = report.heat.west_m + CELL_M * column, report.heat.south_m + CELL_M * (row + 1)
                x, y = at(*corner)
                found.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{paint.sector}"'
                    f' fill-opacity="{0.75 * warm:.2f}"/>'
                )
    return found
