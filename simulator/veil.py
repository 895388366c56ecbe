"""Plumes in a picture: how much light each pixel loses on the way through, and how much the plume throws in from lamps.

Radiative argument (single scattering): behind an optical depth τ a background L shows as L·exp(-τ) + S·(1 - exp(-τ)).
S is what a thick piece of plume would show: albedo × (lamp light × phase function + surroundings). The phase function
is Henyey-Greenstein; smoke g = 0.6, albedo 0.8; soot g = 0.5, albedo 0.3; droplets g = 0.8, albedo 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from simulator.filters import Picture
from simulator.fluid import Sheet
from simulator.light import lamp_candela, tint
from simulator.pinhole import Floats, Pinhole
from simulator.street import Lamp

_NODES = 12, 16  # rows, columns of the grid on which the light in a plume is worked out
_FAINTEST = 1e-3  # optical depth not worth drawing
_SOFT_M = 0.3  # depth over which a plume dips behind a surface


@dataclass(frozen=True, slots=True)
class Matter:
    """Optical nature of a plume's particles."""

    albedo: float
    asymmetry: float


SMOKE = Matter(0.8, 0.6)
SOOT = Matter(0.3, 0.5)
DROPLETS = Matter(1.0, 0.8)


@dataclass(frozen=True, slots=True, eq=False)
class Veil:
    """Optical depth (h, w) and source radiance (h, w, 3) inside ``box`` (rows, columns) of the frame."""

    box: tuple[slice, slice]
    depth: Picture
    source: Picture

    def over(self, part_of_picture: Picture) -> None:
        """Lays the plume over its box (h, w, 1 or 3) of a luminance picture, in place."""
        kept = np.exp(-self.depth)[..., None]
        source = self.source if part_of_picture.shape[2] == 3 else self.source.mean(axis=2, keepdims=True)
        part_of_picture *= kept
        part_of_picture += (1 - kept) * source


def source_radiance(
    matter: Matter, lamps: Sequence[Lamp], places: Floats, eye: Floats, ambient: float, spaced_m: float = 0.5
) -> Floats:
    """S of the module's argument for each place (n, 3), three colours, cd/m².

    A lamp within ``spaced_m``, the places' distance from each other, lights as on the average about them.
    """
    onward = np.asarray(eye) - places
    onward = onward / np.linalg.norm(onward, axis=1, keepdims=True)
    total = np.full((len(places), 3), matter.albedo * ambient)
    if not lamps:
        return total
    g = matter.asymmetry
    along = places - np.array([lamp.place for lamp in lamps])[:, None]  # lamps, places, 3
    away = np.maximum(np.sqrt(np.einsum("lpi,lpi->lp", along, along)), 0.1)
    candela = np.stack([lamp_candela(lamp, down) for lamp, down in zip(lamps, -along[..., 2] / away, strict=True)])
    cosine = np.einsum("lpi,pi->lp", along, onward) / away
    phase = (1 - g * g) / (4 * np.pi * (1 + g * g - 2 * g * cosine) ** 1.5)
    lit = matter.albedo * candela / (away**2 + (1.5 * spaced_m) ** 2) * phase
    return np.asarray(total + lit.T @ np.array([tint(lamp.colour) for lamp in lamps]))


def veil_of(
    sheet: Sheet, depth: Picture, matter: Matter, camera: Pinhole, scene_m: Picture, lamps: Sequence[Lamp],
    ambient: float,
) -> Veil | None:  # fmt: skip
    """A plume's sheet, of optical ``depth`` (its cells), as the camera meets it; None where nothing of it is in sight.

    ``scene_m`` (frame's h, w) is how far the still scene lies along the axis: what stands nearer hides the plume.
    """
    rows, columns = (np.nonzero((depth > _FAINTEST).any(axis=axis))[0] for axis in (1, 0))
    if not len(rows):
        return None
    corners, far = camera.project(sheet.corners)
    if far.min() < 2:
        return None
    height, width = depth.shape
    cells = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    onto = cv2.getPerspectiveTransform(cells, corners.astype(np.float32))
    busy = np.array([[x, y] for x in (columns[0], columns[-1] + 1) for y in (rows[0], rows[-1] + 1)], np.float32)
    seen = cv2.perspectiveTransform(busy[None], onto)[0]
    low = np.maximum(np.floor(seen.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(seen.max(axis=0)) + 1, camera.size).astype(int)
    if (high - low).min() < 2:
        return None
    box = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    # cell and pixel centres lie half a unit inside their edges
    shift = np.array([[1, 0, -low[0] - 0.5], [0, 1, -low[1] - 0.5], [0, 0, 1.0]])
    inward = shift @ onto @ np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    size = int(high[0] - low[0]), int(high[1] - low[1])
    gas = np.maximum(sheet.stuff[..., 0], np.float32(1e-9))
    behind = np.asarray(cv2.blur(sheet.stuff[..., 2], (9, 9)) / cv2.blur(gas, (9, 9)), np.float32)
    layers = cv2.warpPerspective(cv2.merge([depth, behind]), inward, size, flags=cv2.INTER_LINEAR)
    axis = camera.axes[2]
    away = float((np.array(sheet.mouth.place) - np.array(camera.place)) @ axis) + layers[..., 1] * float(
        axis @ sheet.view
    )
    shown = layers[..., 0] * np.clip((scene_m[box] - away) / np.float32(_SOFT_M) + np.float32(0.5), 0, 1)
    source = _light(sheet, behind, matter, camera, lamps, ambient, np.linalg.inv(inward), size)
    return Veil(box, np.asarray(shown, np.float32), source)


def _light(
    sheet: Sheet, behind: Picture, matter: Matter, camera: Pinhole, lamps: Sequence[Lamp], ambient: float,
    outward: Floats, size: tuple[int, int],
) -> Picture:  # fmt: skip
    """Source radiance over a box of ``size`` (width, height), from a coarse grid of places in the plume."""
    x = (np.arange(_NODES[1]) + 0.5) * size[0] / _NODES[1] - 0.5
    y = (np.arange(_NODES[0]) + 0.5) * size[1] / _NODES[0] - 0.5
    nodes = np.stack(np.meshgrid(x, y), axis=-1).reshape(1, -1, 2)
    cells = cv2.perspectiveTransform(nodes, outward)[0]
    rows, columns = (np.clip(cells[:, axis], 0, behind.shape[1 - axis] - 1) for axis in (1, 0))
    places = sheet.place(columns, rows, behind[rows.astype(int), columns.astype(int)])
    grid = places.reshape(*_NODES, 3)
    sides = np.linalg.norm(np.stack([grid[0, 1], grid[1, 0]]) - grid[0, 0], axis=1)
    spaced_m = max(float(sides.max()), 0.3)
    bright = source_radiance(matter, lamps, places, np.array(camera.place), ambient, spaced_m)
    coarse = bright.reshape(*_NODES, 3).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.float32)
