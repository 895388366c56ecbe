"""What falls: rain and snow, lit by lamps from behind and by the camera's own illuminator from before (18)."""

from __future__ import annotations

import cv2
import numpy as np

from simulator.filters import Picture, blur, grow, shrink
from simulator.nuisances.base import Nuisance

_RAIN_PER_M, _SNOW_PER_M = 0.21e-3, 3.9e-3  # extinction at 1 mm/h


class Rain(Nuisance):
    """Streaks, everywhere alike and all the same way, and a little less sight."""

    length_px, width_px, shine, per_mm_h = 46.0, 1, 0.45, 90.0

    def draw(self, rng: np.random.Generator) -> None:
        """How much falls, how it leans and how that changes."""
        self._mm_h = self.strong(rng, 0.4, 6)
        self._lean, self._sway = float(rng.normal(0, 0.2)), rng.uniform(0, 6.28, 2)
        self._count = int(np.clip(self.per_mm_h * self._mm_h**0.7, 20, 600))
        self._kept = self.sight()

    def sight(self) -> Picture:
        """Share of light that is left (h, w, 1)."""
        lost = _RAIN_PER_M * self._mm_h**0.74
        return np.exp(-np.minimum(self.depth, 1500) * np.float32(lost))[..., None]

    def change(self, picture: Picture, t: float) -> None:
        """New streaks every frame; bright where there is light behind or beside them, or where they are near."""
        picture *= self._kept
        picture += (1 - self._kept) * np.float32(1.1 * self.sky)
        light = grow(blur(shrink(picture, 8), 6 * self.scale + 0.5), picture) + np.float32(0.4 * self.typical)
        if self.still.lighting.own is not None:
            light = light + np.float32(1.5 * self.typical)
        picture += light * self.once(t, lambda: self._drops(t))[..., None]

    def _drops(self, t: float) -> Picture:
        dice = self.dice(t, 18)
        lean = self._lean + 0.12 * np.sin(np.array([0.05, 0.31]) * t + self._sway).mean()
        canvas = np.zeros((self.height, self.width), np.uint8)
        near = dice.power(2.5, self._count)  # many far, few near
        x, y = dice.uniform(-40, self.width, self._count), dice.uniform(-60, self.height, self._count)
        reach = self.scale * self.length_px * (0.25 + 1.5 * (1 - near)) * dice.uniform(0.6, 1.4, self._count)
        bright = dice.uniform(40, 255, self._count) * (0.3 + 0.7 * near)
        thick = np.maximum(np.rint(self.scale * self.width_px * (0.6 + 1.6 * (1 - near) ** 3)), 1).astype(int)
        for number in range(self._count):
            start, end = (
                (int(x[number]), int(y[number])),
                (int(x[number] + lean * reach[number]), int(y[number] + reach[number])),
            )
            cv2.line(canvas, start, end, float(bright[number]), int(thick[number]), cv2.LINE_AA)
        return blur(canvas.astype(np.float32), max(0.8 * self.scale, 0.4)) * np.float32(self.shine / 255)


class Snow(Rain):
    """Flakes: slower, thicker and brighter than rain; near ones before an illuminator are white discs."""

    length_px, width_px, shine, per_mm_h = 5.0, 3, 0.9, 320.0

    def draw(self, rng: np.random.Generator) -> None:
        """Snow of the same water hides more."""
        self.strength = self.strong(rng, 0.1, 1.5)
        super().draw(rng)

    def sight(self) -> Picture:
        """Share of light that is left (h, w, 1)."""
        return np.exp(-np.minimum(self.depth, 1500) * np.float32(_SNOW_PER_M * self._mm_h))[..., None]
