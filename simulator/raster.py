"""What each pixel of a camera sees: which surface, how far, where in the world. Built once a camera (nothing moves)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.pinhole import Floats, Pinhole
from simulator.scenery import Face

SKY, GROUND = -2, -1
_FAR_M = 900.0


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Per pixel: ``face`` (index into the faces, or SKY, GROUND), ``depth_m`` along the axis, and ``place`` (h, w, 3)."""

    camera: Pinhole
    face: NDArray[np.int16]
    depth_m: NDArray[np.float32]
    place: NDArray[np.float32]


def look(camera: Pinhole, faces: list[Face]) -> View:
    """Casts every pixel on the ground and on ``faces`` with a depth buffer. Faces that reach behind the camera are left out."""
    width, height = camera.size
    rays = camera.rays()
    eye = np.array(camera.place, dtype=np.float32)
    with np.errstate(divide="ignore"):
        ground = np.where(rays[..., 2] < -1e-4, -eye[2] / rays[..., 2], np.inf)
    kind = np.where(ground < _FAR_M, GROUND, SKY).astype(np.int16)
    depth = np.where(kind == GROUND, ground, 1e6).astype(np.float32)
    for index, face in enumerate(faces):
        pixels, depths = camera.project(face.corners)
        if depths.min() < 1.0 or (face.corners.mean(axis=0) - eye) @ face.normal > 0:
            continue
        x0, y0 = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, (width, height))
        if x0 >= x1 or y0 >= y1:
            continue
        mask = _inside(pixels, x0, y0, x1, y1)
        part = rays[y0:y1, x0:x1]
        with np.errstate(divide="ignore", invalid="ignore"):
            away = ((face.corners[0] - eye) @ face.normal) / (part @ face.normal.astype(np.float32))
        here = depth[y0:y1, x0:x1]
        hit = mask & (away > 0) & (away < here)
        here[hit] = away[hit]
        kind[y0:y1, x0:x1][hit] = index
    place = eye + rays * np.minimum(depth, _FAR_M)[..., None]
    return View(camera, kind, depth, place.astype(np.float32))


def _inside(pixels: Floats, x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
    """Which pixels of the window have their middle inside the convex polygon, whichever way round its corners run."""
    across, down = np.arange(x0, x1, dtype=np.float32) + 0.5, np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5
    left = np.ones((y1 - y0, x1 - x0), bool)
    right = left.copy()
    for (ax, ay), (bx, by) in zip(pixels, np.roll(pixels, -1, axis=0), strict=True):
        side = (bx - ax) * (down - ay) - (by - ay) * (across - ax)
        left &= side <= 0
        right &= side >= 0
    return left | right
