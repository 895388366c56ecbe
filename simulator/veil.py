"""Plumes in a picture: how much light each pixel loses on the way through, and how much the plume throws in from lamps.

Radiative argument (single scattering): behind an optical depth τ a background L shows as L·exp(-τ) + S·(1 - exp(-τ)).
S is what a thick piece of plume would show: albedo × (lamp light × phase function + surroundings). The phase function
is Henyey-Greenstein; smoke g = 0.6, albedo 0.8; droplets g = 0.8, albedo 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture
from simulator.light import lamp_candela, tint
from simulator.pinhole import Floats, Pinhole
from simulator.street import Lamp

_STAMPS, _STAMP_PX, _STAMP_SIGMA, _LEVELS = 12, 48, 8.0, 4
_COARSE = 4  # wide puffs are drawn on a grid this much coarser
_WIDE_PX = 7.0


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
    """Optical depth (h, w) and thrown-in luminance (h, w, 3) inside ``box`` (rows, columns) of the frame."""

    box: tuple[slice, slice]
    depth: Picture
    glow: Picture

    def over(self, picture: Picture) -> None:
        """Lays the plume over a luminance picture, in place."""
        picture[self.box] *= cv2.exp(-self.depth)[..., None]
        picture[self.box] += self.glow


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
        self._depth_coarse = depth_m[_COARSE // 2 :: _COARSE, _COARSE // 2 :: _COARSE]
        self._stamps = _stamps(np.random.default_rng([seed, 0x5A]))

    def paint(self, clouds: list[Cloud]) -> Veil | None:
        """All clouds as one veil, or None when nothing of them is in the frame."""
        width, height = self._camera.size
        place = np.concatenate([cloud.place for cloud in clouds])
        pixels, away = self._camera.project(place)
        with np.errstate(invalid="ignore"):
            sigma = np.concatenate([cloud.sigma_m for cloud in clouds]) * self._camera.focal_px / away
            reach = 3 * sigma + 2
            inside = (
                (away > 2)
                & (pixels > -reach[:, None]).all(axis=1)
                & (pixels < reach[:, None] + (width, height)).all(axis=1)
            )
        cross = np.concatenate([cloud.cross_m2 for cloud in clouds]) * (self._camera.focal_px / away) ** 2
        chosen = np.nonzero(inside & (cross / (2 * np.pi * sigma**2) > 2e-5))[0]
        if not len(chosen):
            return None
        low, high = (pixels - reach[:, None])[chosen].min(axis=0), (pixels + reach[:, None])[chosen].max(axis=0)
        x0, y0 = (np.maximum(low, 0) // _COARSE * _COARSE).astype(int)
        x1, y1 = (np.minimum(-(-high // _COARSE) * _COARSE, (width, height))).astype(int)
        source = np.concatenate([cloud.source for cloud in clouds])
        texture = np.concatenate([cloud.texture for cloud in clouds])
        wide = sigma > _WIDE_PX
        fine = np.zeros((y1 - y0, x1 - x0, 4), np.float32)
        coarse = np.zeros(((y1 - y0) // _COARSE, (x1 - x0) // _COARSE, 4), np.float32)
        for index in chosen:
            values = (pixels[index], float(sigma[index]), float(cross[index]), source[index], float(texture[index]))
            if wide[index]:
                scaled = (values[0] - (x0, y0)) / _COARSE, values[1] / _COARSE, values[2] / _COARSE**2, *values[3:]
                behind = self._depth_coarse[y0 // _COARSE : y1 // _COARSE, x0 // _COARSE : x1 // _COARSE]
                self._stamp(coarse, behind, float(away[index]), *scaled)
            else:
                self._stamp(fine, self._depth[y0:y1, x0:x1], float(away[index]), values[0] - (x0, y0), *values[1:])
        if wide[chosen].any():
            fine += cv2.resize(coarse, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        depth = np.ascontiguousarray(fine[..., 0])
        seen = (1 - cv2.exp(-depth)) / np.maximum(depth, 1e-9)
        return Veil((slice(y0, y1), slice(x0, x1)), depth, fine[..., 1:] * seen[..., None])

    def _stamp(
        self,
        layer: Picture,
        behind: Picture,
        away: float,
        middle: Floats,
        sigma: float,
        cross: float,
        source: Floats,
        texture: float,
    ) -> None:
        """Adds one puff of total optical area ``cross`` (px²) to a layer of (depth, depth x source)."""
        reach = int(3 * sigma + 1.5)
        x0, y0 = max(int(middle[0]) - reach, 0), max(int(middle[1]) - reach, 0)
        x1, y1 = min(int(middle[0]) + reach + 1, layer.shape[1]), min(int(middle[1]) + reach + 1, layer.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        sigma = max(sigma, 0.55)
        level = int(np.clip(np.log2(_STAMP_SIGMA / sigma), 0, _LEVELS - 1))
        scale, turn = sigma / _STAMP_SIGMA * 2**level, texture * 50.0
        cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
        half = _STAMP_PX / 2 ** (level + 1) - 0.5
        shift_x, shift_y = middle[0] - 0.5 - x0, middle[1] - 0.5 - y0
        to_layer = np.array(
            [
                [cosine, -sine, shift_x - cosine * half + sine * half],
                [sine, cosine, shift_y - sine * half - cosine * half],
            ]
        )
        stamp = self._stamps[level][int(texture * _STAMPS) % _STAMPS]
        patch = cv2.warpAffine(stamp, to_layer, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        patch *= cross / scale**2
        patch *= behind[y0:y1, x0:x1] > away
        layer[y0:y1, x0:x1, 0] += patch
        layer[y0:y1, x0:x1, 1:] += patch[..., None] * source.astype(np.float32)


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
