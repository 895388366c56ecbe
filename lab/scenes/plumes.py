"""Four unlike plume engines: puffs carried by the wind of their birth, a meandering jet filled with moving noise, smoke
carried about by a swirling wind on a grid, and billows that keep their place, slow or seething.

All answer an opacity picture (H, W), 0-1, for any time. What the plume does to the light is the night's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from lab.scenes.noise import Array, H, Rng, W, Wander, fractal, log_uniform
from lab.scenes.shapes import Shape, thins

_THICKEST = 12


class Engine(Protocol):
    """An opacity picture for a strength (0-1, how much is emitted) at a time."""

    def __call__(self, t_s: float) -> Array:
        """Opacity (H, W) at a time."""
        ...


def _thickest(thickness: Array) -> float:
    """The mean of the dozen thickest pixels: a small plume has not many more."""
    return float(np.partition(thickness.ravel(), -_THICKEST)[-_THICKEST:].mean())


class Puffs:
    """Round puffs, each with the wind and strength of the moment of its birth; drawn as one product of two matrices."""

    def __init__(self, rng: Rng, shape: Shape, length_s: float) -> None:
        self.shape = shape
        self.life_s = min(3.5 * shape.length / shape.speed + 1.0, 60.0)
        rate = float(np.clip(rng.uniform(1.5, 5.0) * shape.speed / (shape.radius + 1), 1.0, 220 / self.life_s))
        count = int((length_s + self.life_s) * rate)
        self.birth = np.sort(rng.uniform(-self.life_s, length_s, count)).astype(np.float32)
        tau = float(rng.uniform(3, 25))
        gust, veer = (
            Wander(rng, 1, rng.uniform(0.05, 0.35), tau, length_s),
            Wander(rng, 0, rng.uniform(0.03, 0.35), tau, length_s),
        )
        strength = Wander(rng, 1, shape.unsteady, shape.beat_s, length_s)
        angle = shape.angle + np.array([veer(t + self.life_s) for t in self.birth]) + 0.08 * rng.standard_normal(count)
        speed = shape.speed * np.clip([gust(t + self.life_s) for t in self.birth], 0.3, 2)
        self.vx = (speed * np.cos(angle)).astype(np.float32)
        self.vy = (-speed * np.sin(angle)).astype(np.float32)
        self.strength = np.clip([strength(t + self.life_s) for t in self.birth], 0.05, 3).astype(np.float32)
        self.jitter = rng.standard_normal((2, count)).astype(np.float32)
        self.depth = 0.0
        self.depth = self._settle(length_s)

    def _settle(self, length_s: float) -> float:
        """How strong one puff must be for the stated opacity at the thickest."""
        self.depth = 1.0
        thick = [_thickest(self._thickness(t)) for t in np.linspace(0, length_s, 7)]
        return float(-np.log(1 - self.shape.opacity)) / max(float(np.median(thick)), 1e-3)

    def _thickness(self, t_s: float) -> Array:
        age = t_s - self.birth
        live = (age > 0) & (age < self.life_s)
        a = age[live]
        s = self.shape
        travelled = s.speed * a
        radius = s.radius + s.spread * travelled
        lift = s.rise * a / (1 + 0.05 * travelled)
        x = s.x + self.vx[live] * a + self.jitter[0, live] * radius * 0.6
        y = s.y + self.vy[live] * a - lift + self.jitter[1, live] * radius * 0.6
        share = s.radius / radius
        if s.dry > 0:  # droplets go where the air in them has become too much
            share = np.maximum(np.sqrt(share) - np.float32(s.dry), 0)
        weight = self.strength[live] * thins(s, travelled) * share
        columns = np.exp(-0.5 * ((np.arange(W, dtype=np.float32)[:, None] - x) / radius) ** 2)
        rows = np.exp(-0.5 * ((np.arange(H, dtype=np.float32)[:, None] - y) / radius) ** 2)
        thickness: Array = ((rows * weight) @ columns.T) * np.float32(self.depth)
        return thickness

    def __call__(self, t_s: float) -> Array:
        """Opacity (H, W) at a time."""
        return 1 - np.exp(-self._thickness(t_s))


class Jet:
    """A bending jet whose inside is noise that travels along it and boils."""

    def __init__(self, rng: Rng, shape: Shape, length_s: float) -> None:
        self.shape = shape
        self.veer = Wander(rng, 0, rng.uniform(0.02, 0.25), rng.uniform(4, 30), length_s)
        self.strength = Wander(rng, 1, 0.6 * shape.unsteady, shape.beat_s * 2, length_s)
        self.grain = [
            np.exp(rng.uniform(0.3, 1.0) * fractal(rng, 256, 512, rng.uniform(10, 40), 5, rng.uniform(0.4, 0.7)))
            for _ in range(2)
        ]
        self.meander = rng.uniform(0, 0.25)
        self.wave = rng.uniform(8, 40)
        self.sag = rng.uniform(-0.004, 0.012) if shape.length > 12 else 0.0
        reach = 3.2 * shape.length + 6 * shape.radius
        self.box = (
            slice(max(int(shape.y - reach), 0), min(int(shape.y + reach) + 1, H)),
            slice(max(int(shape.x - reach), 0), min(int(shape.x + reach) + 1, W)),
        )
        ys, xs = np.mgrid[self.box].astype(np.float32)
        self.dx, self.dy = xs - shape.x, shape.y - ys

    def __call__(self, t_s: float) -> Array:
        """Opacity (H, W) at a time."""
        s = self.shape
        angle = s.angle + self.veer(t_s)
        along = self.dx * np.float32(np.cos(angle)) + self.dy * np.float32(np.sin(angle))
        across = -self.dx * np.float32(np.sin(angle)) + self.dy * np.float32(np.cos(angle))
        far = np.maximum(along, 0)
        across = across - np.float32(self.sag) * far * far * np.float32(np.sign(np.cos(angle)) or 1)
        across -= (
            np.float32(self.meander)
            * np.sqrt(far)
            * np.sin((far - np.float32(s.speed * t_s)) / np.float32(self.wave))
            * 2
        )
        width = np.float32(s.radius) + np.float32(s.spread) * far
        body = (
            np.exp(-0.5 * (across / width) ** 2)
            * (along > -0.5)
            * thins(s, far)
            * (np.float32(s.radius) / width) ** 0.3
        )
        boil: Array = np.zeros_like(far)
        for grain, pace in zip(self.grain, (1.0, 0.7), strict=True):
            u = ((far - np.float32(s.speed * pace * t_s)) * 4 / (1 + 0.15 * s.radius)) % 512
            v = (across / width * 24 + 128 + np.float32(3 * pace * t_s)) % 256
            boil = boil + 0.5 * cv2.remap(grain, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        thickness = (
            -np.log(1 - s.opacity) * body * (1 - s.unsteady + s.unsteady * boil * 0.8) * max(self.strength(t_s), 0.1)
        )
        if s.dry > 0:
            thickness = np.maximum(thickness + np.float32(s.dry * np.log(1 - s.opacity)), 0) / np.float32(1 - s.dry)
        opacity = np.zeros((H, W), np.float32)
        opacity[self.box] = 1 - np.exp(-thickness)
        return opacity


class Swirl:
    """Smoke on a grid, carried by wind and drifting eddies without divergence (the curl of moving noise).

    Asked for times that do not go back.
    """

    def __init__(self, rng: Rng, shape: Shape, length_s: float) -> None:
        self.shape = shape
        reach = min(2.5 * shape.length + 6 * shape.radius, 90.0)
        self.top, self.left = max(int(shape.y - reach), 0), max(int(shape.x - reach), 0)
        self.bottom, self.right = min(int(shape.y + reach) + 1, H), min(int(shape.x + reach) + 1, W)
        self.ys, self.xs = np.mgrid[self.top : self.bottom, self.left : self.right].astype(np.float32)
        self.density: Array = np.zeros_like(self.xs)
        eddy = log_uniform(rng, 5, 40)
        self.stream = [fractal(rng, 256, 256, eddy * k, 2) * np.float32(eddy * k) for k in (1.0, 2.7)]
        self.swirl = shape.speed * rng.uniform(0.03, 0.22)
        self.gust = Wander(rng, 1, rng.uniform(0.05, 0.4), rng.uniform(3, 25), length_s + 40)
        self.veer = Wander(rng, 0, rng.uniform(0.03, 0.35), rng.uniform(3, 30), length_s + 40)
        self.strength = Wander(rng, 1, shape.unsteady, shape.beat_s, length_s + 40)
        self.soft = float(np.sqrt(2 * shape.spread * shape.radius))
        self.t_s, self.depth = -30.0, 1.0
        thick = [_thickest(self._thickness(t)) for t in np.arange(-15.0, 0.1, 1.5)]
        self.depth = float(-np.log(1 - shape.opacity)) / max(float(np.median(thick)), 1e-3)

    def _thickness(self, t_s: float) -> Array:
        span = min(t_s - self.t_s, 20.0)
        steps = max(int(np.ceil(span * min(self.shape.speed / 4 + 1, 3))), 1) if span > 0 else 0
        for number in range(steps):
            self._carry(t_s - span + span * (number + 1) / steps, span / steps)
        self.t_s = t_s
        return self.density * np.float32(self.depth)

    def _carry(self, t_s: float, dt_s: float) -> None:
        s, late = self.shape, t_s + 30.0
        angle, speed = s.angle + self.veer(late), s.speed * float(np.clip(self.gust(late), 0.2, 2))
        psi = np.zeros_like(self.xs)
        for field, pace in zip(self.stream, (0.7, 1.0), strict=True):
            # The eddies drift with the wind, slower than the smoke.
            u = _to_and_fro(self.xs - np.float32(speed * pace * 0.8 * np.cos(s.angle) * late))
            v = _to_and_fro(self.ys + np.float32(speed * pace * 0.8 * np.sin(s.angle) * late))
            psi += cv2.remap(field, u, v, cv2.INTER_LINEAR)
        far = np.hypot(self.xs - s.x, self.ys - s.y)
        turn = np.float32(self.swirl) * np.minimum(far / np.float32(2 * s.radius + 1), 1)
        along_x = speed * np.cos(angle) + turn * cv2.Sobel(psi, cv2.CV_32F, 0, 1, scale=0.125)
        along_y = (
            -speed * np.sin(angle) - s.rise / (1 + 0.05 * far) - turn * cv2.Sobel(psi, cv2.CV_32F, 1, 0, scale=0.125)
        )
        from_x = (self.xs - np.float32(dt_s) * along_x - self.left).astype(np.float32)
        from_y = (self.ys - np.float32(dt_s) * along_y - self.top).astype(np.float32)
        moved = cv2.remap(self.density, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        if self.soft * dt_s > 0.15:
            moved = cv2.GaussianBlur(moved, (0, 0), min(self.soft * float(np.sqrt(dt_s)), 2.0))
        moved = moved * np.float32(np.exp(-dt_s * s.speed / s.length))
        if s.dry > 0:
            fresh = 2 * s.radius / s.speed  # what the mouth's smoke amounts to before the wind has carried it off
            moved = np.maximum(moved - np.float32(s.dry * fresh * dt_s * s.speed / s.length), 0)
        mouth_x, mouth_y = s.x + s.gap * np.cos(angle), s.y - s.gap * np.sin(angle)
        mouth = np.exp(-0.5 * ((self.xs - mouth_x) ** 2 + (self.ys - mouth_y) ** 2) / np.float32(s.radius**2))
        self.density = moved + mouth.astype(np.float32) * np.float32(dt_s * max(self.strength(late), 0.05))

    def __call__(self, t_s: float) -> Array:
        """Opacity (H, W) at a time."""
        opacity = np.zeros((H, W), np.float32)
        opacity[self.top : self.bottom, self.left : self.right] = 1 - np.exp(-self._thickness(t_s))
        return opacity


class Billow:
    """A broad, soft body that hardly moves as a whole: inside it clouds swell, drift and change into others. Slowly, as
    in calm air or from far off; or within less than a frame's time, as smoke near the lens does, whose eddies turn over
    faster than one or two frames a second can follow: nothing seems to travel there."""

    def __init__(self, rng: Rng, shape: Shape, length_s: float) -> None:
        self.shape = shape
        reach = 2.5 * shape.length + 6 * shape.radius
        self.box = (
            slice(max(int(shape.y - reach), 0), min(int(shape.y + reach) + 1, H)),
            slice(max(int(shape.x - reach), 0), min(int(shape.x + reach) + 1, W)),
        )
        ys, xs = np.mgrid[self.box].astype(np.float32)
        dx, dy = xs - shape.x, shape.y - ys
        c, n = np.float32(np.cos(shape.angle)), np.float32(np.sin(shape.angle))
        self.along, self.across = dx * c + dy * n, dy * c - dx * n
        coarse = log_uniform(rng, 40, 200)
        self.grain = [fractal(rng, 256, 256, coarse, 4, rng.uniform(0.35, 0.75)) for _ in range(3)]
        self.fine = float(256 / (max(shape.length, 10) * rng.uniform(1, 4)))  # cells of the grain a pixel
        self.turn_s = log_uniform(rng, 0.25, 25)  # one cloud changes into the next
        self.drift = shape.speed * log_uniform(rng, 0.05, 1.0)
        self.depth = rng.uniform(0.2, 1.5)
        self.opens = max(shape.spread * rng.uniform(1, 3), 0.1)
        # Seen as a whole it pulses as fast as its clouds pass.
        pulse_s = log_uniform(rng, 0.5, 4) * min(self.turn_s, shape.beat_s)
        self.strength = Wander(rng, 1, rng.uniform(0.3, 1.0) * shape.unsteady, max(pulse_s, 0.3), length_s)
        self.sway = Wander(rng, 0, rng.uniform(0.02, 0.3), rng.uniform(5, 40), length_s)

    def __call__(self, t_s: float) -> Array:
        """Opacity (H, W) at a time."""
        s, far = self.shape, np.maximum(self.along, 0)
        across = self.across - np.float32(self.sway(t_s)) * far
        width = np.float32(s.radius) + np.float32(self.opens) * far / np.sqrt(1 + far / np.float32(s.length))
        begun = 1 / (1 + np.exp(-np.clip(2 * self.along + 1, -30, 30)))
        body = np.exp(-0.5 * (across / width) ** 2) * thins(s, far) * begun
        cloud: Array = np.zeros_like(far)
        for number, grain in enumerate(self.grain):
            turns = (t_s / self.turn_s - number) / len(self.grain)
            share = 1 + np.cos(2 * np.pi * turns)
            other = 97 * np.floor(turns + 0.5)  # while it is not seen it moves elsewhere in its field: no cloud returns
            u = _to_and_fro((far - np.float32(self.drift * t_s)) * np.float32(self.fine) + np.float32(other))
            v = _to_and_fro(across * np.float32(self.fine) + np.float32(128 + 0.7 * other))
            cloud += np.float32(share / 2) * cv2.remap(grain, u, v, cv2.INTER_LINEAR)
        thickness = -np.log(1 - s.opacity) * body * np.clip(1 + np.float32(self.depth) * cloud, 0, 2.5)
        if s.dry > 0:
            thickness = np.maximum(thickness + np.float32(s.dry * np.log(1 - s.opacity)), 0) / np.float32(1 - s.dry)
        opacity = np.zeros((H, W), np.float32)
        opacity[self.box] = 1 - np.exp(-thickness * max(self.emitted(t_s), 0.1))
        return opacity

    def emitted(self, t_s: float) -> float:
        """How much smoke there is as a whole at a time, about 1."""
        return self.strength(t_s)


def _to_and_fro(place: Array) -> Array:
    """A place on an endless axis laid on the 256 cells of a field, without a seam."""
    laid: Array = 255 - np.abs(place % 510 - 255)
    return laid


def random_engine(rng: Rng, shape: Shape, length_s: float) -> Engine:
    """One of the engines."""
    kinds: tuple[Callable[[Rng, Shape, float], Engine], ...] = (Puffs, Jet, Swirl, Billow)
    return kinds[int(rng.choice(4, p=[0.23, 0.2, 0.23, 0.34]))](rng, shape, length_s)
