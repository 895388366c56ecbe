"""What a camera showed when something false was claimed, as one picture: for whoever wants to know what fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.frames import Image

Moment = tuple[float, Image]
_CROPS, _CROP_PX, _LARGER = 6, (120, 90), 2  # columns of the strip; width, height cut out; magnified so much
_BEFORE_S, _AFTER_S = 8.0, 4.0  # shown of the time around what was claimed
_TITLE_PX = 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """One detection: the camera, where it was said to begin, from when to when."""

    gateway: str
    origin_px: tuple[float, float]
    from_s: float
    to_s: float


def strip(moments: Sequence[Moment], claimed: Claimed, title: str) -> NDArray[np.uint8]:
    """Crops (grey, h, w) about the claimed origin from before it until it was said, and the whole frame below."""
    chosen = _spread(moments, claimed.from_s - _BEFORE_S, claimed.to_s + _AFTER_S)
    crops = []
    for t, image in chosen:
        large = cv2.resize(_crop(image, claimed.origin_px), None, fx=_LARGER, fy=_LARGER)
        crops.append(_written(np.asarray(large, np.uint8), f"{t - claimed.from_s:+.0f} s"))
    row = np.hstack(crops)
    whole = cv2.cvtColor(_grey(chosen[len(chosen) // 2][1]), cv2.COLOR_GRAY2BGR)
    x, y = (int(value) for value in claimed.origin_px)
    cv2.rectangle(whole, (x - 12, y - 12), (x + 12, y + 12), (255, 255, 255), 1)
    scale = row.shape[1] / whole.shape[1]
    below = cv2.resize(cv2.cvtColor(whole, cv2.COLOR_BGR2GRAY), None, fx=scale, fy=scale)[:, : row.shape[1]]
    head = _written(np.zeros((_TITLE_PX, row.shape[1]), np.uint8), title)
    return np.vstack([head, row, np.asarray(below, np.uint8)])


def write_strip(moments: Sequence[Moment], claimed: Claimed, title: str, path: Path) -> None:
    """The strip as a JPEG file; its folder is made. Raises ``OSError`` where it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), strip(moments, claimed, title)):
        raise OSError(f"{path}: this picture could not be written; is the disk full?")


def _spread(moments: Sequence[Moment], from_s: float, to_s: float) -> list[Moment]:
    """As many frames as there are crops, evenly over the time; a short one shows some twice."""
    inside = [moment for moment in moments if from_s <= moment[0] <= to_s] or list(moments[-1:])
    return [inside[round(place)] for place in np.linspace(0, len(inside) - 1, _CROPS)]


def _crop(image: Image, origin_px: tuple[float, float]) -> NDArray[np.uint8]:
    """A part of the frame about a place, moved inside where it reaches out; the plume stands above its origin."""
    width, height = _CROP_PX
    x = int(np.clip(origin_px[0] - width / 2, 0, image.shape[1] - width))
    y = int(np.clip(origin_px[1] - 0.65 * height, 0, image.shape[0] - height))
    return _grey(image)[y : y + height, x : x + width]


def _grey(image: Image) -> NDArray[np.uint8]:
    return np.asarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _written(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    cv2.putText(picture, text, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, cv2.LINE_AA)
    return picture
