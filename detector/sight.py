"""How well a camera sees tonight, against a view of the same place on a good night: focus, veil, what covers the lens,
where it points; and at which known chimneys smoke could be seen at all."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from detector.frames import HEIGHT, WIDTH, Grey
from detector.register import Pose, lay
from detector.remembered import View, drift, likeness, structure_power
from detector.structure import Structure

# What stands behind a chimney's plume: so many working pixels to each side of the mouth and above it.
REACH_PX, ABOVE_PX = 10, 18
_OPACITY = 0.15  # the faintest plume that the recall target speaks of
_VISIBLE_LEVELS = 3.0  # what the plume's strongest pixels must change
_MOVED_PX = 2.0  # working pixels: beyond it a person should look after the mount
_DISPLACED_PX = 6.0  # a fiftieth of the width: about the uncertainty of an origin
_LOST_LIKENESS = 0.35
_AS_MUCH = 0.4  # of the reference's structure


@dataclass(frozen=True, slots=True)
class ChimneySight:
    """Whether smoke of 15 % opacity could be seen at one known chimney, and why not. ``number`` counts from 1 in the
    order of the settings."""

    number: int
    judgeable: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Sight:
    """A camera's sight against its reference. Pixels are those of the frame as pushed."""

    moved_px: tuple[float, float]
    turned_deg: float
    zoomed_percent: float
    focus: float  # fine contrast over coarse contrast, 1: as sharp as the reference
    contrast: float  # coarse contrast, 1: as clear as the reference (exposure counts too)
    covered: float  # share of the textured picture that has lost its structure
    problems: tuple[str, ...]  # for people; empty when all is well
    other_view: bool = False  # nothing of the reference is found again: the way and turn above mean nothing
    displaced: str | None = None  # so far moved that pixels no longer mean the places they were surveyed as


def compare(view: View, frame: Grey, frame_size: tuple[int, int]) -> Sight:
    """A working frame (better: the background) against the reference view."""
    pose = drift(view, frame)
    laid = lay(frame, pose)
    left = Structure.of(view.picture).left_in(laid)
    alike = likeness(view.picture, frame, pose)
    focus = left.fine / left.coarse if left.coarse > 0.05 else 0.0
    factor = frame_size[0] / WIDTH
    moved = (pose.dx * factor, pose.dy * frame_size[1] / HEIGHT)
    sight = Sight(moved, math.degrees(pose.turn), 100 * pose.zoom, focus, left.coarse, left.covered, ())
    # Lamps that are out are no other view: there must be as much to know it by as there was.
    known_by = structure_power(frame) > _AS_MUCH * structure_power(view.picture)
    problems = _problems(sight, pose, alike, known_by)
    lost = (alike < _LOST_LIKENESS and known_by) or (alike >= _LOST_LIKENESS and pose.largest_px > _DISPLACED_PX)
    other = alike < _LOST_LIKENESS and known_by
    return replace(sight, problems=problems, other_view=other, displaced=problems[0] if lost else None)


def _problems(sight: Sight, pose: Pose, alike: float, known_by: bool) -> tuple[str, ...]:
    moved = math.hypot(*sight.moved_px)
    if alike < _LOST_LIKENESS:
        if known_by:
            return (f"the camera shows another view than its reference (likeness {alike:.2f})",)
        return ("too little of the reference is to be seen to tell where the camera points: less light, fog or frost",)
    found = []
    if pose.largest_px > _MOVED_PX:
        found.append(
            f"the camera has moved by {moved:.0f} px and turned by {sight.turned_deg:.1f}° against its reference"
        )
    if sight.covered > 0.25:
        found.append(f"something covers {sight.covered:.0%} of the picture: frost, dirt, or an object before the lens")
    if sight.focus < 0.6:
        found.append(f"out of focus: fine detail is {sight.focus:.0%} of the reference's")
    if sight.contrast < 0.4:
        found.append(f"contrast is {sight.contrast:.0%} of the reference's: fog, frost, or much less light")
    return tuple(found)


def chimney_sights(
    chimneys: tuple[tuple[float, float], ...], background: Grey, sigma: Grey, scale: tuple[float, float]
) -> tuple[ChimneySight, ...]:
    """One verdict a known chimney (pixels of the frame as pushed; ``scale`` pushed pixels a working pixel)."""
    return tuple(
        _chimney(number, x / scale[0], y / scale[1], scale[0], background, sigma)
        for number, (x, y) in enumerate(chimneys, 1)
    )


def _chimney(number: int, x: float, y: float, across: float, background: Grey, sigma: Grey) -> ChimneySight:
    if not (0 <= x < WIDTH and 0 <= y < HEIGHT):
        return ChimneySight(number, False, "it lies outside the picture")
    x0, x1 = max(round(x) - REACH_PX, 0), min(round(x) + REACH_PX + 1, WIDTH)
    y0, y1 = max(round(y) - ABOVE_PX, 0), min(round(y) + 3, HEIGHT)
    behind = np.sort(background[y0:y1, x0:x1].ravel())[-16:]
    light, noise = float(behind.mean()), float(np.median(sigma[y0:y1, x0:x1]))
    change, needed = _OPACITY * light, max(_VISIBLE_LEVELS, 1.2 * noise)
    if change >= needed:
        return ChimneySight(number, True, f"lit background of {light:.0f} grey levels")
    return ChimneySight(
        number,
        False,
        f"no lit background within {REACH_PX * across:.0f} px: smoke of {_OPACITY:.0%} opacity would change its"
        f" {light:.0f} grey levels by {change:.1f}, and {needed:.1f} are needed; a lamp behind it or infrared light"
        " would help",
    )
