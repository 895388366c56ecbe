"""From the rows of all played windows to figures with bounds, in the page's order. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lab.figures import Figure
from lab.scoreboard.bounds import NOTHING, Estimate, as_figure, share
from lab.scoreboard.calibration import Pair, expected_error
from lab.scoreboard.falsehoods import CAMERA_NIGHT_H, false_alerts
from lab.scoreboard.recall import recall, visible_events
from lab.scoreboard.reckon import BURNING_CAUSE
from lab.scoreboard.rows import Event, Row
from lab.scoreboard.suite import Suite

_STEAM = frozenset({"boiler", "defrost", "stack", "vent_steam"})
_COVERAGE = ("judged_s", "refused_s", "blind_refused_s", "blind_judged_s")


def figures_of(rows: Sequence[Row], suite: Suite) -> list[Figure]:
    """Everything that can be said of these rows."""
    return [
        *recall(rows),
        *false_alerts(rows),
        *_timing(rows),
        *_rooftops(rows),
        *_calibration(rows),
        *_particulates(rows),
        *_coverage(rows),
        *_extent(rows, suite),
    ]


def waits(rows: Sequence[Row]) -> list[float]:
    """Seconds from the first frame that any camera could judge to the alert, of every visible fire found."""
    found = []
    for _, event in visible_events(rows):
        firsts = [view.first_judgeable_s for view in event.views if view.first_judgeable_s is not None]
        if event.alert_s is not None:
            found.append(max(event.alert_s - min(firsts), 0.0))
    return sorted(found)


def quantile(ordered: Sequence[float], level: float) -> Estimate:
    """A quantile of a sorted sample with distribution-free bounds from the order statistics."""
    if not ordered:
        return NOTHING
    n = len(ordered)
    around = share(min(round(level * n), n), n)
    assert around.low is not None
    assert around.high is not None

    def at(place: float) -> float:
        return ordered[min(max(int(place * n), 0), n - 1)]

    return Estimate(at(level), at(around.low), at(around.high), n)


def _timing(rows: Sequence[Row]) -> list[Figure]:
    ordered = waits(rows)
    return [
        as_figure("time to alert: median, from the first judgeable frame", quantile(ordered, 0.5), "s", 30),
        as_figure("time to alert: 95th percentile", quantile(ordered, 0.95), "s", 90),
    ]


def _rooftops(rows: Sequence[Row]) -> list[Figure]:
    ranks = [(event.rank, _cameras_on(event)) for _, event in visible_events(rows) if event.rank is not None]
    groups = {
        "all alerts on visible fires": [rank for rank, _ in ranks],
        "two cameras on it": [rank for rank, cameras in ranks if cameras > 1],
        "one camera on it": [rank for rank, cameras in ranks if cameras == 1],
    }
    figures = []
    for top, targets in ((1, {"two cameras on it": 0.9}), (3, {"one camera on it": 0.95})):
        for title, chosen in groups.items():
            found = share(sum(1 <= rank <= top for rank in chosen), len(chosen))
            figures.append(as_figure(f"right rooftop, first {top}: {title}", found, "", targets.get(title)))
    return figures


def _cameras_on(event: Event) -> int:
    return sum(view.alarm_s is not None for view in event.views)


def claim_pairs(rows: Sequence[Row]) -> list[Pair]:
    """Detections called smoke or unresolved: the confidence said, whether smoke was there, how many it stands for."""
    return [
        (claim.confidence, claim.cause == BURNING_CAUSE, row.weight)
        for row in rows
        for claim in row.claims
        if claim.plume_class in ("smoke", "unresolved")
    ]


def rooftop_pairs(rows: Sequence[Row]) -> list[Pair]:
    """First candidates of alerts on fires: the probability said, whether it was that roof, how many it stands for."""
    return [
        (alert.first_probability, alert.first_right, row.weight)
        for row in rows
        for alert in row.alerts
        if alert.first_probability is not None and alert.first_right is not None
    ]


def _calibration(rows: Sequence[Row]) -> list[Figure]:
    claims, roofs = claim_pairs(rows), rooftop_pairs(rows)
    return [
        as_figure("calibration error: the detector's confidence, natural rates", expected_error(claims), "", 0.05),
        as_figure("calibration error: the first rooftop's probability", expected_error(roofs), "", 0.05),
    ]


def _particulates(rows: Sequence[Row]) -> list[Figure]:
    found = [event.particulates for _, event in visible_events(rows) if event.alert_s is not None]
    wrong = [alert.particulates for row in rows for alert in row.alerts if alert.cause != BURNING_CAUSE]
    steam = [claim.plume_class == "smoke" for row in rows for claim in row.claims if claim.cause in _STEAM]
    confirmed = share(sum(found), len(found))
    misled = share(sum(wrong), len(wrong))
    mistaken = share(sum(steam), len(steam))
    return [
        as_figure("particulates: alerts on fires that a rise of PM2.5 confirms", confirmed, ""),
        as_figure("particulates: false alerts that a rise of PM2.5 seems to confirm", misled, ""),
        as_figure("steam: called smoke in the final class, of detections on steam", mistaken, "", 0.02),
    ]


def _coverage(rows: Sequence[Row]) -> list[Figure]:
    totals: dict[str, float] = defaultdict(float)
    lights: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        for watch in row.watches:
            for name in _COVERAGE:
                totals[name] += getattr(watch, name) * row.weight
            lights[watch.light][0] += watch.judged_s * row.weight
            lights[watch.light][1] += watch.refused_s * row.weight
    fair, blind = totals["judged_s"] + totals["refused_s"], totals["blind_judged_s"] + totals["blind_refused_s"]
    whole = fair + blind
    parts = [
        ("coverage: judged, of the time in judgeable light", totals["judged_s"], fair),
        ("coverage: light that no camera could judge by, of all time", blind, whole),
        ("coverage: “cannot judge” said where the light allowed none", totals["blind_refused_s"], blind),
    ]
    figures = [Figure(name, part / of if of else None, "") for name, part, of in parts]
    figures.append(
        Figure(
            "coverage: “cannot judge” a camera-night in judgeable light",
            totals["refused_s"] / whole * CAMERA_NIGHT_H if whole else None,
            "h",
        )
    )
    for light, (judged, refused) in sorted(lights.items()):
        value = judged / (judged + refused) if judged + refused else None
        figures.append(Figure(f"coverage by light: {light}", value, ""))
    return figures


def _extent(rows: Sequence[Row], suite: Suite) -> list[Figure]:
    frames = sum(row.frames for row in rows)
    played_h = sum((row.to_s - row.from_s) * len(row.watches) for row in rows) / 3600
    cpu_s = sum(row.cpu_s for row in rows)
    return [
        Figure("extent: camera-hours played", played_h, "h", 20.0),
        Figure("extent: camera-hours of darkness in the suite's nights", suite.camera_hours, "h"),
        Figure("extent: of these, while a fire burns on (not played)", 2 * suite.population.burning_on_h, "h"),
        Figure("extent: fires that no camera can see, of the suite's nights", float(suite.population.hidden_fires), ""),
        Figure("extent: windows played", float(len(rows)), ""),
        Figure("extent: frames judged", float(frames), ""),
        Figure("extent: processor time a frame, all of it", cpu_s / frames * 1000 if frames else None, "ms"),
    ]
