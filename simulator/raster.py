"""What each pixel of a camera sees: which surface, how far, where in the world. Built once (nothing moves)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.filters import Picture
from simulator.pinhole import Floats, Pinhole
from simulator.scenery import Face

SKY, GROUND = -2, -1
_FAR_M = 900.0


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What to light: ``face`` (n,), ``depth_m`` (n,), ``place`` (3, n), ``rise`` (n,) sine above level."""

    face: NDArray[np.int16]
    depth_m: Picture
    place: Picture
    rise: Picture


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Per pixel: ``face`` (index into the faces, or SKY, GROUND), ``depth_m`` along the axis, ``rays`` (h, w, 3)."""

    camera: Pinhole
    face: NDArray[np.int16]
    depth_m: Picture
    rays: Picture

    @property
    def place(self) -> Picture:
        """World place of what each pixel sees (h, w, 3); sky counts as 900 m away."""
        eye = np.array(self.camera.place, np.float32)
        return np.asarray(eye + self.rays * np.minimum(self.depth_m, _FAR_M)[..., None], np.float32)

    def samples(self, chosen: NDArray[np.bool_]) -> Samples:
        """The chosen pixels (h, w), in row order."""
        rays, depth = self.rays[chosen].T, self.depth_m[chosen]
        eye = np.array(self.camera.place, np.float32)[:, None]
        place = eye + rays * np.minimum(depth, _FAR_M)
        return Samples(self.face[chosen], depth, place, rays[2] / np.sqrt((rays**2).sum(axis=0)))


def look(camera: Pinhole, faces: list[Face], offset: tuple[float, float] = (0.5, 0.5)) -> View:
    """Finds the nearest surface on the ray through ``offset`` inside each pixel (0.5 is its middle), by depth buffer.

    Faces that reach behind the camera are left out.
    """
    width, height = camera.size
    rays = camera.rays(offset=offset)
    eye = np.array(camera.place, dtype=np.float32)
    with np.errstate(divide="ignore"):
        ground = np.where(rays[..., 2] < -1e-4, -eye[2] / rays[..., 2], np.inf)
    kind = np.where(ground < _FAR_M, GROUND, SKY).astype(np.int16)
    depth = np.where(kind == GROUND, ground, 1e6).astype(np.float32)
    for index, face in enumerate(faces):
        pixels, depths = camera.project(face.corners)
        if depths.min() < 1.0 or (face.corners.mean(axis=0) - eye) @ face.normal > 0:
            continue
        x0, y0 = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(pixels.max(axis=0)).astype(int), (width, height))
        if x0 >= x1 or y0 >= y1:
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            away = ((face.corners[0] - eye) @ face.normal) / (rays[y0:y1, x0:x1] @ face.normal.astype(np.float32))
        here = depth[y0:y1, x0:x1]
        hit = _inside(pixels - offset, x0, y0, x1, y1) & (away > 0) & (away < here)
        here[hit] = away[hit]
        kind[y0:y1, x0:x1][hit] = index
    return View(camera, kind, depth, rays)


def _inside(pixels: Floats, x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
    """Which whole-numbered points of the window lie in the convex polygon, whichever way round its corners run."""
    across, down = np.arange(x0, x1, dtype=np.float32), np.arange(y0, y1, dtype=np.float32)[:, None]
    left = np.ones((y1 - y0, x1 - x0), bool)
    right = left.copy()
    for (ax, ay), (bx, by) in zip(pixels, np.roll(pixels, -1, axis=0), strict=True):
        side = (bx - ax) * (down - ay) - (by - ay) * (across - ax)
        left &= side <= 0
        right &= side >= 0
    return left | right
