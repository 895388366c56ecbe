"""False alerts a camera-night, by what was mistaken for smoke and by what was played. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.figures import Figure
from lab.scoreboard.bounds import as_figure, weighted_rate
from lab.scoreboard.reckon import BURNING_CAUSE
from lab.scoreboard.rows import Alert, Row

CAMERA_NIGHT_H = 13.0  # hours of darkness of a winter night, about


def false_alerts(rows: Sequence[Row]) -> list[Figure]:
    """All of them, by confuser, and by the stratum in whose windows they came up."""
    nights = camera_hours(rows) / CAMERA_NIGHT_H
    heaviest = max((row.weight for row in rows), default=0.0)
    causes = [(cause, row.weight) for row in rows for cause in _false_causes(row)]
    everything = weighted_rate([(1, weight) for _, weight in causes], heaviest, nights)
    figures = [
        as_figure("false alerts: all, look-alikes at their natural rates", everything, "per camera-night", 0.1),
        Figure("false alerts: camera-hours that the played windows stand for", camera_hours(rows), "h"),
    ]
    met = sorted({kind for row in rows for kind in row.present})
    seen_kinds = [kind for kind in met if any(kind == row.stratum for row in rows)]
    for kind in sorted({*seen_kinds, *(cause for cause, _ in causes)}):
        mine = [(1, weight) for cause, weight in causes if cause == kind]
        near = [row.weight for row in rows if kind in (row.stratum, *row.present)] or [heaviest]
        figures.append(
            as_figure(f"false alerts by confuser: {kind}", weighted_rate(mine, max(near), nights), "per camera-night")
        )
    for stratum in sorted({row.stratum for row in rows}):
        here = [row for row in rows if row.stratum == stratum]
        count = sum(len(_false_causes(row)) for row in here)
        hours = sum(row.counted_s * len(row.watches) for row in here) / 3600
        found = weighted_rate([(count, 1.0)], 1.0, hours)
        figures.append(as_figure(f"false alerts in windows of: {stratum}", found, "per camera-hour played"))
    return figures


def fired(rows: Sequence[Row]) -> dict[str, list[str]]:
    """By what was mistaken for smoke: each false alert's night and second, and for how many windows it stands."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for alert in false_ones(row):
            found.setdefault(alert.cause, []).append(f"n{row.night} {alert.at_s:.0f} s (×{row.weight:.3g})")
    return {cause: found[cause] for cause in sorted(found, key=lambda cause: (-len(found[cause]), cause))}


def false_ones(row: Row) -> list[Alert]:
    """A window's false alerts. A withdrawn alert was shown to a dispatcher and counts."""
    return [alert for alert in row.alerts if alert.cause != BURNING_CAUSE and alert.at_s >= row.counted_from_s]


def _false_causes(row: Row) -> list[str]:
    return [alert.cause for alert in false_ones(row)]


def camera_hours(rows: Sequence[Row]) -> float:
    """What the played windows stand for."""
    return sum(row.counted_s * row.weight * len(row.watches) for row in rows) / 3600
