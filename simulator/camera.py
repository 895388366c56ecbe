"""The image chain: luminance to electrons to a tone curve to grey levels, with noise, gain, shake and JPEG.

A small fast camera by night: automatic exposure sets the luminance ``white`` that half-fills the tone curve
255·sqrt(x / (1 + x)); shot noise of some 2200-5000 electrons there (after the camera's own noise reduction) and a
little read noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture, blur

_FIELDS, _MARGIN = 6, 96
_READ_ELECTRONS = 2.5
_BLACK_LEVEL, _WHITE_LEVEL = 14.0, 255.0  # grey levels of no light and of endless light


@dataclass(frozen=True, slots=True)
class Exposure:
    """``white``: luminance that gives x = 1 on the tone curve; ``electrons``: what a pixel collects there."""

    white: float
    electrons: float


def draw_exposure(still: Picture, rng: np.random.Generator) -> Exposure:
    """What automatic exposure makes of a still picture: the middle of the scene comes out dark grey."""
    middle = float(np.median(still))
    white = float(np.clip(middle / rng.uniform(0.045, 0.075), 0.12, 0.5))
    return Exposure(white, float(rng.uniform(2200, 5000)))


def tone(picture: Picture, exposure: Exposure) -> Picture:
    """Luminance to grey levels (0-255, not rounded), any shape."""
    root = np.sqrt(picture / (picture + np.float32(exposure.white)))
    return np.asarray(root * np.float32(_WHITE_LEVEL - _BLACK_LEVEL) + np.float32(_BLACK_LEVEL), np.float32)


def noise_level(picture: Picture, exposure: Exposure) -> Picture:
    """Standard deviation of a pixel's grey level (h, w), by the tone curve's slope: shot and read noise."""
    bright = np.maximum(picture.mean(axis=2) / exposure.white, 1e-4)
    electrons = np.sqrt(bright * exposure.electrons + _READ_ELECTRONS**2) / exposure.electrons
    slope = 0.5 * (_WHITE_LEVEL - _BLACK_LEVEL) / np.sqrt(bright) * (1 + bright) ** -1.5
    return np.asarray(np.minimum(slope * electrons, 12.0), np.float32)


class Sensor:
    """One camera's exposure and noise; one of the cached noise fields is laid at a random place each frame."""

    def __init__(self, exposure: Exposure, still: Picture, fields: list[Picture], rng: np.random.Generator) -> None:
        self.exposure = exposure
        self.level = noise_level(still, exposure)
        self._level_of_colours = cv2.merge([self.level] * 3)
        self._rng = rng
        self._fields = fields

    def grey(self, picture: Picture) -> Picture:
        """Grey levels of a luminance picture without noise."""
        return tone(picture, self.exposure)

    def expose(self, picture: Picture, shake_px: tuple[float, float], gain: float) -> NDArray[np.uint8]:
        """One frame (h, w, 3 uint8, blue first) of a luminance picture: :func:`tone` and noise in few passes."""
        shift = np.array([[1.0, 0.0, shake_px[0]], [0.0, 1.0, shake_px[1]]])
        moved = cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        white = self.exposure.white / gain
        root = cv2.sqrt(cv2.divide(moved, moved + np.float32(white)))
        height, width = self.level.shape
        y, x = self._rng.integers(0, _MARGIN, 2)
        field = self._fields[int(self._rng.integers(len(self._fields)))][y : y + height, x : x + width]
        noise = cv2.multiply(field, self._level_of_colours)
        frame = cv2.addWeighted(root, _WHITE_LEVEL - _BLACK_LEVEL, noise, 1.0, _BLACK_LEVEL, dtype=cv2.CV_8U)
        return np.asarray(frame, np.uint8)


def to_jpeg(frame: NDArray[np.uint8], quality: int = 85) -> bytes:
    """The frame as the camera's snapshot address gives it."""
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("a frame could not be compressed; it must be (h, w, 3) uint8")
    return data.tobytes()


def noise_fields(size: tuple[int, int], rng: np.random.Generator) -> list[Picture]:
    """Unit noise for frames of ``size`` (width, height), with a margin to move it about; cameras may share them.

    A little smeared by demosaicing; colour differs less than brightness and is coarser.
    """
    width, height = size[0] + _MARGIN, size[1] + _MARGIN
    fields = []
    for _ in range(_FIELDS):
        grain = blur(rng.standard_normal((height, width), np.float32), 0.55)
        grain /= grain.std()
        colour = blur(rng.standard_normal((height, width, 3), np.float32), 1.8)
        colour *= np.float32(0.35 / colour.std())
        fields.append(grain[..., None] + colour)
    return fields
