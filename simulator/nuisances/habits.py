"""The camera's own habits: its infrared filter, exposure that hunts, mains flicker, its illuminator's glare (16)."""

from __future__ import annotations

import numpy as np

from simulator.filters import Picture, blur
from simulator.nuisances.base import Nuisance


class InfraredSwitch(Nuisance):
    """The infrared cut filter moves out and, later, back: dark frame, glare, then another kind of light."""

    def draw(self, rng: np.random.Generator) -> None:
        """On order after half a minute; as a happening at once, as it is only a moment."""
        self._turns = (30.0, 60.0) if self.strength is None else (0.0, np.inf)
        self._glare, self._settles_s = float(rng.uniform(1.5, 3.0)), float(rng.uniform(0.8, 1.6))

    def change(self, picture: Picture, t: float) -> None:
        """In between the picture is grey, and the camera's own lamp lights what is near."""
        if not self._turns[0] <= t < self._turns[1]:
            return
        grey = picture.mean(axis=2)
        own = self.typical * (35 / np.maximum(self.depth, 8)) ** 2
        relief = np.clip(grey / np.maximum(blur(grey, 12 * self.scale), 1e-6), 0.5, 1.5)
        picture[:] = (0.45 * grey + own * relief)[..., None]

    def gain(self, t: float) -> float:
        """One nearly black frame at each turn, then glare that settles within three seconds."""
        for turn in self._turns:
            if turn <= t < turn + 0.5:
                return 0.05
            if turn + 0.5 <= t < turn + 6:
                return float(1 + self._glare * np.exp(-(t - turn - 0.5) / self._settles_s))
        return 1.0


class Pumping(Nuisance):
    """Automatic exposure with hysteresis: it lets the picture drift, then jumps too far and settles."""

    def draw(self, rng: np.random.Generator) -> None:
        """How far it lets go, in stops."""
        self._stops = self.strong(rng, 0.25, 0.6)

    def gain(self, t: float) -> float:
        """The latest jump's remainder; a drift the other way before the next."""
        dice, jump, size = self.dice(16), 0.0, 0.0
        while jump <= t:
            began, jump = jump, jump + float(dice.uniform(12, 30))
            size = float(dice.choice([-1.0, -0.6, 0.6, 1.0])) * self._stops
        drift = -0.12 * size * (t - began) / (jump - began)
        return float(2 ** (size * np.exp(-(t - began) / 3.5) + drift))


class MainsFlicker(Nuisance):
    """Lamps pulse at 100 Hz; the shutter turns that into bands that roll slowly, or the whole picture beats."""

    def draw(self, rng: np.random.Generator) -> None:
        """How deep, how many bands, how fast they roll."""
        self._deep, self._bands = float(rng.uniform(0.03, 0.15)), float(rng.choice([0.0, 1.0, 2.0]))
        self._rate = float(rng.uniform(0.02, 0.4))

    def change(self, picture: Picture, t: float) -> None:
        """What lamps light flickers, the sky with them."""
        down = np.linspace(0, 1, self.height, dtype=np.float32)[:, None, None]
        picture *= 1 + np.float32(self._deep) * np.sin(2 * np.pi * (self._bands * down + self._rate * t))


class IlluminatorGlare(Nuisance):
    """The camera's infrared lamp lights haze and dust before the window: a veil that breathes with the air."""

    def draw(self, rng: np.random.Generator) -> None:
        """How much, and from which side the lamp shines across the lens."""
        self._veil, self._side = float(rng.uniform(0.3, 1.5)), rng.uniform(-0.4, 0.4, 2)
        self._phase = rng.uniform(0, 6.28, 3)

    def change(self, picture: Picture, t: float) -> None:
        """A wide soft brightening."""
        breath = 1 + 0.2 * np.sin(t / np.array([3.0, 7.0, 19.0]) + self._phase).mean()
        across = np.linspace(-1, 1, self.width, dtype=np.float32) - np.float32(self._side[0])
        down = np.linspace(-0.56, 0.56, self.height, dtype=np.float32)[:, None] - np.float32(self._side[1])
        glow = np.exp(-(across**2 + down**2) / 0.5) * np.float32(self._veil * self.typical * breath)
        picture += glow[..., None]
