"""The true answers as data: what each camera could see of a plume, frame by frame, and whether that was enough.

Both renderers measure with :func:`measure_plume`, which knows nothing of how a plume was drawn. *Judgeable* is defined
here, once, and by nothing that the detector could move.

**Judgeable, version 1.** A plume is judgeable in a frame when its contrast-to-noise is at least 2 and it is at least
4 pixels across near its mouth; an event is judgeable in a camera when that held for 10 seconds in all. Why these:

- Rose's criterion asks that a whole object's signal is 5 times its noise. Over the smallest object allowed (4 x 4
  pixels, whose noise denoising and compression have made alike over about 1.5 pixels, so some 7 samples that differ)
  a contrast of 2 a pixel gives 2·√7 = 5.3.
- Johnson's criteria ask one cycle (2 pixels) across the smaller side to see that something is there, four to
  recognise a thing by its outline. Smoke is known by how it leans, spreads and moves, for which two cycles do.
- 10 seconds are twenty frames at the product's pace: less is over before anybody could say that it stays.

**Judgeable light.** Where nothing burns there is no plume to measure. There a camera's light is judgeable when the air
and the lens leave at least a quarter of the contrast at its chimneys' distance: smoke that would be a fair question in
clear air (contrast-to-noise 8, ``simulator.night.FAIR_CONTRAST``) then still has 2.

Pixels are those of the frame as it was delivered. Change a limit and you change what every figure means: then the
version changes, too, and old scoreboards are no longer compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.happenings import Fuel, Happening, Kind

if TYPE_CHECKING:
    from simulator.camera import Sensor
    from simulator.filters import Picture
    from simulator.veil import Veil

JUDGEABLE_VERSION = 1
LEAST_CONTRAST_TO_NOISE = 2.0
LEAST_ACROSS_PX = 4.0
LEAST_SECONDS = 10.0
LEAST_CONTRAST_KEPT = 0.25

_VISIBLE_OPACITY = 0.03
_REFERENCE_WIDTH_PX = 1280
_NEAR_PX = 40  # of a frame 1280 pixels wide, as is the next: the same angle in every frame
_STRONGEST = 200
_KOSCHMIEDER = 3.912  # optical depth over the meteorological visibility: 2 % of the contrast is left
_RAIN_PER_KM, _RAIN_POWER = 0.21, 0.74  # extinction of rain of 1 mm/h, and how it grows
_SNOW_PER_KM = 3.9  # of snow of 1 mm/h of water: about 1 km of sight
_LENS_VEIL = 0.85  # contrast lost where the lens is covered
_ON_THE_LENS = frozenset({"frost", "lens_dirt", "lens_drops", "web"})


@dataclass(frozen=True, slots=True)
class Source:
    """Whose plume it is: the household's roof ("" where none is meant), what happens there, and what burns."""

    rooftop: str = ""
    kind: Kind = "stove"
    fuel: Fuel = "none"


NOBODY = Source()


@dataclass(frozen=True, slots=True)
class PlumeTruth:
    """One plume in one frame. ``origin_px`` is the mouth (pixels as ``CameraPose`` counts them), hidden or not.

    ``size_px``: width and height of the box around opacity ≥ 3 %. ``area_px``: pixels whose grey level the plume
    changes by at least twice the noise. ``contrast_to_noise``: the mean change in noise units over the pixels that
    change most near the mouth (200 within 40 pixels of it where the frame is 1280 wide; the same angles in others).
    ``across_px``: the mean width, there, of what changes by at least the noise.
    """

    origin_px: tuple[float, float]
    opacity: float  # at the mouth, 0-1
    size_px: tuple[int, int]
    area_px: int
    contrast_to_noise: float
    across_px: float = 0.0
    source: Source = NOBODY

    @property
    def judgeable(self) -> bool:
        """Whether this frame shows enough of it to ask for a verdict (the module's definition)."""
        return self.contrast_to_noise >= LEAST_CONTRAST_TO_NOISE and self.across_px >= LEAST_ACROSS_PX


def judgeable_s(frames: Iterable[PlumeTruth | None], fps: float) -> float:
    """Seconds during which one plume was judgeable, of one camera's frames at ``fps``."""
    return sum(truth is not None and truth.judgeable for truth in frames) / fps


def measure_plume(
    lost: NDArray[np.floating],
    change: NDArray[np.floating],
    corner: tuple[int, int],
    frame_width: int,
    origin_px: tuple[float, float],
    opacity: float,
    source: Source = NOBODY,
) -> PlumeTruth:
    """Measures a plume inside a box of the frame whose top left pixel is ``corner`` (column, row).

    ``lost`` (h, w): share of the background's light that the plume takes, 0-1. ``change`` (h, w): how much it changes
    the grey level, in standard deviations of that pixel's noise in the delivered frame.
    """
    scale = frame_width / _REFERENCE_WIDTH_PX
    reach, count = max(round(_NEAR_PX * scale), 8), max(round(_STRONGEST * scale * scale), 16)
    rows, columns = np.nonzero(lost >= _VISIBLE_OPACITY)
    size = (int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1) if len(rows) else (0, 0)
    x, y = int(origin_px[0]) - corner[0], int(origin_px[1]) - corner[1]
    near = change[max(y - reach, 0) : max(y + reach, 0), max(x - reach, 0) : max(x + reach, 0)]
    flat = near.ravel()
    top = np.partition(flat, -count)[-count:] if flat.size > count else flat
    return PlumeTruth(
        origin_px,
        opacity,
        size,
        int((change >= 2).sum()),
        float(top.mean()) if top.size else 0.0,
        _across(near >= 1),
        source,
    )


def measure(
    veil: Veil,
    before: Picture,
    after: Picture,
    sensor: Sensor,
    origin: tuple[float, float],
    opacity: float,
    source: Source = NOBODY,
) -> PlumeTruth:
    """Measures a plume from what its box (h, w) would show without it and shows with it (luminance)."""
    change = np.abs(sensor.grey(after) - sensor.grey(before)) / sensor.level[veil.box]
    corner = veil.box[1].start, veil.box[0].start
    return measure_plume(1 - np.exp(-veil.depth), change, corner, sensor.level.shape[1], origin, opacity, source)


def unseen(origin: tuple[float, float], opacity: float, source: Source = NOBODY) -> PlumeTruth:
    """The truth of a plume that is nowhere in the frame."""
    return PlumeTruth(origin, opacity, (0, 0), 0, 0.0, 0.0, source)


def contrast_kept(happenings: Iterable[Happening], gateway: str, distance_m: float) -> float:
    """Share of an object's contrast (0-1) that fog, rain, snow and what is on the lens leave at a distance.

    ``happenings`` are those of one moment; ``gateway`` picks what befell its camera alone.
    """
    depth, kept = 0.0, 1.0
    for event in happenings:
        if event.gateway not in (None, gateway):
            continue
        if event.kind == "fog":
            depth += _KOSCHMIEDER * distance_m / max(event.strength, 1.0)
        elif event.kind == "rain":
            depth += _RAIN_PER_KM * event.strength**_RAIN_POWER * distance_m / 1000
        elif event.kind == "snow":
            depth += _SNOW_PER_KM * event.strength * distance_m / 1000
        elif event.kind in _ON_THE_LENS:
            kept *= 1 - _LENS_VEIL * min(event.strength, 1.0)
    return float(kept * np.exp(-depth))


def _across(shown: NDArray[np.bool_]) -> float:
    """Mean width of a shape: its area over the diagonal of its box."""
    rows, columns = np.nonzero(shown)
    return float(len(rows) / np.hypot(np.ptp(columns) + 1, np.ptp(rows) + 1)) if len(rows) else 0.0
