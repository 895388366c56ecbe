"""What else a night does to a camera's picture, on order: weather, creatures, and the camera's own habits.

Each is a function of time: asked twice for the same moment it does the same. Numbers in brackets are rows of the
domain's list of confusers.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from simulator.filters import Picture, blur, grow, shrink
from simulator.still import Still


class Nuisance:
    """One thing that changes luminance pictures; this one changes nothing."""

    def __init__(self, still: Still, seed: int) -> None:
        self._seed = seed
        self._depth = still.view.depth_m
        self._height, self._width = still.view.depth_m.shape
        self._sky = still.sky
        self._typical = float(np.median(still.light))

    def change(self, picture: Picture, t: float) -> None:
        """Changes the picture in place."""

    def gain(self, t: float) -> float:
        """Factor on the camera's exposure."""
        return 1.0

    def shift_px(self, t: float) -> tuple[float, float]:
        """How far the picture is moved."""
        return 0.0, 0.0

    def _dice(self, *what: float) -> np.random.Generator:
        return np.random.default_rng([self._seed, *(int(1000 * value) for value in what)])


class Fog(Nuisance):
    """Fog that rolls in over a minute and a half, from 600 m sight down to 60 m (12)."""

    def change(self, picture: Picture, t: float) -> None:
        """Extinction and lit air by distance, and wide halos."""
        sight_m = 60 + 540 * np.exp(-t / 35)
        kept = np.exp(-np.minimum(self._depth, 1500) * np.float32(3 / sight_m))[..., None]
        small = blur(shrink(picture, 8), 9)
        lit_air = 0.25 * grow(small, picture) + np.float32(1.2 * self._sky)
        picture *= kept
        picture += lit_air * (1 - kept)


class Rain(Nuisance):
    """Streaks that lamps light, everywhere alike and all the same way (18)."""

    count, length_px, width_px, strength = 260, 46.0, 1, 0.5

    def change(self, picture: Picture, t: float) -> None:
        """New streaks every frame; bright where there is light behind or beside them."""
        dice = self._dice(t)
        lean = 0.12 * np.sin(0.05 * t) + 0.1
        canvas = np.zeros((self._height, self._width), np.uint8)
        near = dice.power(2.5, self.count)  # many far, few near
        for x, y, close, bright in zip(
            dice.uniform(-40, self._width, self.count),
            dice.uniform(-60, self._height, self.count),
            near,
            dice.uniform(40, 255, self.count),
            strict=True,
        ):
            reach = self.length_px * (0.25 + 1.5 * (1 - close))
            end = int(x + lean * reach), int(y + reach)
            cv2.line(canvas, (int(x), int(y)), end, float(bright * (0.3 + 0.7 * close)), self.width_px, cv2.LINE_AA)
        light = grow(blur(shrink(picture, 8), 6), picture) + np.float32(0.4 * self._typical)
        drops = blur(canvas.astype(np.float32), 0.8) * np.float32(self.strength / 255)
        picture += light * drops[..., None]


class Snow(Rain):
    """Flakes: shorter, thicker and brighter than rain (18)."""

    count, length_px, width_px, strength = 320, 5.0, 3, 0.9


class Insects(Nuisance):
    """Bright fast blurs near the lens, a few a minute, without any origin (17)."""

    def change(self, picture: Picture, t: float) -> None:
        """Those that fly by at this moment, smeared over the exposure."""
        for number in range(int(t // 4) + 1):
            dice = self._dice(number, 17)
            began, lasts = 4 * number + dice.uniform(0, 4), dice.uniform(0.5, 2.5)
            if not began <= t < began + lasts:
                continue
            start, speed = dice.uniform(0, 1, 2) * (self._width, self._height), dice.normal(0, 320, 2)
            wobble = 30 * np.sin(9 * (t - began) + dice.uniform(0, 6))
            x, y = start + speed * (t - began) + wobble
            self._smear(picture, float(x), float(y), speed / 25, float(dice.uniform(3, 9)), float(dice.uniform(0.5, 3)))

    def _smear(self, picture: Picture, x: float, y: float, step: np.ndarray, radius: float, bright: float) -> None:
        canvas = np.zeros((self._height, self._width), np.uint8)
        end = int(x + step[0]), int(y + step[1])
        cv2.line(canvas, (int(x), int(y)), end, 200, max(int(radius), 1), cv2.LINE_AA)
        soft = blur(canvas.astype(np.float32), 0.6 * radius) * np.float32(bright * 4 * self._typical / 255)
        picture += soft[..., None]


class InfraredSwitch(Nuisance):
    """The infrared cut filter moves at 30 s and back at 60 s: dark frame, glare, then another kind of light (16)."""

    def change(self, picture: Picture, t: float) -> None:
        """In between the picture is grey, and the camera's own lamp lights what is near."""
        if not 30 <= t < 60:
            return
        grey = picture.mean(axis=2)
        own = self._typical * (35 / np.maximum(self._depth, 8)) ** 2
        relief = np.clip(grey / np.maximum(blur(grey, 12), 1e-6), 0.5, 1.5)
        picture[:] = (0.45 * grey + own * relief)[..., None]

    def gain(self, t: float) -> float:
        """One nearly black frame at each turn, then glare that settles within three seconds."""
        for turn in (30.0, 60.0):
            if turn <= t < turn + 0.5:
                return 0.05
            if turn + 0.5 <= t < turn + 6:
                return float(1 + 2.5 * np.exp(-(t - turn - 0.5) / 1.2))
        return 1.0


class Pumping(Nuisance):
    """Automatic exposure that hunts: a jump every 12 to 30 s that takes some seconds to settle (16)."""

    def gain(self, t: float) -> float:
        """The latest jump's remainder."""
        dice, jump = self._dice(16), 0.0
        size = 0.0
        while jump <= t:
            began, jump = jump, jump + float(dice.uniform(12, 30))
            size = float(dice.choice([-0.35, -0.2, 0.25, 0.45]))
        return float(1 + size * np.exp(-(t - began) / 3.5))


class Gusts(Nuisance):
    """A mast that swings by some pixels in gusts."""

    def shift_px(self, t: float) -> tuple[float, float]:
        """Two swings under a slow envelope."""
        strength = 2.5 * (0.5 + 0.5 * np.sin(0.35 * t)) ** 2
        return float(strength * np.sin(4.1 * t)), float(0.5 * strength * np.sin(6.7 * t + 1))


class Bump(Nuisance):
    """Somebody knocks the camera at 40 s; it stays turned by some 14 pixels."""

    def shift_px(self, t: float) -> tuple[float, float]:
        """Nothing, then the new place."""
        return (0.0, 0.0) if t < 40 else (13.0, -6.0)


class Frost(Nuisance):
    """Frost that grows on the window in a minute: blur and a milky veil (20)."""

    def change(self, picture: Picture, t: float) -> None:
        """Stronger every second."""
        grown = min(t / 60, 1.0)
        soft = grow(blur(shrink(picture, 4), 0.5 + 5 * grown), picture)
        picture *= np.float32(1 - 0.85 * grown)
        picture += soft * np.float32(0.8 * grown) + np.float32(grown * picture.mean())


NUISANCES: dict[str, Callable[[Still, int], Nuisance]] = {
    "fog": Fog,
    "rain": Rain,
    "snow": Snow,
    "insects": Insects,
    "infrared-switch": InfraredSwitch,
    "exposure-pumping": Pumping,
    "gusts": Gusts,
    "bump": Bump,
    "frost": Frost,
}
