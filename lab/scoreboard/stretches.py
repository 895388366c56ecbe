"""Unbroken hours beside the windows: there the detector begins anew every three minutes, on a roof it never does.

Drawn from the same nights as the windows, each kind of light as often as the others, from a random moment on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lab.figures import Figure
from lab.scoreboard.bounds import as_figure, share, weighted_rate
from lab.scoreboard.falsehoods import CAMERA_NIGHT_H, camera_hours, false_ones
from lab.scoreboard.recall import strong_events
from lab.scoreboard.rows import Row
from lab.scoreboard.sampling import LEAD_S, Dark, Window, asked_for
from simulator.happenings import Happening

HOURS = 2.0
NAME = "stretches"  # of the files that a run leaves
_STRATUM, _TOPIC = "unbroken", "unbroken hours"
_SURE = 0.8  # a confidence from which docs/lab.md lets patrols be sent


def draw_stretches(
    nights: Sequence[Dark], count: int, hours: float, in_sight: Callable[[int, Happening], bool], seed: int
) -> list[Window]:
    """``count`` stretches, of a night each. Raises ``ValueError`` when there are fewer nights, or one is too short."""
    if not 0 < count <= len(nights):
        raise ValueError(f"between 1 and {len(nights)} stretches can be drawn, one a night; asked for {count}")
    rng = np.random.default_rng(seed)
    by_light: dict[str, list[Dark]] = {}
    for index in rng.permutation(len(nights)):
        by_light.setdefault(nights[index].light, []).append(nights[index])
    turns = [left.pop() for _ in nights for left in by_light.values() if left]
    found = []
    for night in turns[:count]:
        spare_s = night.to_s - night.from_s - hours * 3600
        if spare_s < 0:
            raise ValueError(f"night {night.number} is shorter than {hours:g} hours")
        start = night.from_s + float(rng.uniform(0, spare_s))
        whole = Window(night.number, start, start + hours * 3600, start + LEAD_S, _STRATUM, 1.0)
        fires = [event for event in night.happenings if asked_for(whole, event) and in_sight(night.number, event)]
        found.append(replace(whole, targets=tuple(fires)))
    return sorted(found, key=lambda window: window.night)


def stretch_figures(rows: Sequence[Row]) -> list[Figure]:
    """False alerts a camera-night: all, the sure ones, by what they were and by the hour; and the fires found."""
    hours = camera_hours(rows)
    false = [(row, alert) for row in rows for alert in false_ones(row)]

    def rate(title: str, count: int, over_h: float, target: float | None = None) -> Figure:
        found = weighted_rate([(count, 1.0)], 1.0, over_h / CAMERA_NIGHT_H)
        return as_figure(f"{_TOPIC}: {title}", found, "per camera-night", target)

    sure = sum(alert.confidence >= _SURE for _, alert in false)
    figures = [
        Figure(f"{_TOPIC}: camera-hours played, each stretch without a break", hours, "h"),
        rate("false alerts", len(false), hours, 0.1),
        rate(f"false alerts from a confidence of {_SURE:g}", sure, hours),
    ]
    ages = [int((alert.at_s - row.from_s) / 3600) for row, alert in false]
    for age in range(round(max((row.to_s - row.from_s for row in rows), default=0.0) / 3600)):
        over_h = sum(_within(row, age) * len(row.watches) for row in rows) / 3600
        figures.append(rate(f"false alerts in hour {age + 1}", ages.count(age), over_h))
    causes = [alert.cause for _, alert in false]
    figures += [rate(f"false alerts by {cause}", causes.count(cause), hours) for cause in sorted(set(causes))]
    strong = strong_events(rows)
    found = share(sum(event.alert_s is not None for _, event in strong), len(strong))
    return [*figures, as_figure(f"{_TOPIC}: visible fires of 15% and more that were found", found, "", 0.95)]


def _within(row: Row, age: int) -> float:
    """Counted seconds of a stretch's ``age``-th hour."""
    first, last = row.from_s + age * 3600, min(row.from_s + (age + 1) * 3600, row.to_s)
    return max(last - max(first, row.counted_from_s), 0.0)
