"""The true answers as data: what each camera could see of a plume, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.camera import Sensor
from simulator.filters import Picture
from simulator.veil import Veil

_VISIBLE_OPACITY = 0.03
_NEAR_PX = 40


@dataclass(frozen=True, slots=True)
class PlumeTruth:
    """One plume in one frame. ``origin_px`` is the mouth (pixels as ``CameraPose`` counts them), hidden or not.

    ``size_px``: width and height of the box around opacity ≥ 3 %. ``area_px``: pixels whose grey level the plume
    changes by at least twice the noise. ``contrast_to_noise``: the mean change in noise units over the 200 pixels
    (about 10 x 20) that change most within 40 px of the mouth.
    """

    origin_px: tuple[float, float]
    opacity: float  # at the mouth, 0-1
    size_px: tuple[int, int]
    area_px: int
    contrast_to_noise: float


def measure(
    veil: Veil, before: Picture, after: Picture, sensor: Sensor, origin: tuple[float, float], opacity: float
) -> PlumeTruth:
    """Measures a plume from what its box (h, w) would show without it and shows with it (luminance)."""
    lost = 1 - np.exp(-veil.depth)
    change = np.abs(sensor.grey(after) - sensor.grey(before)) / sensor.level[veil.box]
    rows, columns = np.nonzero(lost >= _VISIBLE_OPACITY)
    size = (int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1) if len(rows) else (0, 0)
    y, x = int(origin[1]) - veil.box[0].start, int(origin[0]) - veil.box[1].start
    near = change[max(y - _NEAR_PX, 0) : max(y + _NEAR_PX, 0), max(x - _NEAR_PX, 0) : max(x + _NEAR_PX, 0)].ravel()
    top = np.partition(near, -200)[-200:] if near.size > 200 else near
    return PlumeTruth(origin, opacity, size, int((change >= 2).sum()), float(top.mean()) if top.size else 0.0)


def unseen(origin: tuple[float, float], opacity: float) -> PlumeTruth:
    """The truth of a plume that is nowhere in the frame."""
    return PlumeTruth(origin, opacity, (0, 0), 0, 0.0)
