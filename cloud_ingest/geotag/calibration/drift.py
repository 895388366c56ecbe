"""A camera that moved: what its gateway says of it, and what its pose is then still worth. Pure.

Gateways compare each camera with its reference view (``detector.sight``) and tell what they found in figures
(``messages.health.Displaced``). Those of a release before told it in words only, which are read where no figures are; a
test holds these words against the detector's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import atan, degrees, radians, tan
from typing import Any

import msgspec

from smokesentry.place import CameraPose

_MOVED = re.compile(r"the camera has moved by (\d{1,5}) px and turned by (-?\d{1,3}\.\d)° against its reference")
_OTHER_VIEW = re.compile(r"the camera shows another view than its reference")


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a camera's picture lies from its reference; ``moved_px`` None: it is another view altogether."""

    said: str
    moved_px: float | None
    turned_deg: float = 0.0
    frame_width: int | None = None  # of the frames in whose pixels it is; None: as the pose has them

    @property
    def size(self) -> float:
        """For comparing."""
        return float("inf") if self.moved_px is None else self.moved_px


def drift_in(texts: Iterable[str]) -> Drift | None:
    """The worst that a gateway's sentences tell of a camera's pose; None when they tell nothing."""
    found = []
    for text in texts:
        if moved := _MOVED.search(text):
            found.append(Drift(text[:400], float(moved[1]), float(moved[2])))
        elif _OTHER_VIEW.search(text):
            found.append(Drift(text[:400], None))
    return max(found, key=lambda drift: drift.size, default=None)


def drift_told(
    displaced: Mapping[str, Any] | None, texts: Iterable[str], frame_width: int | None = None
) -> Drift | None:
    """By a gateway's figures (``Displaced`` as JSON), else by its words, which speak of frames of ``frame_width``."""
    if displaced is None:
        found = drift_in(texts)
        return None if found is None else replace(found, frame_width=frame_width)
    moved, turned = displaced["moved_px"], displaced.get("turned_deg", 0.0)
    said = "the camera shows another view than its reference"
    if moved is not None:
        said = f"the camera has moved by {moved:.0f} px and turned by {turned:.1f}° against its reference"
    return Drift(said, moved, turned, displaced["frame_width"])


def widened(pose: CameraPose, drift: Drift) -> CameraPose | None:
    """The pose as it may be used from then on: its turn known only as well as the picture moved. None: the picture
    shows something else, no pixel means anything."""
    if drift.moved_px is None:
        return None
    focal = (drift.frame_width or pose.frame_size[0]) / 2 / tan(radians(pose.hfov_deg) / 2)
    moved, rolled = degrees(atan(drift.moved_px / focal)), abs(drift.turned_deg)
    changes = {
        "sigma_heading_deg": min((pose.sigma_heading_deg**2 + moved**2) ** 0.5, 180.0),
        # The roll is taken to be known as well as the tilt where there is no covariance.
        "sigma_tilt_deg": min((pose.sigma_tilt_deg**2 + max(moved, rolled) ** 2) ** 0.5, 180.0),
    }
    if pose.covariance is None:
        return msgspec.structs.replace(pose, **changes)
    covariance = [list(row) for row in pose.covariance]
    for at, sigma in ((3, moved), (4, moved), (5, rolled)):
        covariance[at][at] += sigma**2
    return msgspec.structs.replace(pose, covariance=covariance, **changes)


def doubt(gateway: str, camera: str, drift: Drift) -> str:
    """What an alert says of it."""
    if drift.moved_px is None:
        return f"Camera {gateway}/{camera} shows another view than it was calibrated on: it names no roof"
    return (
        f"Camera {gateway}/{camera} has moved by {drift.moved_px:.0f} pixels since it was calibrated: its places are"
        " less sure until it is again"
    )
