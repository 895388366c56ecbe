"""What an installer wants to know of a camera's last frames: is it sharp, is there light, how much noise. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames import Image

_SPOT_SHARE = 0.12  # of the frame's width: the spot's side


@dataclass(frozen=True, slots=True)
class Meter:
    """``focus`` is comparable only within one scene: turn the lens until it is greatest. Levels are 0-255."""

    focus: float  # fine structure of the spot in grey levels, its noise taken off
    level: float  # mean of the spot
    black_level: float  # of the whole frame: what nothing shines on
    noise: float  # from frame to frame, one standard deviation of a pixel
    dark_share: float  # of the whole frame: as good as black
    bright_share: float  # of the whole frame: blinded
    frames: int


def spot_of(size: tuple[int, int], x: float, y: float) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the square around a point, inside a frame of (width, height)."""
    side = max(16, round(_SPOT_SHARE * size[0]))
    side = min(side, *size)
    x0 = min(max(round(x - side / 2), 0), size[0] - side)
    y0 = min(max(round(y - side / 2), 0), size[1] - side)
    return x0, y0, x0 + side, y0 + side


def measure(frames: Sequence[Image], x: float, y: float) -> Meter:
    """``frames``: the newest last, grey (H, W) of one size, at least one."""
    newest = frames[-1]
    x0, y0, x1, y1 = spot_of((newest.shape[1], newest.shape[0]), x, y)
    spots = np.stack([frame[y0:y1, x0:x1] for frame in frames]).astype(np.float32)
    noise = _noise(spots)
    fine = spots[-1] - cv2.GaussianBlur(spots[-1], (0, 0), 1.5)
    focus = float(np.sqrt(max(0.0, float(np.mean(fine**2)) - noise**2)))
    sample = newest[::4, ::4]
    return Meter(
        focus=round(focus, 2),
        level=round(float(spots[-1].mean()), 1),
        black_level=round(float(np.percentile(sample, 1)), 1),
        noise=round(noise, 2),
        dark_share=round(float(np.mean(sample < 8)), 3),
        bright_share=round(float(np.mean(sample > 250)), 3),
        frames=len(frames),
    )


def _noise(spots: NDArray[np.float32]) -> float:
    """One pixel's standard deviation in time; what moves through the spot counts little, for it is the median."""
    if len(spots) < 2:
        return 0.0
    even = spots - spots.mean(axis=(1, 2), keepdims=True)  # the exposure's own steps are no noise
    return float(np.median(even.std(axis=0, ddof=1)))
