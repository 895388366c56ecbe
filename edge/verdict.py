"""The site's verdict out of all cameras and the air: one of three, with a sentence on every cue. Pure, offline.

DESIGN §2: a camera finds, particulates confirm. Air alone suspects nobody, and no rise is no evidence; what no camera
could see is not called clean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from detector.types import Verdict
from edge.fusion import AirView


@dataclass(frozen=True, slots=True)
class CameraSays:
    """One camera's verdict now; ``cause``: why it cannot judge."""

    camera: str
    verdict: Verdict
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """What the gateway holds now, and why."""

    verdict: Verdict
    reasons: tuple[str, ...]


def site_verdict(cameras: Sequence[CameraSays], air: AirView) -> SiteVerdict:
    """Suspected when a camera suspects; cannot judge when none can; else not suspected, as far as they see."""
    suspecting = [one.camera for one in cameras if one.verdict == "suspected"]
    blind = [one for one in cameras if one.verdict == "cannot_judge"]
    reasons = [f"camera {name} suspects smoke" for name in suspecting]
    reasons += [f"camera {one.camera} cannot judge: {one.cause or 'no cause given'}" for one in blind]
    rises = bool(air.cues or air.gases)
    if suspecting:
        verdict: Verdict = "suspected"
        if rises:
            reasons.append("the air confirms: a rise against the site's own background")
    elif len(blind) == len(cameras):
        verdict = "cannot_judge"
        if not cameras:
            reasons.append("no camera: the air alone names nobody")
        elif rises:
            reasons.append("the air rises, but no camera can see where from: the air alone names nobody")
    else:
        verdict = "not_suspected"
        reasons.append("no smoke in view now; a stove that burns steadily shows none")
        if rises:
            reasons.append("the air rises, but no camera sees a source: the air alone names nobody")
    return SiteVerdict(verdict, (*reasons, *air.reasons)[:20])
