"""A town's own clips, marked by its own people: what the detector finds in them, and how often it errs, with bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detector.clip import read_clip
from detector.model import Model
from detector.pipeline import Detector
from detector.settings import DetectorSettings
from detector.types import PlumeEvent
from lab.labels import ClipLabels, Label, clips_in, load
from lab.scoreboard.bounds import Estimate, share, weighted_rate
from smokesentry.weather import Weather

NEAR = 0.06  # of the frame's width: an event's origin within this of the label's is the same plume
_LATE_S = 20.0  # an alarm so long after the last mark still speaks of it: the score is a mean over 16 s
_MOST_GAP_S = 5.0  # a longer gap between frames is nobody's camera time


@dataclass(slots=True)
class Found:
    """One labelled plume: the highest score near it, and whether and when it was told."""

    label: Label
    score: float = 0.0
    alarm_s: float | None = None
    told: str = ""  # the event's last class


@dataclass(slots=True)
class ClipRow:
    """One clip beside its labels. ``best_other``: the highest score anywhere that is no labelled plume's."""

    name: str
    hours: float = 0.0
    frames: int = 0
    unreadable: int = 0
    cannot_judge: float = 0.0
    plumes: list[Found] = field(default_factory=list)
    false_alarms: list[tuple[float, str]] = field(default_factory=list)  # alarm second, class
    steam: int = 0  # labelled steam
    steam_as_smoke: int = 0
    best_other: float = 0.0


def evaluate_footage(folder: Path, threshold: float | None = None, model: Model | None = None) -> list[ClipRow]:
    """One row for each labelled clip of a folder. Raises ``LabelsError`` and ``ClipError`` in words."""
    labels = load(folder)
    return [judge_clip(path, labels[path.name], threshold, model) for path in clips_in(folder) if path.name in labels]


def judge_clip(path: Path, labels: ClipLabels, threshold: float | None, model: Model | None) -> ClipRow:
    """One clip through the whole detector."""
    detector = Detector(DetectorSettings(alarm_threshold=threshold), model)
    weather = Weather(temp_c=labels.temp_c, rh_percent=labels.rh_percent)
    row = ClipRow(path.name, plumes=[Found(one) for one in labels.labels if one.kind == "plume"])
    row.steam = sum(one.kind == "steam" for one in labels.labels)
    events: dict[int, PlumeEvent] = {}
    size, last_s, blind = (1, 1), None, 0
    for t_s, frame in read_clip(path, labels.fps):
        row.frames += 1
        row.hours += min(t_s - last_s, _MOST_GAP_S) / 3600 if last_s is not None else 0.0
        last_s = t_s
        if frame is None:
            row.unreadable += 1
            continue
        size = (frame.shape[1], frame.shape[0])
        result = detector.push(frame, t_s, weather)
        blind += result.verdict == "cannot_judge"
        events.update({event.track: event for event in (*result.events, *result.open_events)})
        score = detector.score()
        if score is not None:
            _note_score(row, score, t_s)
    events.update({event.track: event for event in detector.finish().events})
    row.cannot_judge = blind / max(row.frames, 1)
    steam = [one for one in labels.labels if one.kind == "steam"]
    called = {matched(row, event, size, steam) for event in events.values()}
    row.steam_as_smoke = len(called - {None})
    return row


def _note_score(row: ClipRow, score: np.ndarray, t_s: float) -> None:
    ys, xs = np.mgrid[0 : score.shape[0], 0 : score.shape[1]]
    elsewhere = np.ones(score.shape, bool)
    for plume in row.plumes:
        x, y = plume.label.origin or (0.5, 0.5)
        # Rows are as far apart as columns: both cells are four working pixels.
        near = np.hypot(xs + 0.5 - x * score.shape[1], ys + 0.5 - y * score.shape[0]) < NEAR * score.shape[1]
        if plume.label.from_s <= t_s <= plume.label.to_s + _LATE_S:
            plume.score = max(plume.score, float(score[near].max()))
        elsewhere &= ~near
    if elsewhere.any():
        row.best_other = max(row.best_other, float(score[elsewhere].max()))


def matched(row: ClipRow, event: PlumeEvent, size: tuple[int, int], steam: Sequence[Label]) -> int | None:
    """Books an event; answers which of the marks of ``steam`` it called smoke, if one."""
    smoky = event.plume_class in ("smoke", "unresolved")
    for plume in row.plumes:
        if _speaks_of(event, plume.label, size):
            if smoky and event.alarm_s >= plume.label.from_s:
                plume.alarm_s = event.alarm_s if plume.alarm_s is None else min(plume.alarm_s, event.alarm_s)
            plume.told = event.plume_class
            return None
    for number, label in enumerate(steam):
        if _speaks_of(event, label, size):
            return number if event.plume_class == "smoke" else None
    if smoky:
        row.false_alarms.append((event.alarm_s, event.plume_class))
    return None


def _speaks_of(event: PlumeEvent, label: Label, size: tuple[int, int]) -> bool:
    if event.alarm_s > label.to_s + _LATE_S or event.last_seen_s < label.from_s:
        return False
    if label.origin is None:
        return True
    dx, dy = event.origin_px[0] - label.origin[0] * size[0], event.origin_px[1] - label.origin[1] * size[1]
    return math.hypot(dx, dy) < NEAR * size[0]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a town may say of its own detector, with exact 95 % bounds."""

    clips: int
    hours: float
    plumes: int
    found: int
    recall: Estimate
    wait_median_s: float | None
    false_alarms: int
    false_per_hour: Estimate
    steam: int
    steam_as_smoke: int
    cannot_judge: float


def summarise(rows: Sequence[ClipRow]) -> Summary:
    """All clips together."""
    plumes = [plume for row in rows for plume in row.plumes]
    found = [plume for plume in plumes if plume.alarm_s is not None]
    hours = sum(row.hours for row in rows)
    false = sum(len(row.false_alarms) for row in rows)
    waits = [plume.alarm_s - plume.label.from_s for plume in found if plume.alarm_s is not None]
    return Summary(
        clips=len(rows),
        hours=hours,
        plumes=len(plumes),
        found=len(found),
        recall=share(len(found), len(plumes)),
        wait_median_s=float(np.median(waits)) if waits else None,
        false_alarms=false,
        false_per_hour=weighted_rate([(false, 1.0)], 1.0, hours),
        steam=sum(row.steam for row in rows),
        steam_as_smoke=sum(row.steam_as_smoke for row in rows),
        cannot_judge=float(np.average([row.cannot_judge for row in rows], weights=[row.frames for row in rows]))
        if rows
        else 0.0,
    )


def markdown(rows: Sequence[ClipRow]) -> str:
    """For people: the summary, then every clip."""
    told = summarise(rows)
    lines = [
        f"{told.clips} labelled clips, {told.hours:.2f} camera-hours; {told.cannot_judge:.0%} of the frames could not"
        " be judged.",
        "",
        "| | | 95 % bounds |",
        "| --- | --- | --- |",
    ]
    recall, rate = told.recall, told.false_per_hour
    if recall.value is not None:
        wait = f", median wait {told.wait_median_s:.0f} s" if told.wait_median_s is not None else ""
        found_of = f"{told.found} of {told.plumes} ({recall.value:.0%}{wait})"
        lines.append(f"| plumes found | {found_of} | {recall.low:.0%} – {recall.high:.0%} |")
    if rate.value is not None:
        an_hour = f"{rate.value:.2f} ({told.false_alarms})"
        lines.append(f"| false alerts per camera-hour | {an_hour} | {rate.low:.2f} – {rate.high:.2f} |")
    lines.append(f"| steam called smoke | {told.steam_as_smoke} of {told.steam} | |")
    lines += ["", "| clip | seconds | plumes found | best score there | false alerts | best score elsewhere |",
              "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows:
        found = sum(plume.alarm_s is not None for plume in row.plumes)
        best = f"{max(plume.score for plume in row.plumes):.2f}" if row.plumes else "–"
        false = ", ".join(f"{kind} at {alarm_s:.0f} s" for alarm_s, kind in row.false_alarms) or "–"
        of = f"{found} of {len(row.plumes)}" if row.plumes else "–"
        lines.append(f"| {row.name} | {row.hours * 3600:.0f} | {of} | {best} | {false} | {row.best_other:.2f} |")
    return "\n".join(lines) + "\n"
