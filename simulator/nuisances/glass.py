"""What sits on the camera's window: frost, dirt, drops (20)."""

from __future__ import annotations

import cv2
import numpy as np

from simulator.filters import Picture, blur, grow, shrink
from simulator.nuisances.base import Nuisance


class Frost(Nuisance):
    """Frost that grows from the window's edges as crystals: blur and a milky veil."""

    def draw(self, rng: np.random.Generator) -> None:
        """Its pattern; on order it covers everything within a minute or two."""
        fine, coarse = (blur(rng.standard_normal((90, 160), np.float32), sigma) for sigma in (2.0, 6.0))
        noise = 6 * fine + 16 * coarse
        down, across = (np.abs(np.linspace(-1, 1, size)) for size in (90, 160))
        edge = np.maximum(down[:, None] ** 2, across**2)
        field = np.asarray(edge + 0.35 * noise / noise.std() * 0.6, np.float32)
        order = np.argsort(np.argsort(field, axis=None)).reshape(field.shape) / field.size
        self._comes = np.asarray(cv2.resize((1 - order).astype(np.float32), (self.width, self.height)))
        self._lag_s, self._milk = float(rng.uniform(45, 80)), float(rng.uniform(0.4, 1.0))

    def covered(self, t: float) -> float:
        """Share of the window: a scheduled frost's own, else growing."""
        if self.strength is not None:
            return min(self.strength, 1.0) * min(t / 600, 1.0)
        return min(t / self._lag_s, 1.0)

    def change(self, picture: Picture, t: float) -> None:
        """Stronger every second."""
        share = self.covered(t)
        if share <= 0:
            return
        grown = np.clip((share * 1.3 - self._comes) / 0.3, 0, 1)[..., None]
        soft = grow(blur(shrink(picture, 4), (0.5 + 5 * share) * max(self.scale, 0.4)), picture)
        milk = np.float32(self._milk * picture.mean())
        picture += grown * (0.15 * picture + 0.8 * soft + milk - picture)


class LensDirt(Nuisance):
    """Dust and mud: soft dark spots and a haze where light falls through them; they stay all night."""

    def draw(self, rng: np.random.Generator) -> None:
        """Where it sits."""
        share = self.strong(rng, 0.02, 0.3)
        canvas = np.zeros((90, 160), np.float32)
        while (canvas > 0.3).mean() < share:
            x, y, radius = rng.uniform(0, 160), rng.uniform(0, 90), float(rng.lognormal(1.2, 0.6))
            cv2.ellipse(canvas, (int(x), int(y)), (max(int(radius), 1), max(int(radius * rng.uniform(0.4, 1)), 1)),
                        float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.4, 1.0)), -1)  # fmt: skip
        self._dirt = np.asarray(cv2.resize(blur(canvas, 1.6), (self.width, self.height)))[..., None]

    def change(self, picture: Picture, t: float) -> None:
        """Takes light and smears what is left."""
        soft = grow(blur(shrink(picture, 8), 4 * self.scale + 0.5), picture)
        picture += self._dirt * (0.35 * picture + 0.4 * soft - picture)


class LensDrops(Nuisance):
    """Drops on the window: small lenses that show the street upside down; one in a while runs down."""

    def draw(self, rng: np.random.Generator) -> None:
        """Where the drops hang, how large, which of them run."""
        count = int(np.clip(self.strong(rng, 0.02, 0.15) * 160, 3, 40))
        self._drops = [
            (rng.uniform(0, self.width), rng.uniform(0, self.height), float(rng.uniform(8, 34)) * self.scale,
             float(rng.uniform(20, 400)), rng.random() < 0.3)
            for _ in range(count)
        ]  # fmt: skip

    def change(self, picture: Picture, t: float) -> None:
        """Each drop turns and softens what is behind it."""
        before = grow(blur(shrink(picture, 4), max(2 * self.scale, 0.5)), picture)
        for x, y, radius, runs_at, runs in self._drops:
            down = y + (max(t - runs_at, 0) * 40 * self.scale if runs else 0.0)
            x0, y0, reach = int(x - radius), int(down - radius), int(2 * radius)
            if x0 < 0 or y0 < 0 or reach < 3 or x0 + reach > self.width or y0 + reach > self.height:
                continue
            grid = np.linspace(-1, 1, reach)
            inside = np.clip(1.15 - np.hypot(grid, grid[:, None]), 0, 0.15)[..., None] / 0.15
            box = slice(y0, y0 + reach), slice(x0, x0 + reach)
            picture[box] += inside.astype(np.float32) * (before[box][::-1, ::-1] - picture[box])
