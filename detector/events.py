"""From a track to what is told: class, confidence, opacity and the reasons, in pixels of the pushed frame."""

from __future__ import annotations

import math

import cv2
import numpy as np

from detector.cues import Weighed, evidence_of, weigh
from detector.frames import CELL_PX, Scale
from detector.model import Calibration
from detector.statistics import Statistics
from detector.tracks import Track
from detector.types import Phase, PlumeClass, PlumeEvent
from smokesentry.weather import Weather

# Share of steam in smoke + steam from which a plume looks like steam. With plume-8, of the plumes that alarmed on
# tuning nights in dry, mild air, half of the smoke there from the first frame, 40 of 44 of smoke ended below it and 12
# of 31 of steam above; at 0.35 it would be 34 and 14. Each release's weights want it measured again.
_STEAM_MARGIN = 0.38
NO_CUES = Weighed(0.0, 0.0, ())
_STEAM_STAYS = 0.31  # what was told as steam stays steam down to here: a boiler's puffs pass the margin both ways


def confidence(score: float, calibration: Calibration, cues: float = 0.0) -> float:
    """The score through the manifest's logistic curve, and what the cues add to its logit; slope 1, intercept 0 and no
    cues leave it as it is, uncalibrated."""
    s = min(max(score, 1e-4), 1 - 1e-4)
    return 1 / (1 + math.exp(-(calibration.slope * math.log(s / (1 - s)) + calibration.intercept + cues)))


def classify(
    track: Track, weather: Weather | None, cues: Weighed = NO_CUES
) -> tuple[PlumeClass, dict[PlumeClass, float], tuple[str, ...]]:
    """Class, scores that sum to 1, and why. Steam is only told where the weather lets it evaporate."""
    steam = min(max(track.steam / max(track.smoke + track.steam, 1e-6) + cues.steam, 0.0), 1.0)
    told = weather is not None and weather.steam_can_be_told
    reasons = [f"moves and stays at one origin: score {track.peak:.2f}", f"visible for {track.visible_s:.0f} s"]
    reasons += cues.reasons
    margin = _STEAM_STAYS if track.told_class in {"steam", "unresolved"} else _STEAM_MARGIN
    if steam < margin:
        reasons.append("keeps its shape, does not end like steam")
        return "smoke", {"smoke": 1 - steam, "steam": steam}, tuple(reasons)
    if told:
        reasons.append("short, dense and ends abruptly: steam, in air where steam must evaporate")
        return "steam", {"smoke": 1 - steam, "steam": steam}, tuple(reasons)
    why = (
        "weather unknown"
        if weather is None or weather.temp_c is None or weather.rh_percent is None
        else "too cold or too damp"
    )
    reasons.append(f"looks like steam, but {why}: smoke and steam cannot be told apart")
    return "unresolved", {"smoke": (1 - steam) / 2, "steam": steam / 2, "unresolved": 0.5}, tuple(reasons)


def tell(
    track: Track,
    phase: Phase,
    scale: Scale,
    stats: Statistics,
    calibration: Calibration,
    weather: Weather | None,
    heading_deg: float | None = None,
) -> PlumeEvent:
    """The track as an event of one phase; ``heading_deg`` is where the camera looks, for the wind."""
    evidence = evidence_of(
        track.course, track.visible_s, phase == "end", track.from_start, weather, heading_deg, track.firings
    )
    cues = weigh(evidence)
    plume_class, scores, reasons = classify(track, weather, cues)
    sure = confidence(track.peak, calibration, cues.logit)
    if plume_class != "smoke":
        sure *= scores["smoke"] / max(scores["smoke"] + scores["steam"], 1e-6) if plume_class == "steam" else 0.7
    ys, xs = np.nonzero(track.area)
    step_x, step_y = CELL_PX * scale.x, CELL_PX * scale.y
    if len(xs) == 0:
        ys, xs = np.array([round(track.y)]), np.array([round(track.x)])
    box = (
        float(xs.min() * step_x),
        float(ys.min() * step_y),
        float((xs.max() + 1) * step_x),
        float((ys.max() + 1) * step_y),
    )
    return PlumeEvent(
        track=track.number,
        phase=phase,
        origin_px=((track.x + 0.5) * step_x, (track.y + 0.5) * step_y),
        origin_sigma_px=(track.sigma * step_x, track.sigma * step_y),
        bbox_px=box,
        outline_px=_outline(track, step_x, step_y),
        plume_class=plume_class,
        class_scores=scores,
        confidence=float(min(max(sure, 0.0), 1.0)),
        opacity=opacity(track, stats),
        started_s=track.started_s,
        alarm_s=track.alarm_s,
        last_seen_s=track.last_seen_s,
        visible_s=track.visible_s,
        reasons=reasons,
    )


def opacity(track: Track, stats: Statistics) -> float | None:
    """How much of the background's texture the plume hides, 0-1; None where there is no texture to hide."""
    height, width = stats.background.shape
    mask = cv2.resize(track.area.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)
    behind, now = stats.background[mask], stats.m5[mask]
    if behind.size < 48:
        return None
    centred = behind - behind.mean()
    power = float(centred @ centred) / behind.size
    noise = float(np.mean(stats.sigma[mask] ** 2))
    if power < 25 * noise:
        return None
    slope = float(centred @ (now - now.mean())) / (power * behind.size)
    return float(min(max(1 - slope, 0.0), 1.0))


def _outline(track: Track, step_x: float, step_y: float) -> tuple[tuple[float, float], ...]:
    contours, _ = cv2.findContours(track.area.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return ()
    largest = max(contours, key=cv2.contourArea)
    simple = cv2.approxPolyDP(largest, 0.5, True).reshape(-1, 2)
    return tuple((float((x + 0.5) * step_x), float((y + 0.5) * step_y)) for x, y in simple)
