"""Three unlike ways to draw a still night: a street of buildings, an infrared roofscape, an abstract collage with
lamps."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from lab.scenes.noise import Array, H, Rng, W, fractal, glow, log_uniform


@dataclass
class Still:
    """A still night in grey levels (H, W), and where things are that later move, switch or smoke."""

    picture: Array
    kind: str
    lamps: list[tuple[float, float, float]] = field(default_factory=list)  # x, y, reach
    windows: list[tuple[int, int, int, int]] = field(default_factory=list)  # x0, y0, x1, y1
    mouths: list[tuple[float, float]] = field(default_factory=list)  # chimney mouths
    horizon: float = 60.0  # sky above this row
    ambient: float = 20.0  # what thin air in front of the camera would show as


def draw(rng: Rng) -> Still:
    """One still night of a random kind."""
    kind = rng.choice(["street", "infrared", "collage"], p=[0.5, 0.25, 0.25])
    still = {"street": _street, "infrared": _infrared, "collage": _collage}[str(kind)](rng)
    if rng.random() < 0.5:
        still.picture = cv2.GaussianBlur(still.picture, (0, 0), float(rng.uniform(0.3, 1.4)))
    if rng.random() < 0.4:
        _vignette(still, rng)
    still.picture = np.clip(still.picture, 0, 255).astype(np.float32)
    _more_mouths(still, rng)
    return still


def _more_mouths(still: Still, rng: Rng) -> None:
    while len(still.mouths) < 6:
        still.mouths.append((float(rng.uniform(6, W - 6)), float(rng.uniform(20, H - 12))))


def _vignette(still: Still, rng: Rng) -> None:
    still.picture *= 0.3 + 0.7 * glow(W / 2 + rng.normal(0, 20), H / 2 + rng.normal(0, 12), rng.uniform(90, 260), 3.0)


def _lamp(still: Still, rng: Rng, x: float, y: float) -> None:
    reach = log_uniform(rng, 3, 45)
    peak = log_uniform(rng, 20, 260)
    still.picture += peak * glow(x, y, reach, rng.uniform(1.8, 3.5))
    core = rng.uniform(0.6, 3.0)
    still.picture += 255 * glow(x, y, core, 6.0)
    still.lamps.append((x, y, reach))


def _facade(still: Still, rng: Rng, x0: int, x1: int, top: int, level: float) -> None:
    picture = still.picture
    wall = (
        level
        * (1 + 0.25 * fractal(rng, H - top, x1 - x0, 24, 4, 0.7))
        * np.linspace(1, rng.uniform(0.5, 1.5), H - top)[:, None]
    )
    picture[top:, x0:x1] = wall
    if rng.random() < 0.6:  # rows of bricks, tiles or balconies
        step = int(rng.integers(2, 9))
        picture[top::step, x0:x1] *= rng.uniform(0.6, 1.3)
    if rng.random() < 0.5:  # a gable
        rise = int(rng.integers(4, 26))
        points = np.array([[x0, top], [x1, top], [(x0 + x1) // 2, top - rise]], np.int32)
        cv2.fillConvexPoly(picture, points, float(level * rng.uniform(0.4, 1.6)))
        still.mouths.append((float(rng.uniform(x0, x1)), float(top - rise * rng.uniform(0.4, 1.2))))
    w, h = int(rng.integers(2, 10)), int(rng.integers(3, 12))
    gap_x, gap_y = w + int(rng.integers(2, 8)), h + int(rng.integers(3, 9))
    lit = rng.uniform(0.05, 0.6)
    for y in range(top + 3, H - h - 4, gap_y):
        for x in range(x0 + 2, x1 - w - 1, gap_x):
            still.windows.append((x, y, x + w, y + h))
            if rng.random() < lit:
                picture[y : y + h, x : x + w] = rng.uniform(40, 230)
                if rng.random() < 0.4:
                    picture[y : y + h // 2, x : x + w] *= rng.uniform(0.4, 0.9)
            else:
                picture[y : y + h, x : x + w] *= rng.uniform(0.3, 0.9)
    for _ in range(int(rng.integers(0, 3))):
        cx = int(rng.integers(x0 + 1, max(x1 - 3, x0 + 2)))
        cw, ch = int(rng.integers(2, 7)), int(rng.integers(3, 14))
        cv2.rectangle(picture, (cx, top - ch), (cx + cw, top + 2), float(level * rng.uniform(0.3, 1.8)), -1)
        still.mouths.append((cx + cw / 2, float(top - ch)))


def _street(rng: Rng) -> Still:
    horizon = float(rng.uniform(20, 110))
    sky = log_uniform(rng, 2, 60)
    rows = np.linspace(sky * rng.uniform(0.3, 1.1), sky * rng.uniform(0.8, 2.0), H, dtype=np.float32)
    still = Still(np.repeat(rows[:, None], W, 1).astype(np.float32), "street", horizon=horizon, ambient=sky)
    if rng.random() < 0.5:
        still.picture *= np.exp(rng.uniform(0.05, 0.3) * fractal(rng, H, W, 90, 3))
    for layer in range(int(rng.integers(1, 4))):
        x = int(rng.integers(-20, 10))
        while x < W - 8:
            width = int(rng.integers(16, 110))
            x0, x1 = max(x, 0), min(x + width, W)
            top = int(np.clip(horizon + layer * 25 + rng.normal(0, 16), 12, H - 30))
            if x1 - x0 > 8:
                _facade(still, rng, x0, x1, top, log_uniform(rng, 3, 90))
            x += width + int(rng.integers(-4, 12))
    if rng.random() < 0.6:
        ground = int(rng.integers(H - 45, H - 8))
        level = log_uniform(rng, 6, 90)
        still.picture[ground:] = level * (1 + 0.3 * fractal(rng, H - ground, W, 40, 5, 0.7))
    for _ in range(int(rng.integers(0, 9))):
        _lamp(still, rng, rng.uniform(0, W), rng.uniform(still.horizon * 0.6, H))
    still.picture *= rng.uniform(0.5, 1.4)
    still.picture += rng.uniform(0, 12)
    return still


def _infrared(rng: Rng) -> Still:
    still = Still(np.full((H, W), rng.uniform(4, 40), np.float32), "infrared", horizon=float(rng.uniform(10, 90)))
    ground = fractal(rng, H, W, rng.uniform(8, 60), 6, rng.uniform(0.6, 0.9))
    still.picture[int(still.horizon) :] += (rng.uniform(20, 90) * np.exp(0.5 * ground))[int(still.horizon) :]
    for _ in range(int(rng.integers(2, 10))):
        cx, cy = rng.uniform(0, W), rng.uniform(still.horizon, H)
        w, h = rng.uniform(20, 120), rng.uniform(8, 60)
        slant = rng.uniform(-0.6, 0.6) * w
        shape = np.array(
            [[cx - w / 2, cy], [cx + w / 2, cy], [cx + w / 2 + slant, cy + h], [cx - w / 2 + slant, cy + h]]
        )
        level = rng.uniform(20, 190)
        cv2.fillConvexPoly(still.picture, shape.astype(np.int32), float(level))
        for k in range(int(rng.integers(0, 14))):  # tiles
            y = cy + h * (k + 0.5) / 14
            cv2.line(
                still.picture,
                (int(cx - w / 2), int(y)),
                (int(cx + w / 2), int(y)),
                float(level * rng.uniform(0.6, 1.3)),
                1,
            )
        mx, my = cx + rng.uniform(-0.4, 0.4) * w, cy - rng.uniform(0, 8)
        cv2.rectangle(
            still.picture, (int(mx) - 2, int(my)), (int(mx) + 2, int(cy) + 4), float(rng.uniform(20, 220)), -1
        )
        still.mouths.append((float(mx), float(my)))
    still.picture *= 0.15 + 0.95 * glow(rng.uniform(80, 240), rng.uniform(60, 150), rng.uniform(70, 260), 2.5)
    if rng.random() < 0.3:
        _lamp(still, rng, rng.uniform(0, W), rng.uniform(20, H))
    still.ambient = rng.uniform(30, 140)  # infrared lights the smoke itself
    return still


def _collage(rng: Rng) -> Still:
    base = log_uniform(rng, 4, 90)
    still = Still(np.full((H, W), base, np.float32), "collage", horizon=float(rng.uniform(0, 100)), ambient=base)
    for _ in range(int(rng.integers(3, 30))):
        points = (rng.uniform(-20, [W + 20, H + 20], (int(rng.integers(3, 7)), 2))).astype(np.int32)
        centre = points.mean(0)
        points = (centre + (points - centre) * rng.uniform(0.1, 0.8)).astype(np.int32)
        cv2.fillConvexPoly(still.picture, cv2.convexHull(points), log_uniform(rng, 3, 160))
        still.mouths.append((float(np.clip(centre[0], 4, W - 4)), float(np.clip(points[:, 1].min(), 14, H - 8))))
    still.picture *= np.exp(rng.uniform(0.05, 0.5) * fractal(rng, H, W, rng.uniform(10, 120), 6, rng.uniform(0.5, 0.9)))
    for _ in range(int(rng.integers(0, 14))):
        _lamp(still, rng, rng.uniform(0, W), rng.uniform(0, H))
    for _ in range(int(rng.integers(0, 30))):
        x, y = int(rng.integers(0, W - 12)), int(rng.integers(0, H - 12))
        w, h = int(rng.integers(2, 12)), int(rng.integers(2, 12))
        still.windows.append((x, y, x + w, y + h))
        still.picture[y : y + h, x : x + w] = rng.uniform(5, 230)
    return still
