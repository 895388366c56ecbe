"""Runs the detector over nights and writes down what it did beside the truth: one row a night."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from detector.pipeline import Detector
from detector.settings import DetectorSettings
from lab.scenes.night import Night
from smokesentry.weather import Weather


@dataclass
class Row:
    """One night: what was there, what was said."""

    name: str
    seed: int
    group: str
    look_alikes: tuple[str, ...]
    codec: str
    smoke: list[dict[str, float]] = field(default_factory=list)  # x, y, opacity, contrast, from, alarm_s, error_px
    steam: int = 0
    best: float = 0.0  # the highest score anywhere
    best_smoke: float = 0.0  # the highest score at a true smoke origin
    best_other: float = 0.0  # and elsewhere
    trivial: float = 0.0  # the trivial cue: late minus early change
    false_events: list[dict[str, float | str]] = field(default_factory=list)
    cannot_judge: float = 0.0  # share of the frames after the start
    verdict: str = "not_suspected"


NEAR_PX = 24.0  # working pixels: an event farther than this from every true mouth, and outside every plume, is false


def run(
    night: Night, seed: int, name: str, group: str, weather: Weather | None = None, threshold: float | None = None
) -> Row:
    """One night through the whole detector."""
    detector = Detector(DetectorSettings(alarm_threshold=threshold) if threshold else None)
    row = Row(name, seed, group, night.look_alikes, night.codec_name)
    smokes = [s for s in night.sources if s.kind == "smoke"]
    row.steam = len(night.sources) - len(smokes)
    facts = [
        {"x": s.x, "y": s.y, "opacity": s.opacity, "from": -1.0, "contrast": 0.0, "alarm_s": -1.0, "error_px": -1.0}
        for s in smokes
    ]
    total, judged, silent = 0, 0, 0
    areas = [np.zeros((180, 320), np.float32) for _ in smokes]
    early: list[np.ndarray] = []
    late: list[np.ndarray] = []
    for seen in night.frames():
        for k, (source, change) in enumerate(zip(night.sources, seen.contrasts, strict=True)):
            if source.kind != "smoke":
                continue
            areas[k] = np.maximum(0.98 * areas[k], np.abs(change))
            if facts[k]["from"] < 0 and np.abs(change).max() > 2.0:
                facts[k]["from"] = seen.t_s
            facts[k]["contrast"] = max(facts[k]["contrast"], float(np.sort(np.abs(change).ravel())[-16:].mean()))
        (early if seen.t_s < 10 else late).append(cv2.resize(seen.frame, (80, 45), interpolation=cv2.INTER_AREA))
        result = detector.push(np.clip(seen.frame, 0, 255).astype(np.uint8), seen.t_s, weather)
        total += 1
        if seen.t_s > 12:
            judged += 1
            silent += result.verdict == "cannot_judge"
        if result.verdict == "suspected":
            row.verdict = "suspected"
        score = detector.score()
        if score is not None:
            _note_scores(row, score, facts, areas)
        for event in result.events:
            if event.phase == "start":
                _judge_event(row, event, facts, areas)
    row.cannot_judge = silent / max(judged, 1)
    row.smoke = facts
    if early and late:
        change = cv2.GaussianBlur(np.abs(np.mean(late[-20:], 0) - np.mean(early, 0)), (0, 0), 1.0)
        row.trivial = float(change.max())
    return row


def _note_scores(row: Row, score: np.ndarray, facts: list[dict[str, float]], areas: list[np.ndarray]) -> None:
    near = np.zeros(score.shape, bool)
    ys, xs = np.mgrid[0 : score.shape[0], 0 : score.shape[1]]
    for fact, area in zip(facts, areas, strict=True):
        near |= np.hypot(xs * 4 + 2 - fact["x"], ys * 4 + 2 - fact["y"]) < NEAR_PX
        near |= cv2.resize(area, (score.shape[1], score.shape[0]), interpolation=cv2.INTER_AREA) > 1.0
    row.best = max(row.best, float(score.max()))
    row.best_smoke = max(row.best_smoke, float((score * near).max()))
    row.best_other = max(row.best_other, float((score * ~near).max()))


def _judge_event(row: Row, event: object, facts: list[dict[str, float]], areas: list[np.ndarray]) -> None:
    x, y = event.origin_px  # type: ignore[attr-defined]
    for fact, area in zip(facts, areas, strict=True):
        error = float(np.hypot(x - fact["x"], y - fact["y"]))
        inside = area[int(np.clip(y, 0, 179)), int(np.clip(x, 0, 319))] > 1.0
        if error < NEAR_PX or inside:
            if fact["alarm_s"] < 0:
                fact["alarm_s"], fact["error_px"] = event.alarm_s, error  # type: ignore[attr-defined]
            return
    row.false_events.append(
        {"x": x, "y": y, "alarm_s": event.alarm_s, "class": event.plume_class, "confidence": event.confidence}  # type: ignore[attr-defined]
    )
