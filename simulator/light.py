"""Luminance of the still street by night (cd/m²): lamps with shadows, sky glow, lit windows, haze, lens glare.

Argument: a street lamp of some 3000 lm gives 10-20 lux below it, so asphalt shows about 0.5 cd/m² and a lit wall more;
the sky over a lit town in winter haze is 0.01-0.04 cd/m²; unlit roofs reflect that sky and stray lamp light only.
Surfaces are Lambertian, lamps are points, houses cast shadows as their bounding boxes, air adds a little haze.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.pinhole import Floats
from simulator.raster import GROUND, SKY, View
from simulator.scenery import Face
from simulator.street import Lamp, Roof, Street

Picture = NDArray[np.float32]

_REACH_M = 45.0  # beyond this one lamp adds less than 0.01 lux to a surface
_HAZE_PER_M = 1 / 1800.0
GREYNESS = 0.55  # how much night colour the camera takes away


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """``still``: luminance without what switches (h, w, 3: blue, green, red); ``windows``: what each window adds where."""

    still: Picture
    windows: tuple[tuple[tuple[slice, slice], Picture], ...]
    sky: float


def sky_glow(street: Street) -> float:
    """Luminance of the sky near the horizon, cd/m²: town light scattered by haze."""
    return float(np.random.default_rng([street.seed, 0x51]).uniform(0.012, 0.035))


def tint(colour: tuple[float, float, float]) -> Floats:
    """A lamp's colour as the camera shows it, blue first: mostly grey, one unit of luminance."""
    bgr = np.array(colour[::-1], dtype=np.float32)
    bgr = GREYNESS + (1 - GREYNESS) * bgr / bgr.mean()
    return bgr / bgr.mean()


def lamp_candela(lamp: Lamp, down: Floats) -> Floats:
    """Luminous intensity towards directions whose downward cosine is ``down``: a wide beam plus stray light all round."""
    return np.asarray(lamp.candela * (lamp.spill + (1 - lamp.spill) * np.clip(down, 0, None) ** 0.6))


def illuminance(lamps: tuple[Lamp, ...], points: Floats) -> Floats:
    """Light reaching small bodies in free air, lux through their cross-section, one row of three colours a point.

    Shadows are left out: plumes rise above the roofs that could cast them.
    """
    total = np.zeros((len(points), 3))
    for lamp in lamps:
        to = np.asarray(points, dtype=np.float64) - np.array(lamp.place)
        squared = np.maximum((to**2).sum(axis=1), 1.0)
        lux = lamp_candela(lamp, -to[:, 2] / np.sqrt(squared)) / squared
        total += lux[:, None] * tint(lamp.colour)
    return total


def light_street(street: Street, faces: list[Face], view: View) -> Lit:
    """The still picture of one camera."""
    rng = np.random.default_rng([street.seed, 0x11])
    sky = sky_glow(street)
    albedo, normal = _surfaces(street, faces, view, rng)
    still = (albedo * 0.5 * sky * (1.2 + normal[..., 2]))[..., None] * np.ones(3, np.float32)
    still = still.astype(np.float32)
    for lamp in street.lamps:
        _add_lamp(still, lamp, street.roofs, view, albedo, normal)
    still += _bounced(still)
    _add_sky(still, view, sky)
    windows = _windows(still, faces, view)
    away = view.depth_m
    clear = np.exp(-np.minimum(away, 2000.0) * _HAZE_PER_M)[..., None]
    still = still * clear + sky * 0.9 * (1 - clear)
    _add_bulbs(still, street.lamps + street.far_lights, view)
    return Lit(_lens(still), tuple(windows), sky)


def _surfaces(street: Street, faces: list[Face], view: View, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """Albedo (h, w) with texture, and normals (h, w, 3)."""
    rough = cv2.GaussianBlur(rng.standard_normal((512, 512)).astype(np.float32), (0, 0), 1.2)
    rough += 2.5 * cv2.GaussianBlur(rng.standard_normal((512, 512)).astype(np.float32), (0, 0), 8)
    rough /= rough.std()
    albedos = np.array([*(face.albedo for face in faces), 0.0, 0.14], np.float32)  # ..., SKY, GROUND
    normals = np.array([*(face.normal for face in faces), (0, 0, 0), (0, 0, 1)], np.float32)
    kinds = {"wall": 0.12, "roof": 0.3, "brick": 0.25, "glass": 0.0, "block": 0.05, "pole": 0.0}
    contrast = np.array([*(kinds[face.surface] for face in faces), 0.0, 0.15], np.float32)
    x, y, z = (view.place[..., axis] for axis in range(3))
    across = y * np.cos(street.turn_rad) - x * np.sin(street.turn_rad)
    along = x * np.cos(street.turn_rad) + y * np.sin(street.turn_rad)
    paved = np.zeros(x.shape, bool)
    for alley in street.alleys_m:
        paved |= np.abs(across - alley) < 2.1
    paved &= (view.face == GROUND) & (np.abs(along) < street.half_length_m + 40)
    texture = rough[
        (np.int32(6 * (y + 0.3 * x)) + np.int32(6 * z)) % 512, (np.int32(6 * (x - 0.3 * y)) - np.int32(3 * z)) % 512
    ]
    albedo = albedos[view.face] * np.clip(1 + contrast[view.face] * texture, 0.3, 2.0)
    albedo[paved] = 0.2 * (1 + 0.05 * texture[paved])
    return albedo.astype(np.float32), normals[view.face]


def _add_lamp(
    still: Picture, lamp: Lamp, roofs: tuple[Roof, ...], view: View, albedo: Picture, normal: Picture
) -> None:
    x, y, z = (view.place[..., axis] for axis in range(3))
    east, north, up = (np.float32(value) for value in lamp.place)
    near = (np.abs(x - east) < _REACH_M) & (np.abs(y - north) < _REACH_M) & (view.face != SKY)
    rows, columns = np.nonzero(near)
    to = np.stack([east - x[near], north - y[near], up - z[near]])
    squared = np.maximum(to[0] ** 2 + to[1] ** 2 + to[2] ** 2, 0.05)
    reach = np.sqrt(squared)
    facing = normal[near].T
    cosine = (to[0] * facing[0] + to[1] * facing[1] + to[2] * facing[2]) / reach
    lux = lamp_candela(lamp, to[2] / reach) * np.clip(cosine, 0, None) / squared
    bright = lux > 0.012
    rows, columns, lux = rows[bright], columns[bright], lux[bright]
    points = np.array(lamp.place, np.float32)[:, None] - to[:, bright] + 0.06 * facing[:, bright]
    houses = [roof for roof in roofs if np.hypot(roof.centre[0] - east, roof.centre[1] - north) < _REACH_M]
    lux[_shadowed(points, lamp, houses)] = 0
    still[rows, columns] += (albedo[rows, columns] * lux / np.pi)[:, None] * tint(lamp.colour)


def _shadowed(points: Picture, lamp: Lamp, roofs: list[Roof]) -> NDArray[np.bool_]:
    """Whether a house's walls stand between each point (3, n) and the lamp (slab test in the house's own axes)."""
    dark = np.zeros(points.shape[1], bool)
    for roof in roofs:
        cosine, sine = np.float32(np.cos(roof.turn_rad)), np.float32(np.sin(roof.turn_rad))
        enter, leave = np.zeros(len(dark), np.float32), np.ones(len(dark), np.float32)
        x, y = points[0] - np.float32(roof.centre[0]), points[1] - np.float32(roof.centre[1])
        lamp_x, lamp_y = lamp.place[0] - roof.centre[0], lamp.place[1] - roof.centre[1]
        slabs = (
            (cosine * x + sine * y, cosine * lamp_x + sine * lamp_y, roof.width_m / 2),
            (cosine * y - sine * x, cosine * lamp_y - sine * lamp_x, roof.depth_m / 2),
            (points[2] - np.float32(roof.eave_m / 2), lamp.place[2] - roof.eave_m / 2, roof.eave_m / 2),
        )
        for start, end, half in slabs:
            step = np.float32(end) - start
            step[np.abs(step) < 1e-6] = 1e-6
            wall = np.float32(half - 0.02)
            one, two = (-wall - start) / step, (wall - start) / step
            np.maximum(enter, np.minimum(one, two), out=enter)
            np.minimum(leave, np.maximum(one, two), out=leave)
        dark |= enter < leave
    return dark


def _bounced(still: Picture) -> Picture:
    """Light that lit surfaces throw on their neighbours: a wide blur stands for it."""
    small = cv2.resize(still, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    wide = cv2.GaussianBlur(small, (0, 0), 9)
    return np.asarray(0.06 * cv2.resize(wide, still.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _add_sky(still: Picture, view: View, sky: float) -> None:
    rays = view.camera.rays()
    up = np.clip(rays[..., 2] / np.linalg.norm(rays, axis=2), 0, 1)
    glow = sky * (0.45 + 0.55 * np.exp(-up / 0.12))
    still[view.face == SKY] = (glow[..., None] * np.array([1.0, 0.99, 1.01], np.float32))[view.face == SKY]


def _windows(still: Picture, faces: list[Face], view: View) -> list[tuple[tuple[slice, slice], Picture]]:
    """Adds the windows that never switch; returns the others as patches, softened by the lens."""
    patches = []
    for index, face in enumerate(faces):
        if not any(face.glow):
            continue
        rows, columns = np.nonzero(view.face == index)
        if not len(rows):
            continue
        glow = np.array(face.glow[::-1], np.float32)
        if face.window is None:
            still[rows, columns] += glow
            continue
        box = (slice(max(rows.min() - 4, 0), rows.max() + 5), slice(max(columns.min() - 4, 0), columns.max() + 5))
        patch = np.zeros((*still[box].shape,), np.float32)
        patch[rows - box[0].start, columns - box[1].start] = glow
        patches.append((box, cv2.GaussianBlur(patch, (0, 0), 0.8)))
    return patches


def _add_bulbs(still: Picture, lamps: tuple[Lamp, ...], view: View) -> None:
    """The lamps' own bright heads, where nothing hides them."""
    for lamp in lamps:
        pixel, depth = view.camera.project(np.array([lamp.place]))
        if depth[0] <= 1 or not (0 <= pixel[0, 0] < still.shape[1] and 0 <= pixel[0, 1] < still.shape[0]):
            continue
        x, y = int(pixel[0, 0]), int(pixel[0, 1])
        if view.depth_m[y, x] < depth[0] - 0.5:
            continue
        radius = max(1.0, 0.13 * view.camera.focal_px / float(depth[0]))
        spot = np.zeros(still.shape[:2], np.float32)
        cv2.circle(spot, (round(x * 16), round(y * 16)), round(radius * 16), 1.0, -1, cv2.LINE_8, 4)
        still += spot[..., None] * (0.35 * lamp.candela * tint(lamp.colour)).astype(np.float32)


def _lens(still: Picture) -> Picture:
    """A sharp core plus the wide veil that dirty glass and air spread around bright lamps (halos)."""
    core = cv2.GaussianBlur(still, (0, 0), 0.75)
    half = cv2.resize(still, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    veil = sum(
        weight * cv2.GaussianBlur(half, (0, 0), sigma) for weight, sigma in ((0.012, 1.5), (0.006, 6.0), (0.004, 22.0))
    )
    return np.asarray(0.978 * core + cv2.resize(veil, still.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
