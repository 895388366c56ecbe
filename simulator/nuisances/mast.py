"""What moves the camera: wind, traffic, hands, the sun-warmed and cooling mast."""

from __future__ import annotations

import numpy as np

from simulator.nuisances.base import Nuisance


class Gusts(Nuisance):
    """A mast that swings by some pixels in gusts; each swing has its own place in the cycle."""

    def draw(self, rng: np.random.Generator) -> None:
        """Own frequencies and phases."""
        self._swing = float(rng.uniform(1.5, 3.5))
        self._rates, self._phases = rng.uniform([2.5, 4.5], [5.0, 9.0]), rng.uniform(0, 6.28, 3)

    def shift_px(self, t: float) -> tuple[float, float]:
        """Two swings under a slow envelope."""
        strength = self.scale * self._swing * (0.5 + 0.5 * np.sin(0.35 * t + self._phases[2])) ** 2
        one, two = np.sin(self._rates * t + self._phases[:2])
        return float(strength * one), float(0.5 * strength * two)


class Vibration(Nuisance):
    """A fan or a passing lorry: fast, small, its phase rolling against the frames'."""

    def draw(self, rng: np.random.Generator) -> None:
        """Frequency, size, and when it runs."""
        self._rate, self._size = float(rng.uniform(9, 28)), float(rng.uniform(0.4, 1.4))
        self._cycle_s = float(rng.uniform(60, 240))

    def shift_px(self, t: float) -> tuple[float, float]:
        """Runs half of the time."""
        on = (t % self._cycle_s) > 0.3 * self._cycle_s
        size = self.scale * self._size * on
        return float(0.4 * size * np.sin(2 * np.pi * self._rate * t)), float(
            size * np.sin(2 * np.pi * self._rate * t + 1)
        )


class Bump(Nuisance):
    """Somebody knocks the camera; it stays turned."""

    def draw(self, rng: np.random.Generator) -> None:
        """On order after 40 s. ``strength`` is in degrees."""
        per_degree = self.still.view.camera.focal_px * np.pi / 180
        far = 14 * self.scale if self.strength is None else min(self.strength * per_degree, 0.2 * self.width)
        turn = float(rng.uniform(0, 2 * np.pi))
        self._to, self._at = (
            (float(far * np.cos(turn)), float(far * np.sin(turn))),
            40.0 if self.strength is None else 0.0,
        )

    def shift_px(self, t: float) -> tuple[float, float]:
        """Nothing, then the new place."""
        return (0.0, 0.0) if t < self._at else self._to


class Drift(Nuisance):
    """The mast cools through the night and turns: a few pixels an hour."""

    def draw(self, rng: np.random.Generator) -> None:
        """Which way and how fast (pixels an hour)."""
        self._way = rng.normal(0, 14, 2) * (1.0, 0.4)

    def shift_px(self, t: float) -> tuple[float, float]:
        """Fast at first, then slower."""
        gone = self.scale * 2 * (1 - np.exp(-t / 7200))
        return float(gone * self._way[0]), float(gone * self._way[1])
