"""Insects, a spider's web, bats: near the lens, bright, and without any origin (17)."""

from __future__ import annotations

import cv2
import numpy as np

from simulator.filters import Picture, blur
from simulator.nuisances.base import Nuisance


class Insects(Nuisance):
    """Bright fast blurs near the lens; an infrared lamp draws more of them."""

    def draw(self, rng: np.random.Generator) -> None:
        """How many a minute."""
        self._a_minute = self.strong(rng, 6, 30)

    def change(self, picture: Picture, t: float) -> None:
        """Those that fly by at this moment, smeared over the exposure."""
        every = 60 / max(self._a_minute, 0.5)
        for number in range(max(int((t - 4) // every), 0), int(t // every) + 1):
            dice = self.dice(number, 17)
            began, lasts = every * number + dice.uniform(0, every), dice.uniform(0.5, 2.5)
            if not began <= t < began + lasts:
                continue
            start, speed = dice.uniform(0, 1, 2) * (self.width, self.height), dice.normal(0, 320 * self.scale, 2)
            wobble = 30 * self.scale * np.sin(9 * (t - began) + dice.uniform(0, 6))
            x, y = start + speed * (t - began) + wobble
            self._smear(picture, float(x), float(y), speed / 25, float(dice.uniform(3, 9)), float(dice.uniform(0.5, 3)))

    def _smear(self, picture: Picture, x: float, y: float, step: np.ndarray, radius: float, bright: float) -> None:
        radius = max(radius * self.scale, 1.0)
        reach = int(4 * radius + np.abs(step).max() + 2)
        x0, y0, x1, y1 = max(int(x) - reach, 0), max(int(y) - reach, 0), int(x) + reach, int(y) + reach
        part = picture[y0 : max(y1, 0), x0 : max(x1, 0)]
        if not part.size:
            return
        canvas = np.zeros(part.shape[:2], np.uint8)
        start = int(x) - x0, int(y) - y0
        end = int(x + step[0]) - x0, int(y + step[1]) - y0
        cv2.line(canvas, start, end, 200, max(int(radius), 1), cv2.LINE_AA)
        part += (blur(canvas.astype(np.float32), 0.6 * radius) * np.float32(bright * 4 * self.typical / 255))[..., None]


class Web(Nuisance):
    """A spider's web before the lens: large blurred threads that sway, lit from the side or by the illuminator."""

    def draw(self, rng: np.random.Generator) -> None:
        """Where it hangs and how its threads run."""
        share = self.strong(rng, 0.05, 0.4)
        size = 320, 180
        canvas = np.zeros(size[::-1], np.uint8)
        centre = rng.uniform(0.1, 0.9, 2) * size
        reach = np.sqrt(share) * size[0]
        ends = [centre + reach * np.array([np.cos(turn), np.sin(turn)]) for turn in np.sort(rng.uniform(0, 6.28, 9))]
        for end in ends:
            cv2.line(canvas, tuple(map(int, centre)), tuple(map(int, end)), float(rng.uniform(90, 255)), 1, cv2.LINE_AA)
        for ring in (0.3, 0.5, 0.75):
            points = np.array([centre + ring * rng.uniform(0.8, 1.1) * (end - centre) for end in ends], np.int32)
            cv2.polylines(canvas, [points], False, float(rng.uniform(60, 160)), 1, cv2.LINE_AA)
        soft = blur(canvas.astype(np.float32), float(rng.uniform(1.0, 3.0)))
        self._web = soft * np.float32(rng.uniform(1.5, 5.0) * self.typical / max(float(soft.max()), 1.0))
        self._phase, self._swing = rng.uniform(0, 6.28, 3), float(rng.uniform(1, 6))

    def change(self, picture: Picture, t: float) -> None:
        """The web where the air holds it now."""
        picture += self.once(t, lambda: self._hanging(t))

    def _hanging(self, t: float) -> Picture:
        sway = self._swing * np.sin(t * np.array([0.7, 1.9, 3.1]) + self._phase)
        grow_ = np.array([[self.width / 320, 0.01 * sway[2], sway[0]], [0.01 * sway[1], self.height / 180, sway[1]]])
        web = cv2.warpAffine(self._web, grow_, (self.width, self.height), flags=cv2.INTER_LINEAR)
        return np.asarray(web, np.float32)[..., None]


class Bats(Insects):
    """Bats or birds: dark against the sky, larger, and gone in two seconds."""

    def _smear(self, picture: Picture, x: float, y: float, step: np.ndarray, radius: float, bright: float) -> None:
        reach = int(max(2.2 * radius * self.scale, 2))
        x0, y0 = max(int(x) - reach, 0), max(int(y) - reach // 2, 0)
        part = picture[y0 : max(int(y) + reach // 2 + 1, 0), x0 : max(int(x) + reach + 1, 0)]
        if part.size:
            across = np.linspace(-1, 1, part.shape[1])
            down = np.linspace(-1, 1, part.shape[0])[:, None]
            wings = np.clip(1.2 - np.abs(across) - 1.5 * np.abs(down - 0.4 * np.abs(across)), 0, 1)
            part *= (1 - 0.8 * wings)[..., None].astype(np.float32)
