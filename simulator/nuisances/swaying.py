"""Things that sway at a fixed place: trees before the view, flags, laundry (19)."""

from __future__ import annotations

import cv2
import numpy as np

from simulator.filters import Picture, blur
from simulator.nuisances.base import Nuisance
from simulator.raster import GROUND

_TREE_PX = 128


class Trees(Nuisance):
    """Bare branches that bend with the wind, the tips most, and hide and show the lights behind them."""

    count, tall_m = 3, 7.0

    def draw(self, rng: np.random.Generator) -> None:
        """Where they stand, how tall, how each branches."""
        camera = self.still.view.camera
        self._swing_m = self.strong(rng, 0.1, 0.5)
        self._things = []
        stand = (self.still.view.face == GROUND) & (self.depth > 12) & (self.depth < 70)
        rows, columns = np.nonzero(stand[::4, ::4])
        for _ in range(self.count if self.event is None else 1):
            if self.event is not None and self.event.place is not None:
                pixels, depths = camera.project(np.array([self.event.place]))
                x, y, away = float(pixels[0][0]), float(pixels[0][1]), float(depths[0])
            elif len(rows):
                index = int(rng.integers(len(rows)))
                x, y = float(4 * columns[index]), float(4 * rows[index])
                away = float(self.depth[int(y), int(x)])
            else:
                continue
            if away < 4:
                continue
            per_m = camera.focal_px / away
            tall = float(rng.uniform(0.6, 1.2)) * self.tall_m
            self._things.append(
                (x, y, tall * per_m, per_m, self.shape(rng), rng.uniform(0, 6.28, 3), rng.uniform(0.7, 1.4))
            )

    def shape(self, rng: np.random.Generator) -> Picture:
        """Opacity (128, 128), rooted at the middle of the bottom."""
        canvas = np.zeros((2 * _TREE_PX, 2 * _TREE_PX), np.uint8)
        twigs = [(np.array([_TREE_PX, 2.0 * _TREE_PX]), -np.pi / 2, 0.3 * 2 * _TREE_PX, 7.0)]
        while twigs:
            start, angle, length, thick = twigs.pop()
            end = start + length * np.array([np.cos(angle), np.sin(angle)])
            cv2.line(canvas, tuple(map(int, start)), tuple(map(int, end)), 255, max(int(thick), 1), cv2.LINE_AA)
            if length > 9:
                for _ in range(3 if length < 60 else 2):
                    turn = angle + float(rng.normal(0, 0.5))
                    twigs.append((end, turn, length * float(rng.uniform(0.55, 0.8)), 0.62 * thick))
        small = cv2.resize(canvas, (_TREE_PX, _TREE_PX), interpolation=cv2.INTER_AREA)
        return np.asarray(small.astype(np.float32) / 255, np.float32)

    def bend(self, phases: np.ndarray, rate: float, t: float, rising: Picture) -> Picture:
        """Sideways bend (share of the swing) over the height, 0 at the root to 1 at the tip."""
        gust = 0.5 + 0.5 * np.sin(0.21 * t + phases[2])
        return np.asarray(gust * rising**1.5 * (0.6 * np.sin(1.9 * rate * t + phases[0]) + 0.4), np.float32)

    def change(self, picture: Picture, t: float) -> None:
        """Draws each as it stands now: nearly black, with a little of the surroundings' light."""
        for box, solid in self.once(t, lambda: self._standing(t)):
            part = picture[box]
            part += solid * (np.float32(0.25 * self.typical) - part)

    def _standing(self, t: float) -> list[tuple[tuple[slice, slice], Picture]]:
        """Where each is in the frame and how much it hides there (h, w, 1)."""
        found = []
        for x, y, size, per_m, shape, phases, rate in self._things:
            side = int(size)
            x0, y0 = int(x - side / 2), int(y - side)
            left, top, right, bottom = max(x0, 0), max(y0, 0), min(x0 + side, self.width), min(y0 + side, self.height)
            if side < 6 or left >= right or top >= bottom:
                continue
            down, across = np.mgrid[top - y0 : bottom - y0, left - x0 : right - x0].astype(np.float32)
            rising = 1 - down / side
            moved = across - self.bend(phases, rate, t, rising) * np.float32(self._swing_m * per_m)
            scale = np.float32(_TREE_PX / side)
            solid = np.asarray(cv2.remap(shape, moved * scale, down * scale, cv2.INTER_LINEAR), np.float32)
            found.append(((slice(top, bottom), slice(left, right)), solid[..., None]))
        return found


class Flags(Trees):
    """A flag on its pole: waves run along it."""

    count, tall_m = 2, 3.0

    def shape(self, rng: np.random.Generator) -> Picture:
        """A pole and a cloth at its top."""
        canvas = np.zeros((_TREE_PX, _TREE_PX), np.float32)
        canvas[:, 62:65] = 1
        canvas[4:44, 64 : 64 + int(rng.uniform(35, 60))] = float(rng.uniform(0.7, 1.0))
        return blur(canvas, 0.7)

    def bend(self, phases: np.ndarray, rate: float, t: float, rising: Picture) -> Picture:
        """Only the cloth moves, in waves."""
        return np.asarray((rising > 0.6) * 0.8 * np.sin(5.3 * rate * t + phases[0] + 9 * rising), np.float32)


class Laundry(Trees):
    """Clothes on a line: they swing from the top."""

    count, tall_m = 2, 3.0

    def shape(self, rng: np.random.Generator) -> Picture:
        """A line with five pieces."""
        canvas = np.zeros((_TREE_PX, _TREE_PX), np.float32)
        canvas[40:42] = 1
        for number in range(5):
            wide, long = int(rng.uniform(10, 20)), int(rng.uniform(25, 60))
            canvas[42 : 42 + long, 4 + 25 * number : 4 + 25 * number + wide] = float(rng.uniform(0.6, 1.0))
        return blur(canvas, 0.7)

    def bend(self, phases: np.ndarray, rate: float, t: float, rising: Picture) -> Picture:
        """The hems swing."""
        return np.asarray(np.clip(0.67 - rising, 0, 1) * 2 * np.sin(1.6 * rate * t + phases[0]), np.float32)
