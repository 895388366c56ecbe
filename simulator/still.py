"""The still picture of one camera: every pixel's luminance, edges smoothed, bulbs, switchable windows, lens glare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.filters import Picture, blur, grow, shrink
from simulator.light import Surfaces, shade, tint
from simulator.lighting import Lighting
from simulator.pinhole import Pinhole
from simulator.raster import SKY, View, look
from simulator.scenery import Face
from simulator.street import Lamp, Street

#: Where edge pixels are sampled; elsewhere the middle stands for the pixel.
_CORNERS = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
_LENS_SIGMA_PX = 0.6

Patch = tuple[tuple[slice, slice], Picture]


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """``light``: luminance without what switches (h, w, 3: blue, green, red; h, w, 1 where the camera sees no colour).

    ``windows``: number, where, what. ``scale``: pixels for each pixel of a frame 1280 wide.
    """

    view: View
    light: Picture
    windows: tuple[tuple[int, Patch], ...]
    lighting: Lighting
    scale: float


def take_still(street: Street, faces: list[Face], camera: Pinhole, lighting: Lighting, colour: bool = True) -> Still:
    """Renders the street that stands still; takes some seconds."""
    view = look(camera, faces)
    corners = [look(camera, faces, offset) for offset in _CORNERS]
    surfaces = Surfaces.of(faces, np.random.default_rng([street.seed, 0x11]))
    height, width = view.face.shape
    scale = width / 1280
    light = shade(street, surfaces, view.samples(np.ones((height, width), bool)), lighting, camera)
    light = light.reshape(height, width, 3)
    edge = np.any([corner.face != view.face for corner in corners], axis=0)
    smooth = [shade(street, surfaces, corner.samples(edge), lighting, camera) for corner in corners]
    light[edge] = np.mean(smooth, axis=0)
    below = (view.face != SKY)[..., None]
    # what lit walls and ground throw on their neighbours
    light += 0.05 * grow(blur(shrink(light, 8), 9 * scale), light) * below
    light *= 1 + 0.12 * _unevenness(light, street.seed)[..., None] * ~below  # thin cloud
    _add_bulbs(light, lighting.lamps + street.far_lights, view)
    light, windows = _lens(light, scale), _windows(faces, corners, scale)
    if not colour:
        light = light.mean(axis=2, keepdims=True)
        windows = [(number, (box, patch.mean(axis=2, keepdims=True))) for number, (box, patch) in windows]
    return Still(view, light, tuple(windows), lighting, scale)


def _unevenness(like: Picture, seed: int) -> Picture:
    """Slow variation over the sky, about unit size (h, w)."""
    rng = np.random.default_rng([seed, 0xC1])
    coarse = blur(rng.standard_normal((18, 32), np.float32), 1.5) * np.float32(4)
    return np.asarray(grow(coarse, like).clip(-2, 2), np.float32)


def _windows(faces: list[Face], corners: list[View], scale: float) -> list[tuple[int, Patch]]:
    """What each switchable window adds, softened by the lens."""
    patches = []
    for index, face in enumerate(faces):
        if face.window is None:
            continue
        share = np.asarray(np.mean([corner.face == index for corner in corners], axis=0), np.float32)
        rows, columns = np.nonzero(share)
        if not len(rows):
            continue
        box = slice(max(rows.min() - 4, 0), rows.max() + 5), slice(max(columns.min() - 4, 0), columns.max() + 5)
        patch = share[box][..., None] * np.array(face.glow[::-1], np.float32)
        patches.append((face.window, (box, blur(patch, max(_LENS_SIGMA_PX * scale, 0.3)))))
    return patches


def _add_bulbs(light: Picture, lamps: tuple[Lamp, ...], view: View) -> None:
    """The lamps' own bright heads, where nothing hides them."""
    height, width = view.face.shape
    for lamp in lamps:
        pixels, depths = view.camera.project(np.array([lamp.place]))
        (x, y), depth = pixels[0], float(depths[0])
        if depth <= 1 or not (8 <= x < width - 8 and 8 <= y < height - 8) or view.depth_m[int(y), int(x)] < depth - 0.5:
            continue
        radius = max(0.8, 0.13 * view.camera.focal_px / depth)
        reach = int(radius) + 3
        box = slice(max(int(y) - reach, 0), int(y) + reach + 1), slice(max(int(x) - reach, 0), int(x) + reach + 1)
        down, across = np.mgrid[box[0].start : min(box[0].stop, height), box[1].start : min(box[1].stop, width)]
        disc = np.clip(radius + 0.5 - np.hypot(across + 0.5 - x, down + 0.5 - y), 0, 1)
        light[box] += (disc[..., None] * 0.35 * lamp.candela * tint(lamp.colour)).astype(np.float32)


def _lens(light: Picture, scale: float) -> Picture:
    """A sharp core plus the wide veil that dirty glass and air spread around bright lamps (halos)."""
    small = shrink(light, 4)
    veil = 0.012 * blur(small, 1.5 * scale) + 0.006 * blur(small, 6.0 * scale) + 0.004 * blur(small, 22.0 * scale)
    return np.asarray(0.978 * blur(light, max(_LENS_SIGMA_PX * scale, 0.3)) + grow(veil, light), np.float32)
