"""What a plume looks like before anything moves: drawn at random for smoke and for steam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.scenes.noise import Array, Rng, log_uniform


@dataclass(frozen=True)
class Shape:
    """What a plume looks like; lengths in working pixels, speeds in pixels a second."""

    x: float
    y: float
    length: float  # distance over which it thins to a third
    speed: float
    angle: float  # radians, 0 to the right, π/2 up
    rise: float
    spread: float  # growth of the radius per pixel travelled
    radius: float
    opacity: float  # at the thickest
    unsteady: float  # relative deviation of the emission
    beat_s: float  # its correlation time
    abrupt: float  # 0 thins by spreading only; 1 ends as by evaporation at ``length``
    gap: float  # distance from the mouth at which it begins to show
    dry: float  # steam: share of the thickness at the mouth that the air takes up, so that thin parts vanish


def random_shape(rng: Rng, x: float, y: float, steam: bool) -> Shape:
    """A plausible plume at a mouth. Smoke thins by spreading. Steam shows after a gap, is dense, and ends where the air
    has taken it up: within a few widths in dry, mild air, far off in cold or damp air. Wall outlets blow sideways."""
    if steam:
        return _random_steam(rng, x, y)
    length = log_uniform(rng, 4, 80)
    speed = log_uniform(rng, 0.4, 20) * (0.6 + 0.4 * min(length / 20, 2))
    return Shape(
        x=x, y=y, length=length, speed=speed, angle=_angle(rng, 0.25), rise=float(rng.uniform(0, 0.4) * speed),
        spread=float(rng.uniform(0.03, 0.3)), radius=log_uniform(rng, 0.6, 3.0), opacity=log_uniform(rng, 0.08, 0.55),
        unsteady=float(rng.uniform(0.03, 0.8)), beat_s=log_uniform(rng, 0.6, 12),
        abrupt=float(rng.choice([0.0, rng.uniform(0, 0.25)])), gap=0.0, dry=0.0,
    )  # fmt: skip


def _random_steam(rng: Rng, x: float, y: float) -> Shape:
    length = log_uniform(rng, 3, 16) if rng.random() < 0.6 else log_uniform(rng, 8, 50)
    speed = log_uniform(rng, 1.5, 20) * (0.6 + 0.4 * min(length / 20, 2))
    return Shape(
        x=x, y=y, length=length, speed=speed, angle=_angle(rng, 0.5), rise=float(rng.uniform(0, 0.8) * speed),
        spread=float(rng.uniform(0.05, 0.3)), radius=log_uniform(rng, 0.6, 2.8), opacity=log_uniform(rng, 0.15, 0.85),
        unsteady=float(rng.uniform(0.05, 0.8)), beat_s=log_uniform(rng, 0.3, 4), abrupt=float(rng.uniform(0.3, 1.0)),
        gap=float(rng.uniform(0, 3.5)), dry=float(rng.uniform(0.05, 0.45)),
    )  # fmt: skip


def _angle(rng: Rng, level: float) -> float:
    """Radians; ``level`` is the share of those that go sideways."""
    up = rng.uniform(0.1, np.pi / 2) if rng.random() > level else rng.uniform(-0.35, 0.2)
    return float(abs(np.pi - up) if rng.random() < 0.5 else up)


def thins(shape: Shape, distance: Array) -> Array:
    """How much of it is left at a distance from the mouth in working pixels, 0-1."""
    soft = np.exp(-distance / np.float32(shape.length))
    hard = 1 / (1 + np.exp(np.clip((distance - shape.length) / (0.12 * shape.length + 0.3), -30, 30)))
    out: Array = (soft ** (1 - 0.8 * shape.abrupt)) * ((1 - shape.abrupt) + shape.abrupt * hard)
    if shape.gap > 0:
        out = out / (1 + np.exp(np.clip((shape.gap - distance) / 0.5, -30, 30)))
    return out
