"""From the rows of all played windows to figures with bounds, in the page's order. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lab.figures import Figure
from lab.scoreboard.bounds import NOTHING, Estimate, as_figure, ratio, share
from lab.scoreboard.calibration import Pair, expected_error
from lab.scoreboard.falsehoods import CAMERA_NIGHT_H, false_alerts, false_ones
from lab.scoreboard.recall import recall, visible_events
from lab.scoreboard.reckon import BURNING_CAUSE
from lab.scoreboard.rows import Claim, Event, Row
from lab.scoreboard.suite import Suite

_STEAM = frozenset({"boiler", "defrost", "stack", "vent_steam"})


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
        for claim in _counted(row)
        if claim.plume_class in ("smoke", "unresolved")
    ]


def _counted(row: Row) -> list[Claim]:
    return [claim for claim in row.claims if claim.alarm_s >= row.counted_from_s]


def rooftop_pairs(rows: Sequence[Row]) -> list[Pair]:
    """First candidates of alerts on fires: the probability said, whether it was that roof, how many it stands for."""
    return [
        (alert.first_probability, alert.first_right, row.weight)
        for row in rows
        for alert in row.alerts
        if alert.at_s >= row.counted_from_s and alert.first_probability is not None and alert.first_right is not None
    ]


def _calibration(rows: Sequence[Row]) -> list[Figure]:
    claims, roofs = claim_pairs(rows), rooftop_pairs(rows)
    return [
        as_figure("calibration error: the detector's confidence, natural rates", expected_error(claims), "", 0.05),
        as_figure("calibration error: the first rooftop's probability", expected_error(roofs), "", 0.05),
    ]


def _particulates(rows: Sequence[Row]) -> list[Figure]:
    found = [event.particulates for _, event in visible_events(rows) if event.alert_s is not None]
    wrong = [alert.particulates for row in rows for alert in false_ones(row)]
    steam = [claim.plume_class == "smoke" for row in rows for claim in _counted(row) if claim.cause in _STEAM]
    confirmed = share(sum(found), len(found))
    misled = share(sum(wrong), len(wrong))
    mistaken = share(sum(steam), len(steam))
    return [
        as_figure("particulates: alerts on fires that a rise of PM2.5 confirms", confirmed, ""),
        as_figure("particulates: false alerts that a rise of PM2.5 seems to confirm", misled, ""),
        as_figure("steam: called smoke in the final class, of detections on steam", mistaken, "", 0.02),
    ]


def _coverage(rows: Sequence[Row]) -> list[Figure]:
    every = [(row.weight, watch) for row in rows for watch in row.watches]
    fair = [(w, watch.judged_s, watch.judged_s + watch.refused_s, watch.light) for w, watch in every]
    blind = [(w, watch.blind_refused_s, watch.blind_refused_s + watch.blind_judged_s) for w, watch in every]
    whole = [one[2] + other[2] for one, other in zip(fair, blind, strict=True)]
    judged = ratio([(w * done, w * all_) for w, done, all_, _ in fair])
    no_light = ratio([(w * all_, w * time) for (w, _, all_), time in zip(blind, whole, strict=True)])
    honest = ratio([(w * said, w * all_) for w, said, all_ in blind])
    refused = ratio(
        [(w * (all_ - done) * CAMERA_NIGHT_H, w * time) for (w, done, all_, _), time in zip(fair, whole, strict=True)]
    )
    figures = [
        as_figure("coverage: judged, of the time in judgeable light", judged, ""),
        as_figure("coverage: light that no camera could judge by, of all time", no_light, ""),
        as_figure("coverage: “cannot judge” said where the light allowed none", honest, ""),
        as_figure("coverage: “cannot judge” a camera-night in judgeable light", refused, "h"),
    ]
    for light in sorted({watch.light for _, watch in every}):
        found = ratio([(w * done, w * all_) for w, done, all_, its in fair if its == light])
        figures.append(as_figure(f"coverage by light: {light}", found, ""))
    return figures


def _extent(rows: Sequence[Row], suite: Suite) -> list[Figure]:
    frames = sum(row.frames for row in rows)
    played_h = sum((row.to_s - row.from_s) * len(row.watches) for row in rows) / 3600
    cpu_s = sum(row.cpu_s for row in rows)
    population = suite.population
    return [
        Figure("extent: camera-hours played", played_h, "h", 20.0),
        Figure("extent: camera-hours of darkness in the suite's nights", suite.camera_hours, "h"),
        Figure("extent: of these, while a fire burns on (not played)", 2 * population.burning_on_h, "h"),
        Figure("extent: fires that no camera can see, of the suite's nights", float(population.hidden_fires), ""),
        Figure("extent: frames judged", float(frames), ""),
        Figure("extent: processor time a frame, all of it", cpu_s / frames * 1000 if frames else None, "ms"),
        *(
            Figure(
                f"windows played: {stratum}", float(sum(row.stratum == stratum for row in rows)), "", None,
                "in the suite's nights", float(size),
            )
            for stratum, size in population.windows.items()
        ),
    ]  # fmt: skip
