"""The street's surfaces as flat polygons: walls, roofs, chimneys, windows, far blocks. The raster adds the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulator.street import Block, Chimney, Lamp, Roof, Street

Surface = Literal["wall", "roof", "brick", "glass", "block", "pole"]
Corners = NDArray[np.float64]
_NO_CHIMNEY = Chimney((0.0, 0.0, 0.0), 0.0, False)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A convex polygon. ``glow`` is the luminance it emits (cd/m²); ``window`` numbers the windows that may switch."""

    corners: Corners  # (n, 3) metres
    normal: Corners  # (3,) outward
    albedo: float
    surface: Surface
    glow: tuple[float, float, float] = (0.0, 0.0, 0.0)
    window: int | None = None


def faces_of(street: Street) -> list[Face]:
    """All faces; windows come after the walls they sit in. Which windows are lit follows from the street's seed."""
    rng = np.random.default_rng([street.seed, 0xFA])
    faces: list[Face] = []
    windows = 0
    for roof in street.roofs:
        faces += _shell(roof)
        faces += _chimney(roof)
        for wall in (-1, 1):
            for storey in range(2 if roof.eave_m > 5 else 1):
                for across in (-0.32, 0.0, 0.32):
                    lit = rng.random() < 0.16
                    glow = _window_glow(rng) if lit else (0.0, 0.0, 0.0)
                    corners = _window(roof, across, wall, 1.1 + 2.8 * storey)
                    faces.append(
                        Face(corners, _normal(corners, roof.centre), 0.06, "glass", glow, windows if lit else None)
                    )
                    windows += lit
    for block in street.blocks:
        faces += _block(block, rng)
    for terminal in street.terminals:
        x, y, z = terminal.mouth
        low, half = (z - 0.9, 0.06) if terminal.out[2] > 0 else (z - 0.06, 0.06)
        faces += _box((x, y), half, low, z if terminal.out[2] > 0 else z + 0.06, 0.4, "pole")
    for lamp in street.lamps:
        if lamp.place[2] > 4:
            faces += _pole(lamp)
    return faces


def _window_glow(rng: np.random.Generator) -> tuple[float, float, float]:
    level = float(rng.uniform(0.4, 2.5))  # curtained rooms, cd/m²
    warm = float(rng.uniform(0.5, 1.0))
    return level * 1.15, level, level * warm


def _normal(corners: Corners, middle: tuple[float, float], height: float | None = None) -> Corners:
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    normal = normal / np.linalg.norm(normal)
    centre = np.array([*middle, corners[:, 2].mean() if height is None else height])
    return np.asarray(-normal if normal @ (corners.mean(axis=0) - centre) < 0 else normal)


def _face(points: list[tuple[float, float, float]], house: Roof, albedo: float, surface: Surface, inner: float) -> Face:
    corners = np.array(points)
    return Face(corners, _normal(corners, house.centre, inner), albedo, surface)


def _shell(roof: Roof) -> list[Face]:
    at, eave, ridge, inner = roof.at, roof.eave_m, roof.ridge_m, roof.eave_m / 2
    ring = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    faces = []
    for (a, b), (c, d) in zip(ring, ring[1:] + ring[:1], strict=True):
        quad = [at(a, b, 0.0), at(c, d, 0.0), at(c, d, eave), at(a, b, eave)]
        faces.append(_face(quad, roof, roof.albedo, "wall", inner))
    if ridge == eave:
        faces.append(_face([at(1.03 * a, 1.03 * b, eave) for a, b in ring], roof, 0.2, "roof", inner))
        return faces
    for side in (-1, 1):  # the eaves reach out a little over the long walls
        slope = [
            at(-0.52, side * 0.55, eave - 0.1),
            at(0.52, side * 0.55, eave - 0.1),
            at(0.52, 0, ridge),
            at(-0.52, 0, ridge),
        ]
        faces.append(_face(slope, roof, 0.13, "roof", inner))
        gable = [at(side * 0.5, -0.5, eave), at(side * 0.5, 0.5, eave), at(side * 0.5, 0, ridge)]
        faces.append(_face(gable, roof, roof.albedo, "wall", inner))
    return faces


def _box(
    middle: tuple[float, float], half: float, low: float, high: float, albedo: float, surface: Surface
) -> list[Face]:
    x, y = middle
    ring = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    faces = []
    for (a, b), (c, d) in zip(ring, ring[1:] + ring[:1], strict=True):
        corners = np.array([(a, b, low), (c, d, low), (c, d, high), (a, b, high)])
        faces.append(Face(corners, _normal(corners, middle), albedo, surface))
    top = np.array([(*corner, high) for corner in ring])
    return [*faces, Face(top, np.array([0.0, 0.0, 1.0]), albedo * 0.6, surface)]


def _chimney(roof: Roof) -> list[Face]:
    x, y, top = roof.chimney.mouth
    return _box((x, y), 0.10 + roof.chimney.flue_m / 2, roof.eave_m, top, 0.22, "brick")


def _pole(lamp: Lamp) -> list[Face]:
    return _box(lamp.place[:2], 0.07, 0.0, lamp.place[2] + 0.15, 0.3, "pole")


def _window(roof: Roof, across: float, wall: int, sill: float) -> Corners:
    half, out = 0.75 / roof.width_m, wall * (0.5 + 0.03 / roof.depth_m)
    return np.array(
        [
            roof.at(across - half, out, sill), roof.at(across + half, out, sill),
            roof.at(across + half, out, sill + 1.4), roof.at(across - half, out, sill + 1.4),
        ]
    )  # fmt: skip


def _block(block: Block, rng: np.random.Generator) -> list[Face]:
    shape = Roof(
        "",
        "",
        block.centre,
        block.width_m,
        block.depth_m,
        block.turn_rad,
        block.height_m,
        block.height_m,
        _NO_CHIMNEY,
        0.3,
    )
    faces = [Face(face.corners, face.normal, face.albedo, "block") for face in _shell(shape)]
    rooms, storeys = int(block.width_m / 4), int(block.height_m / 3)
    for wall in (-1, 1):
        for room in range(rooms):
            for storey in range(storeys):
                if rng.random() < 0.14:
                    corners = _window(shape, (room + 0.5) / rooms - 0.5, wall, 0.9 + 3 * storey)
                    faces.append(Face(corners, _normal(corners, block.centre), 0.06, "glass", _window_glow(rng)))
    return faces
