"""The image chain: luminance to electrons to a tone curve to grey levels, with lens, noise, gain, shake and JPEG.

A small fast camera by night: automatic exposure sets the luminance ``white`` that half-fills the tone curve
255·sqrt(x / (1 + x)); shot noise of some 2200-5000 electrons there, read noise, and rows that differ a little. The lens
loses light towards the corners (cos⁴). Then what cheap cameras do: each frame is averaged with the last where nothing
seems to move (what moves leaves a ghost and keeps its noise), and edges are sharpened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture, blur
from simulator.pinhole import Floats

_FIELDS, _MARGIN = 6, 96
_READ_ELECTRONS = 2.5
_BLACK_LEVEL, _WHITE_LEVEL = 14.0, 255.0  # grey levels of no light and of endless light
_FRAMES_A_SECOND = 25.0  # at which the camera itself averages, whatever we take of it
_GAIN_STEPS = 140
_ROWS = 0.12  # rows' own noise, share of the pixels'
_READOUT_S = 0.012, 0.033  # small CMOS sensors: from 80 to 30 frames a second read one after the other
_SKEW_PX = 0.1  # a difference of shift between rows from which it is drawn


Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Exposure:
    """``white``: luminance that gives x = 1 on the tone curve; ``electrons``: what a pixel collects there."""

    white: float
    electrons: float


@dataclass(frozen=True, slots=True)
class Habits:
    """What the camera does to its own frames. ``averages``: the share of each new frame in its running mean at 25
    frames a second (1: none); ``sharpens``: how far edges are overdrawn; ``corners``: light lost in the corners;
    ``readout_s``: how much later the lowest row is read than the first (rolling shutter)."""

    averages: float = 1.0
    sharpens: float = 0.0
    corners: float = 0.0
    readout_s: float = 0.0

    def ghost(self, fps: float) -> float:
        """Share of the frame before in the running mean, when only ``fps`` frames a second are looked at."""
        return float((1 - self.averages) ** (_FRAMES_A_SECOND / fps))


def draw_exposure(still: Picture, rng: np.random.Generator) -> Exposure:
    """What automatic exposure makes of a still picture: the middle of the scene comes out dark grey."""
    middle = float(np.median(still))
    white = float(np.clip(middle / rng.uniform(0.045, 0.075), 0.12, 0.5))
    return Exposure(white, float(rng.uniform(2200, 5000)))


def draw_habits(rng: np.random.Generator) -> Habits:
    """Cameras of different makers."""
    averages, sharpens, corners = rng.uniform(0.08, 0.4), rng.uniform(0.0, 0.5), rng.uniform(0.05, 0.3)
    return Habits(float(averages), float(sharpens), float(corners), float(rng.uniform(*_READOUT_S)))


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
    """One camera's exposure and noise; one of the cached noise fields is laid at a random place each frame.

    :attr:`level` is the noise of the frames as they are delivered, where nothing moves.
    """

    def __init__(
        self, exposure: Exposure, still: Picture, fields: list[Picture], rng: np.random.Generator,
        habits: Habits = Habits(), fps: float = 2.0,
    ) -> None:  # fmt: skip
        self.exposure, self.habits = exposure, habits
        self.level = noise_level(still, exposure)
        self._rng = rng
        self._ghost = habits.ghost(fps)
        self._before: NDArray[np.uint8] | None = None
        self._known: tuple[Picture, float, Picture] | None = None  # a base picture, a gain, its tone curve
        colours = still.shape[2]
        white = np.repeat(_corners(self.level.shape, habits.corners)[..., None], colours, axis=2) * exposure.white
        self._white: Picture = white.astype(np.float32)
        self._fields = [field if colours == 3 else field.mean(axis=2, keepdims=True) for field in fields]
        raw = self._fields[0] / np.float32(self._fields[0].mean(axis=2).std())
        kept = np.sqrt((1 - self._ghost) / (1 + self._ghost)) * _sharper(raw, habits.sharpens).std() / raw.std()
        self._unit = np.repeat(self.level[..., None], colours, axis=2) / np.float32(kept)
        # averaged noise stays below this; what differs by more is taken for movement
        self._still_below = float(np.clip(4.5 * np.median(self._unit), 4, 40))

    def grey(self, picture: Picture) -> Picture:
        """Grey levels of a luminance picture without noise."""
        return tone(picture, self.exposure)

    def expose(
        self, picture: Picture, shake_px: Floats | tuple[float, float], gain: float, base: Picture | None = None,
        touched: Sequence[Box] = (),
    ) -> NDArray[np.uint8]:  # fmt: skip
        """One frame (h, w, 1 or 3 uint8, blue first) of a luminance picture.

        ``shake_px`` is the shift right and down of the whole, or (n, 2) those of rows evenly spaced from top to bottom.

        Where ``base`` is given, the picture differs from it in the ``touched`` boxes only, and the rest is reused.
        Gain moves in steps of half a percent, as a camera's does.
        """
        gain = 2 ** (round(log2(gain) * _GAIN_STEPS) / _GAIN_STEPS)
        height, width = self.level.shape
        y, x = self._rng.integers(0, _MARGIN, 2)
        field = self._fields[int(self._rng.integers(len(self._fields)))][y : y + height, x : x + width]
        root = _shaken(self._curve(picture, gain, base, touched), np.asarray(shake_px, np.float64).reshape(-1, 2))
        noise = cv2.multiply(field, self._unit)
        new = cv2.addWeighted(root, _WHITE_LEVEL - _BLACK_LEVEL, noise, 1.0, _BLACK_LEVEL, dtype=cv2.CV_8U)
        frame = self._averaged(np.asarray(new, np.uint8).reshape(picture.shape))
        return np.asarray(_sharper(frame, self.habits.sharpens), np.uint8)

    def _curve(self, picture: Picture, gain: float, base: Picture | None, touched: Sequence[Box]) -> Picture:
        """The tone curve, 0-1."""
        everything = np.s_[:, :]
        if base is None:
            return self._curve_of(picture, gain, everything)
        if self._known is None or self._known[0] is not base or self._known[1] != gain:
            self._known = base, gain, self._curve_of(base, gain, everything)
        curve = self._known[2].copy()
        for box in touched:
            curve[box] = self._curve_of(picture[box], gain, box)
        return curve

    def _curve_of(self, part: Picture, gain: float, box: Box) -> Picture:
        full = cv2.scaleAdd(np.ascontiguousarray(self._white[box]), 1 / gain, np.ascontiguousarray(part))
        return np.asarray(cv2.sqrt(cv2.divide(np.ascontiguousarray(part), full)), np.float32).reshape(part.shape)

    def _averaged(self, new: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._ghost < 0.02:
            return new
        frame = new
        if self._before is not None:
            differs = cv2.absdiff(new, self._before)
            moving = cv2.threshold(differs, self._still_below, 255, cv2.THRESH_BINARY)[1]
            mixed = cv2.addWeighted(new, 1 - self._ghost, self._before, self._ghost, 0)
            frame = np.asarray(cv2.copyTo(new, moving, mixed), np.uint8).reshape(new.shape)
        self._before = frame
        return frame


def to_jpeg(frame: NDArray[np.uint8], quality: int = 85) -> bytes:
    """The frame as the camera's snapshot address gives it."""
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("a frame could not be compressed; it must be (h, w, 3) or (h, w, 1) uint8")
    return data.tobytes()


def noise_fields(size: tuple[int, int], rng: np.random.Generator) -> list[Picture]:
    """Unit noise for frames of ``size`` (width, height), with a margin to move it about; cameras may share them.

    A little smeared by demosaicing; colour differs less than brightness and is coarser; whole rows differ a little.
    """
    width, height = size[0] + _MARGIN, size[1] + _MARGIN
    fields = []
    for _ in range(_FIELDS):
        grain = blur(rng.standard_normal((height, width), np.float32), 0.55)
        grain /= grain.std()
        colour = blur(rng.standard_normal((height, width, 3), np.float32), 1.8)
        colour *= np.float32(0.35 / colour.std())
        rows = np.float32(_ROWS) * rng.standard_normal((height, 1, 1), np.float32)
        fields.append(grain[..., None] + colour + rows)
    return fields


def _shaken(picture: Picture, shifts_px: Floats) -> Picture:
    """The picture moved by one shift or, where rows differ enough (n, 2: top to bottom), each row by its own."""
    if np.ptp(shifts_px, axis=0).max() < _SKEW_PX:
        x, y = shifts_px.mean(axis=0)
        return _moved(picture, float(x), float(y))
    height, width = picture.shape[:2]
    places = np.linspace(0, height - 1, len(shifts_px))
    x, y = (np.interp(np.arange(height), places, shifts_px[:, axis]).astype(np.float32) for axis in range(2))
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(
        picture, columns - x[:, None], rows - y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32).reshape(picture.shape)


def _moved(picture: Picture, x: float, y: float) -> Picture:
    """The picture moved right and down, by linear interpolation; its border is repeated."""
    if max(abs(x), abs(y)) <= 1:  # usual, and as a small filter three times as fast
        right, down = (np.array([max(by, 0.0), 1 - abs(by), max(-by, 0.0)]) for by in (x, y))
        moved = cv2.sepFilter2D(picture, cv2.CV_32F, right, down, borderType=cv2.BORDER_REPLICATE)
    else:
        shift = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
        moved = cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32).reshape(picture.shape)


def _sharper(picture: NDArray[Any], strength: float) -> NDArray[Any]:
    """Unsharp mask of 3 x 3 pixels."""
    if strength <= 0:
        return picture
    soft = cv2.blur(picture, (3, 3))
    return np.asarray(cv2.addWeighted(picture, 1 + strength, soft, -strength, 0)).reshape(picture.shape)


def _corners(shape: tuple[int, ...], lost: float) -> Picture:
    """How much more light a pixel needs for the same level: 1 in the middle, 1 / (1 - lost) in the corners."""
    down, across = (np.linspace(-1, 1, size, dtype=np.float32) ** 2 for size in shape[:2])
    return np.asarray(1 / (1 - lost * (down[:, None] + across) / 2), np.float32)
