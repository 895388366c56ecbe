"""Can this lens judge that chimney? Pixels across, and what smoke changes against the camera's noise, both measured on
the roof. Pure; plain geometry, no promise of a detection."""

from __future__ import annotations

from dataclasses import dataclass
from math import radians, tan
from typing import Literal

from edge.installer.meters import Meter

#: The judges' own definition of judgeable: 4 pixels of a 1280-wide frame across the plume, contrast twice the noise.
GOOD_PX, GOOD_CONTRAST = 4.0, 2.0
_WORKING_WIDTH_PX = 1280
_OPACITY = 0.15  # the faintest plume that counts
_LEAST_NOISE = 0.5  # of a level: steps of one level hide less than that
_BLINDED, _DARK = 250.0, 4.0

Answer = Literal["yes", "hardly", "no"]
Cause = Literal["too_small", "small", "too_dark", "weak_light", "blinded", "good"]


@dataclass(frozen=True, slots=True)
class Siting:
    """``pixels`` across the plume in a frame at most 1280 pixels wide; ``contrast`` of a plume of 15 % opacity over the
    noise of one pixel."""

    answer: Answer
    pixels: float
    contrast: float
    causes: tuple[Cause, ...]


def can_judge(width_px: int, hfov_deg: float, distance_m: float, plume_m: float, meter: Meter) -> Siting:
    """``width_px``, ``hfov_deg``: of the camera's frame; ``meter``: measured where the smoke would stand."""
    pixels = min(width_px, _WORKING_WIDTH_PX) / (2 * tan(radians(hfov_deg) / 2)) * plume_m / distance_m
    behind = max(0.0, meter.level - meter.black_level)  # light that smoke can take away
    contrast = _OPACITY * behind / max(meter.noise, _LEAST_NOISE)
    causes: list[Cause] = []
    if pixels < GOOD_PX:
        causes.append("too_small" if pixels < GOOD_PX / 2 else "small")
    if meter.level > _BLINDED:
        causes.append("blinded")
    elif contrast < GOOD_CONTRAST:
        causes.append("too_dark" if contrast < GOOD_CONTRAST / 2 or behind < _DARK else "weak_light")
    hopeless = {"too_small", "too_dark", "blinded"} & set(causes)
    answer: Answer = "no" if hopeless else "hardly" if causes else "yes"
    return Siting(answer, round(pixels, 1), round(contrast, 1), tuple(causes) or ("good",))
