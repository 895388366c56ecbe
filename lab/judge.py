"""Runs the detector over nights and writes down what it did beside the truth: one row a night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from detector.pipeline import Detector
from detector.settings import DetectorSettings
from detector.types import PlumeEvent
from lab.scenes.night import Night
from smokesentry.weather import Weather

NEAR_PX = 24.0  # working pixels: an event farther than this from every true mouth, and outside every plume, is false
# A plume counts as visible when its sixteen strongest working pixels change by this many grey levels and by this many
# deviations of the night's noise. Smoke before a black sky changes nothing, whatever its opacity.
VISIBLE_LEVELS = 4.0
VISIBLE_SIGMAS = 3.0
_STRONGEST = 16


@dataclass
class Row:
    """One night: what was there, what was said. Times in seconds, places in working pixels (320×180)."""

    name: str
    seed: int
    group: str
    look_alikes: tuple[str, ...]
    codec: str
    light: str = ""  # the kind of still
    seconds: float = 0.0
    noise: float = 0.0  # median deviation of a pixel from frame to frame over the first ten seconds, grey levels
    smoke: list[dict[str, float]] = field(default_factory=list)  # x, y, opacity, contrast, from, alarm_s, error_px, ...
    steam: int = 0
    steam_classes: list[str] = field(default_factory=list)  # first and last class of each event at true steam
    best: float = 0.0  # the highest score anywhere
    best_smoke: float = 0.0  # the highest score at a true smoke origin
    best_other: float = 0.0  # and elsewhere
    trivial: float = 0.0  # the trivial cue: late minus early change
    false_events: list[dict[str, float | str]] = field(default_factory=list)
    cannot_judge: float = 0.0  # share of the frames after the start
    verdict: str = "not_suspected"

    def visible(self) -> list[dict[str, float]]:
        """The plumes that could be seen."""
        least = max(VISIBLE_LEVELS, VISIBLE_SIGMAS * self.noise)
        return [fact for fact in self.smoke if fact["contrast"] >= least]


def run(
    night: Night, seed: int, name: str, group: str, weather: Weather | None = None, threshold: float | None = None
) -> Row:
    """One night through the whole detector."""
    detector = Detector(DetectorSettings(alarm_threshold=threshold) if threshold else None)
    row = Row(name, seed, group, night.look_alikes, night.codec_name, night.still.kind.split(":")[0])
    row.seconds = night.recipe.length_s
    row.steam = sum(source.kind == "steam" for source in night.sources)
    watched = _Watched(night)
    told: dict[int, list[PlumeEvent]] = {}
    judged, silent = 0, 0
    for seen in night.frames():
        frame = np.clip(seen.frame, 0, 255).astype(np.uint8)
        watched.take(frame, seen.contrasts, seen.t_s)
        result = detector.push(frame, seen.t_s, weather)
        if seen.t_s > 12:
            judged += 1
            silent += result.verdict == "cannot_judge"
        if result.verdict == "suspected":
            row.verdict = "suspected"
        score = detector.score()
        if score is not None:
            watched.note_scores(row, score)
        for event in result.events:
            told.setdefault(event.track, []).append(event)
    for event in detector.finish().events:
        told.setdefault(event.track, []).append(event)
    for events in told.values():
        watched.judge(row, events)
    row.cannot_judge = silent / max(judged, 1)
    row.smoke = [fact for fact, source in zip(watched.facts, night.sources, strict=True) if source.kind == "smoke"]
    row.noise, row.trivial = watched.noise(), watched.trivial()
    return row


class _Watched:
    """The truth of a night as it passes."""

    def __init__(self, night: Night) -> None:
        self.sources = night.sources
        self.facts = [
            {"x": s.x, "y": s.y, "opacity": s.opacity, "from": -1.0, "contrast": 0.0, "alarm_s": -1.0, "error_px": -1.0}
            for s in night.sources
        ]
        self.areas = [np.zeros((180, 320), np.float32) for _ in night.sources]
        self._early: list[np.ndarray] = []
        self._late: list[np.ndarray] = []
        self._jumps: list[float] = []
        self._last: np.ndarray | None = None

    def take(self, frame: np.ndarray, contrasts: Sequence[np.ndarray], t_s: float) -> None:
        """One frame and what each source changed in it."""
        for fact, area, change in zip(self.facts, self.areas, contrasts, strict=True):
            size = np.abs(change)
            np.maximum(0.98 * area, size, out=area)
            if fact["from"] < 0 and size.max() > 2.0:
                fact["from"] = t_s
            strongest = np.partition(size.ravel(), -_STRONGEST)[-_STRONGEST:]
            fact["contrast"] = max(fact["contrast"], float(strongest.mean()))
        (self._early if t_s < 10 else self._late).append(cv2.resize(frame, (80, 45), interpolation=cv2.INTER_AREA))
        if t_s < 10:
            if self._last is not None:
                self._jumps.append(float(cv2.absdiff(frame, self._last).mean()))
            self._last = frame

    def noise(self) -> float:
        """Deviation of a pixel, from the mean absolute difference of neighbouring frames (normal noise: 2σ/√π)."""
        return float(np.median(self._jumps)) * np.sqrt(np.pi) / 2 if self._jumps else 0.0

    def trivial(self) -> float:
        """The trivial cue: the largest late change against the first ten seconds."""
        if not self._early or not self._late:
            return 0.0
        change = cv2.GaussianBlur(np.abs(np.mean(self._late[-20:], 0) - np.mean(self._early, 0)), (0, 0), 1.0)
        return float(change.max())

    def note_scores(self, row: Row, score: np.ndarray) -> None:
        """Keeps the best scores at smoke and elsewhere."""
        near = np.zeros(score.shape, bool)
        ys, xs = np.mgrid[0 : score.shape[0], 0 : score.shape[1]]
        for source, area in zip(self.sources, self.areas, strict=True):
            if source.kind == "smoke":
                near |= np.hypot(xs * 4 + 2 - source.x, ys * 4 + 2 - source.y) < NEAR_PX
                near |= cv2.resize(area, (score.shape[1], score.shape[0]), interpolation=cv2.INTER_AREA) > 1.0
        row.best = max(row.best, float(score.max()))
        row.best_smoke = max(row.best_smoke, float((score * near).max()))
        row.best_other = max(row.best_other, float((score * ~near).max()))

    def judge(self, row: Row, events: Sequence[PlumeEvent]) -> None:
        """One plume from its start to its end: right, steam, or false. Smoke is looked for first."""
        first, last = events[0], events[-1]
        x, y = first.origin_px
        inside = np.clip(int(y), 0, 179), np.clip(int(x), 0, 319)
        for kind in ("smoke", "steam"):
            for source, fact, area in zip(self.sources, self.facts, self.areas, strict=True):
                error = float(np.hypot(x - source.x, y - source.y))
                if source.kind != kind or not (error < NEAR_PX or area[inside] > 1.0):
                    continue
                if kind == "steam":
                    row.steam_classes += [first.plume_class, last.plume_class]
                elif fact["alarm_s"] < 0:
                    fact["alarm_s"], fact["error_px"] = first.alarm_s, error
                    fact["first_smoke"] = float(first.plume_class != "steam")
                    fact["final_smoke"] = float(last.plume_class != "steam")
                    fact["confidence"] = last.confidence
                return
        row.false_events.append(
            {"x": x, "y": y, "alarm_s": first.alarm_s, "class": last.plume_class, "confidence": last.confidence}
        )
