"""How often the right roof could be named at best: the posterior of one who knows how the scenes are made.

It knows the true walls, ridges, wind and lines of sight and the very distribution of every error; of the poses it knows
what was written down, like the product. What is left is what one pixel under one uncertain pose cannot tell.
"""

from __future__ import annotations

import numpy as np

from lab.geotag.layouts import Array, draw_above_ridge, draw_flue
from lab.geotag.papers import FREEDOM, LENS_SIGMA_M, PLACE_SIGMA_M, ROLL_SHARE, Papers, written_camera
from lab.geotag.scenes import PIXEL_SIGMA, Scene, mouth_of
from simulator.pinhole import Pinhole

_FLUES = 8  # drawn on a roof whose chimney is in no register
_POSES = 400


def best_orders(scene: Scene, papers: Papers, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Houses, likeliest first, for the first fire: from the first camera alone, and from both."""
    mouths, owners = _mouths(scene, {chimney.rooftop for chimney in papers.chimneys}, rng)
    found = []
    for which, pose in enumerate(papers.poses):
        eye = np.array(scene.cameras[which].place)
        drift = np.broadcast_to(np.array(scene.wind), (len(mouths), 2))
        seen = scene.sight.first_seen(eye, mouths, np.asarray(drift), owners)
        found.append(_likelihood(seen, written_camera(scene, pose), scene, scene.fires[0].pixels[which], rng))
    return _order(found[0], owners), _order(found[0] * found[1], owners)


def _mouths(scene: Scene, registered: set[str], rng: np.random.Generator) -> tuple[Array, np.ndarray]:
    """Mouths that may burn (N, 3), and their houses: the true one where it is registered."""
    points, owners = [], []
    for number, house in enumerate(scene.houses):
        base = float(scene.sight.base[number])
        if f"r{number:03d}" in registered:
            points.append(mouth_of(house, base))
            owners.append(number)
            continue
        for _ in range(_FLUES):
            points.append(np.array([*draw_flue(house.polygon, rng), base + house.ridge_m + draw_above_ridge(rng)]))
            owners.append(number)
    return np.array(points), np.array(owners)


def _likelihood(
    seen: Array, written: Pinhole, scene: Scene, pixel: tuple[float, float], rng: np.random.Generator
) -> Array:
    """Density of a pixel for each mouth (N,), averaged over poses that may be the true one."""
    sigma = scene.axes.error_deg
    shown = ~np.isnan(seen[:, 0])
    points = np.where(shown[:, None], seen, 0.0) + 0.24 * np.array([*scene.wind, 1.0])
    total = np.zeros(len(seen))
    for off in rng.standard_t(FREEDOM, (_POSES, 6)):
        x, y, z = written.place
        true = Pinhole(
            (x - PLACE_SIGMA_M * off[0], y - PLACE_SIGMA_M * off[1], z - LENS_SIGMA_M * off[2]),
            written.heading_deg - sigma * off[3],
            written.tilt_deg - sigma * off[4],
            written.roll_deg - ROLL_SHARE * sigma * off[5],
            written.hfov_deg,
        )
        pixels, depth = true.project(points)
        squared = (((np.array(pixel) - pixels) / PIXEL_SIGMA) ** 2 / 4 + 1) ** -2.5  # Student t, four degrees
        total += np.where(depth > 0.5, np.nan_to_num(squared.prod(axis=1)), 0.0)
    return np.where(shown, total / _POSES, 0.0)


def _order(likelihood: Array, owners: np.ndarray) -> list[int]:
    count = int(owners.max()) + 1
    each = np.bincount(owners, likelihood, count) / np.maximum(np.bincount(owners, minlength=count), 1)
    return [int(k) for k in np.argsort(-each, kind="stable")]
