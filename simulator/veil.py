"""Plumes in a picture: how much light each pixel loses on the way through, and how much the plume throws in from lamps.

Radiative argument (single scattering): behind an optical depth τ a background L shows as L·exp(-τ) + S·(1 - exp(-τ)).
S is what a thick piece of plume would show: albedo × (lamp light × phase function + surroundings). The phase function
is Henyey-Greenstein; smoke g = 0.6, albedo 0.8; droplets g = 0.8, albedo 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log2, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture, grow
from simulator.light import lamp_candela, tint
from simulator.pinhole import Floats, Pinhole
from simulator.street import Lamp

_STAMPS, _STAMP_PX, _STAMP_SIGMA, _LEVELS = 12, 48, 8.0, 4
_COARSE = 4  # wide puffs are drawn on a grid this much coarser
_WIDE_PX = 7.0
_FAINTEST = 2e-5  # optical depth of a puff not worth drawing


@dataclass(frozen=True, slots=True)
class Matter:
    """Optical nature of a plume's particles."""

    albedo: float
    asymmetry: float


SMOKE = Matter(0.8, 0.6)
DROPLETS = Matter(1.0, 0.8)


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Puffs ready to draw: ``place`` (n, 3), Gaussian ``sigma_m``, extinction cross-section ``cross_m2``, ``source``
    radiance (n, 3) and which ``texture`` (0-1) each shows."""

    place: Floats
    sigma_m: Floats
    cross_m2: Floats
    source: Floats
    texture: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Veil:
    """Optical depth and thrown-in luminance (h, w) of colour ``tint`` inside ``box`` (rows, columns) of the frame."""

    box: tuple[slice, slice]
    depth: Picture
    glow: Picture
    tint: Picture

    def over(self, part_of_picture: Picture) -> None:
        """Lays the plume over its box (h, w, 3) of a luminance picture, in place."""
        kept = np.exp(-self.depth)
        for colour in range(3):
            part = part_of_picture[..., colour]
            part *= kept
            part += self.glow * self.tint[colour]


def source_radiance(matter: Matter, lamps: tuple[Lamp, ...], places: Floats, eye: Floats, ambient: float) -> Floats:
    """S of the module's argument for each place (n, 3), three colours, cd/m²."""
    onward = np.asarray(eye) - places
    onward = onward / np.linalg.norm(onward, axis=1, keepdims=True)
    total = np.full((len(places), 3), matter.albedo * ambient)
    g = matter.asymmetry
    for lamp in lamps:
        along = places - np.array(lamp.place)
        away = np.maximum(np.linalg.norm(along, axis=1), 1.0)
        along = along / away[:, None]
        lux = lamp_candela(lamp, -along[:, 2]) / away**2
        cosine = (along * onward).sum(axis=1)
        phase = (1 - g * g) / (4 * np.pi * (1 + g * g - 2 * g * cosine) ** 1.5)
        total += (matter.albedo * lux * phase)[:, None] * tint(lamp.colour)
    return np.asarray(total)


class Painter:
    """Draws clouds for one camera; ``depth_m`` (h, w) is how far the still scene lies behind each pixel."""

    def __init__(self, camera: Pinhole, depth_m: Picture, seed: int) -> None:
        self._camera = camera
        self._depth = depth_m
        self._stamps = _stamps(np.random.default_rng([seed, 0x5A]))

    def paint(self, cloud: Cloud) -> Veil | None:
        """The cloud as a veil, or None when nothing of it is in the frame."""
        pixels, away = self._camera.project(cloud.place)
        with np.errstate(invalid="ignore", divide="ignore"):
            per_metre = self._camera.focal_px / away
            sigma, cross = np.maximum(cloud.sigma_m * per_metre, 0.55), cloud.cross_m2 * per_metre**2
            reach = (3 * sigma + 2)[:, None]
            inside = (away > 2) & ((pixels > -reach) & (pixels < reach + self._camera.size)).all(axis=1)
            chosen = np.nonzero(inside & (cross / (2 * np.pi * sigma**2) > _FAINTEST))[0]
        if not len(chosen):
            return None
        box = self._box((pixels - reach)[chosen].min(axis=0), (pixels + reach)[chosen].max(axis=0))
        wide = sigma > _WIDE_PX
        scale = np.where(wide, 1 / _COARSE, 1.0)
        pixels = (pixels - (box[1].start, box[0].start)) * scale[:, None]
        sigma, cross_px, bright = sigma * scale, cross * scale**2, cloud.source.mean(axis=1)
        columns = (pixels[:, 0], pixels[:, 1], sigma, cross_px, away, bright, cloud.texture)
        fine, coarse = _Layers(self._depth[box]), _Layers(self._depth[box][::_COARSE, ::_COARSE])
        for puff, is_wide in zip(np.column_stack(columns)[chosen].tolist(), wide[chosen].tolist(), strict=True):
            self._stamp(coarse if is_wide else fine, *puff)
        if wide[chosen].any():
            fine.depth += grow(coarse.depth, fine.depth)
            fine.glow += grow(coarse.glow, fine.glow)
        seen = (1 - np.exp(-fine.depth)) / np.maximum(fine.depth, np.float32(1e-9))
        colour = np.asarray((cloud.source[chosen] * cross[chosen, None]).sum(axis=0), np.float32)
        return Veil(
            box,
            fine.depth,
            np.asarray(fine.glow * seen, np.float32),
            colour / colour.mean() if colour.any() else np.ones(3, np.float32),
        )

    def _box(self, low: Floats, high: Floats) -> tuple[slice, slice]:
        """Rows and columns between two pixels, inside the frame, on the coarse grid."""
        starts = np.maximum(low, 0) // _COARSE * _COARSE
        stops = np.minimum(-(-high // _COARSE) * _COARSE, self._camera.size)
        return slice(int(starts[1]), int(stops[1])), slice(int(starts[0]), int(stops[0]))

    def _stamp(
        self, to: _Layers, x: float, y: float, sigma: float, cross: float, away: float, bright: float, texture: float
    ) -> None:
        """Adds one puff of total optical area ``cross`` (px²) to the layers, except where the scene is nearer."""
        reach = int(3 * sigma + 1.5)
        height, width = to.depth.shape
        x0, y0 = max(int(x) - reach, 0), max(int(y) - reach, 0)
        x1, y1 = min(int(x) + reach + 1, width), min(int(y) + reach + 1, height)
        if x0 >= x1 or y0 >= y1:
            return
        level = min(max(int(log2(_STAMP_SIGMA / sigma)), 0), _LEVELS - 1)
        scale, turn = sigma / _STAMP_SIGMA * 2**level, texture * 50.0
        cosine, sine = scale * cos(turn), scale * sin(turn)
        half = _STAMP_PX / 2 ** (level + 1) - 0.5
        to_x, to_y = x - 0.5 - x0, y - 0.5 - y0
        move = np.array(
            [[cosine, -sine, to_x - cosine * half + sine * half], [sine, cosine, to_y - sine * half - cosine * half]]
        )
        stamp = self._stamps[level][int(texture * _STAMPS) % _STAMPS]
        patch = np.asarray(cv2.warpAffine(stamp, move, (x1 - x0, y1 - y0)), np.float32)
        patch *= np.float32(cross / scale**2)
        behind = to.behind[y0:y1, x0:x1]
        if behind.min() < away:
            patch *= behind > away
        to.depth[y0:y1, x0:x1] += patch
        patch *= np.float32(bright)
        to.glow[y0:y1, x0:x1] += patch


class _Layers:
    """Sums while painting: optical depth, and that x source radiance; ``behind`` is the still scene's distance."""

    def __init__(self, behind: Picture) -> None:
        self.behind = behind
        self.depth: Picture = np.zeros(behind.shape, np.float32)
        self.glow: Picture = np.zeros(behind.shape, np.float32)


def _stamps(rng: np.random.Generator) -> list[list[NDArray[np.float32]]]:
    """Lumpy Gaussian clouds of unit sum, each level half as large as the one before."""
    grid = np.arange(_STAMP_PX) - (_STAMP_PX - 1) / 2
    round_ = np.exp(-(grid[:, None] ** 2 + grid**2) / (2 * _STAMP_SIGMA**2)) * (
        np.hypot(grid[:, None], grid) < _STAMP_PX / 2
    )
    stamps = []
    for _ in range(_STAMPS):
        lumps = cv2.GaussianBlur(rng.standard_normal((_STAMP_PX, _STAMP_PX)), (0, 0), 3.5)
        stamp = round_ * np.exp(0.75 * lumps / lumps.std())
        stamps.append((stamp / stamp.sum()).astype(np.float32))
    levels = [stamps]
    for level in range(1, _LEVELS):
        side = _STAMP_PX >> level
        levels.append(
            [cv2.resize(stamp, (side, side), interpolation=cv2.INTER_AREA) * np.float32(4**level) for stamp in stamps]
        )
    return levels
