"""What each cue of a plume's course is worth: events of judging nights, weighed with every cue and with each left out.

Cues come after the network, so one run of each night serves all variants: an event keeps its score, class shares and
evidence, and is weighed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np

from detector.cues import CUES, Evidence, evidence_of, weigh
from detector.events import classify, confidence
from detector.model import Calibration, Model
from detector.pipeline import Detector
from detector.settings import DetectorSettings
from detector.tracks import Track
from lab.judge import NEAR_PX
from lab.scenes.night import LOOK_ALIKES, Night, Recipe
from lab.scenes.seeds import JUDGE
from smokesentry.weather import Weather

# Below the product's threshold, so that there are enough events of either kind to weigh.
_THRESHOLD = 0.35
_FIRST_SEED = JUDGE.start + 700_000
_DRY = Weather(temp_c=2.0, rh_percent=50.0)


@dataclass(frozen=True, slots=True)
class Weighing:
    """One event as it ended, with the truth of its place: "smoke", "steam" or "other"."""

    truth: str
    score: float
    smoke: float
    steam: float
    evidence: Evidence

    def as_json(self) -> dict[str, Any]:
        """For looking at single events."""
        return asdict(self)


def collect(nights: int, say: Callable[[str], None]) -> list[Weighing]:
    """All events of ``nights`` nights of each kind."""
    cv2.setNumThreads(1)
    found: list[Weighing] = []
    for k in range(nights):
        for kind in range(3):
            looks = (LOOK_ALIKES[k % len(LOOK_ALIKES)],) if kind == 2 else ()
            recipe = Recipe(110, 0.5, int(kind == 0), int(kind == 1), (0.15, 0.5) if kind == 0 else None, looks)
            found += _events(Night(_FIRST_SEED + 3 * k + kind, recipe))
        say(f"{3 * (k + 1)} of {3 * nights} nights, {len(found)} events")
    return found


def _events(night: Night) -> list[Weighing]:
    detector = Detector(DetectorSettings(alarm_threshold=_THRESHOLD))
    tracks: dict[int, Track] = {}
    areas = [np.zeros((180, 320), np.float32) for _ in night.sources]
    for seen in night.frames():
        for area, change in zip(areas, seen.contrasts, strict=True):
            np.maximum(area, np.abs(change), out=area)
        detector.push(np.clip(seen.frame, 0, 255).astype(np.uint8), seen.t_s, _DRY)
        tracks.update({track.number: track for track in detector.tracks})
    ended = set(tracks) - {track.number for track in detector.tracks}
    return [_weighing(track, track.number in ended, night, areas) for track in tracks.values()]


def _weighing(track: Track, ended: bool, night: Night, areas: Sequence[np.ndarray]) -> Weighing:
    x, y = track.x * 4 + 2, track.y * 4 + 2
    truth = "other"
    for source, area in zip(night.sources, areas, strict=True):
        if np.hypot(x - source.x, y - source.y) < NEAR_PX or area[int(min(y, 179)), int(min(x, 319))] > 1.0:
            truth = source.kind
            break
    evidence = evidence_of(track.course, track.visible_s, ended, track.from_start, _DRY, None, track.firings)
    return Weighing(truth, track.peak, track.smoke, track.steam, evidence)


@dataclass(frozen=True, slots=True)
class Worth:
    """How a set of cues does: Brier score of "this is smoke", its separation, and the class where steam can be told."""

    brier: float
    auc: float
    smoke_called_steam: int
    steam_called_smoke: int


def worth(seen: Sequence[Weighing], use: Sequence[str], calibration: Calibration) -> Worth:
    """All events weighed with some cues."""
    sure, truth, wrong = [], [], {"smoke": 0, "steam": 0}
    for one in seen:
        cues = weigh(one.evidence, use)
        told = classify(_track(one), _DRY, cues)[0]
        sure.append(confidence(one.score, calibration, cues.logit))
        truth.append(one.truth == "smoke")
        if one.truth in wrong and told in wrong and told != one.truth:
            wrong[one.truth] += 1
    p, t = np.array(sure), np.array(truth, bool)
    hit, miss = p[t][:, None], p[~t][None, :]
    auc = float((hit > miss).mean() + 0.5 * (hit == miss).mean()) if hit.size and miss.size else float("nan")
    return Worth(float(np.mean((p - t) ** 2)) if len(p) else float("nan"), auc, wrong["smoke"], wrong["steam"])


def table(seen: Sequence[Weighing], calibration: Calibration | None = None) -> str:
    """For the manual: every cue, none, and each left out."""
    calibration = calibration or Model().calibration
    kinds = {kind: sum(one.truth == kind for one in seen) for kind in ("smoke", "steam", "other")}
    lines = [
        f"Simulated, {len(seen)} events above {_THRESHOLD}: {kinds['smoke']} of smoke, {kinds['steam']} of steam,"
        f" {kinds['other']} of neither; weather known and dry, wind unknown.",
        "",
        "| cues | Brier score of the confidence | AUC of the confidence | smoke called steam | steam called smoke |",
        "| --- | --- | --- | --- | --- |",
    ]
    variants = [("all", CUES), ("none", ())]
    variants += [(f"without {name}", tuple(cue for cue in CUES if cue != name)) for name in CUES]
    for name, use in variants:
        w = worth(seen, use, calibration)
        lines.append(f"| {name} | {w.brier:.4f} | {w.auc:.3f} | {w.smoke_called_steam} | {w.steam_called_smoke} |")
    return "\n".join(lines) + "\n"


def _track(one: Weighing) -> Track:
    nowhere = np.zeros((45, 80), bool)
    track = Track(1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, one.score, one.score, one.smoke, one.steam, nowhere)
    return replace(track, visible_s=one.evidence.visible_s)
