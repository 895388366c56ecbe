"""What goes into the detector and what comes out. Times are seconds of whatever clock the caller stamps frames with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PlumeClass = Literal["smoke", "steam", "exhaust", "open_burning", "fireworks", "fog", "other", "unresolved"]
Verdict = Literal["suspected", "not_suspected", "cannot_judge"]
Phase = Literal["start", "update", "end"]


@dataclass(frozen=True, slots=True)
class PlumeEvent:
    """One plume at one fixed origin, as known after a frame. ``track`` stays the same from start to end.

    Pixels are those of the frame as it was pushed (x right, y down, origin at the outer corner of the top left pixel).
    """

    track: int
    phase: Phase
    origin_px: tuple[float, float]
    origin_sigma_px: tuple[float, float]
    bbox_px: tuple[float, float, float, float]  # x0, y0, x1, y1
    outline_px: tuple[tuple[float, float], ...]
    plume_class: PlumeClass
    class_scores: dict[PlumeClass, float]  # sum to 1
    confidence: float  # 0-1, that this is smoke; as far calibrated as the model card says
    opacity: float | None  # 0-1, None when the light does not allow an estimate
    started_s: float  # first frame in which it is thought to show
    alarm_s: float  # the frame in which it was known
    last_seen_s: float
    visible_s: float
    reasons: tuple[str, ...]  # for people: which cues counted, which were switched off and why


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What the detector says after one frame."""

    verdict: Verdict
    cause: str | None  # why it cannot judge; None otherwise
    events: tuple[PlumeEvent, ...] = field(default=())  # starts, updates and ends that this frame brought
    open_events: tuple[PlumeEvent, ...] = field(default=())  # everything open now
