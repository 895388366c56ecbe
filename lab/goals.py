"""What the detector is to reach, beside what it reached, with 95 % bounds: one list a place (simulated, composited)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.judge import Row
from lab.scoreboard.bounds import NOTHING, Estimate, share, weighted_rate

_HOUR_S = 3600.0
_WIDTH_PX = 320.0
_BINS = 5


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table of targets."""

    name: str
    target: str
    reached: str


def goals(rows: Sequence[Row]) -> list[Goal]:
    """All lines for the rows of one place."""
    thick = [fact for row in rows for fact in row.visible() if fact["opacity"] >= 0.15 and fact["from"] > 5]
    thin = [fact for row in rows for fact in row.visible() if fact["opacity"] < 0.15 and fact["from"] > 5]
    early = [fact for row in rows for fact in row.visible() if 0 <= fact["from"] <= 5]
    found = [fact for fact in thick + thin if fact["alarm_s"] >= 0]
    waits = [fact["alarm_s"] - fact["from"] for fact in found]
    errors = [fact["error_px"] / _WIDTH_PX for fact in found]
    clean = [row for row in rows if not row.smoke and not row.steam]
    quiet = [row for row in clean if not row.look_alikes]
    return [
        Goal("recall, opacity ≥ 15 %, visible", "≥ 95 %", percent(_found(thick))),
        Goal("recall, opacity 8–15 %, visible", "≥ 80 %", percent(_found(thin))),
        Goal("smoke there at the first frame, within 120 s", "≥ 85 %", percent(_found(early))),
        Goal("false detections an hour, a look-alike always in view", "–", _rate(clean)),
        Goal("false detections an hour, nothing in view", "–", _rate(quiet)),
        Goal("steam called smoke in the last class (dry, mild)", "≤ 2 %", percent(_steam_as_smoke(rows))),
        Goal("smoke called steam in the last class", "–", percent(_smoke_as_steam(found))),
        Goal("time to alarm, median / p95", "≤ 30 / 90 s", _spread(waits)),
        Goal("origin error, median, of the width", "≤ 1.5 %", f"{np.median(errors):.1%}" if errors else "–"),
        Goal("calibration error of the confidence", "≤ 0.05", _calibration(rows)),
        Goal("cannot judge, of the time", "–", f"{np.mean([row.cannot_judge for row in rows]):.1%}" if rows else "–"),
    ]


def percent(estimate: Estimate) -> str:
    """A share with its bounds and what it rests on."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.value:.0%} ({estimate.low:.0%}–{estimate.high:.0%}, n = {estimate.n})"


def _found(facts: Sequence[dict[str, float]]) -> Estimate:
    return share(sum(0 <= fact["alarm_s"] <= fact["from"] + 120 for fact in facts), len(facts))


def _false(row: Row) -> int:
    return sum(event["class"] in ("smoke", "unresolved") for event in row.false_events)


def _rate(rows: Sequence[Row]) -> str:
    hours = sum(row.seconds for row in rows) / _HOUR_S
    if hours == 0:
        return "–"
    rate = weighted_rate([(sum(_false(row) for row in rows), 1.0)], 1.0, hours)
    return f"{rate.value:.2f} ({rate.low:.2f}–{rate.high:.2f}) in {hours:.1f} h"


def _steam_as_smoke(rows: Sequence[Row]) -> Estimate:
    """Of the nights with steam alone."""
    nights = [row for row in rows if row.steam and not row.smoke]
    wrong = sum("smoke" in row.steam_classes[1::2] for row in nights)
    return share(wrong, len(nights)) if nights else NOTHING


def _smoke_as_steam(found: Sequence[dict[str, float]]) -> Estimate:
    return share(sum(fact["final_smoke"] == 0 for fact in found), len(found)) if found else NOTHING


def _spread(waits: Sequence[float]) -> str:
    return f"{np.median(waits):.0f} / {np.percentile(waits, 95):.0f} s (n = {len(waits)})" if waits else "–"


def _calibration(rows: Sequence[Row]) -> str:
    """Mean distance between the confidence told and the share that was right, over five bins of confidence."""
    told = [(fact["confidence"], 1.0) for row in rows for fact in row.smoke if fact["alarm_s"] >= 0]
    told += [(float(event["confidence"]), 0.0) for row in rows for event in row.false_events]
    if not told:
        return "–"
    sure, right = np.array(told).T
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    off = sum(abs(float((sure - right)[place == k].sum())) for k in range(_BINS))
    return f"{off / len(told):.2f} (n = {len(told)})"
