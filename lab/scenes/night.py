"""One night from one seed: a still, plumes with their true times and places, look-alikes, a camera; frames come out
in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from lab.scenes import camera, lights, things, weather
from lab.scenes.backgrounds import Still, draw
from lab.scenes.effect import Effect
from lab.scenes.noise import Array, H, Rng, W, Wander, log_uniform
from lab.scenes.plumes import Engine, random_engine
from lab.scenes.seething import Seething
from lab.scenes.shapes import random_shape

BEHIND = {  # drawn before the plumes
    "windows": lights.switching_windows, "flicker": lights.flickering_lights, "lamps": lights.lamp_changes,
    "sky": lights.sky_glow, "beams": weather.beams, "fireworks": lights.fireworks, "reflections": lights.reflections,
    "swaying": things.swaying, "shimmer": things.shimmer,
}  # fmt: skip
BEFORE = {  # drawn over them
    "headlights": lights.headlights, "walkers": things.walkers, "traffic": things.traffic, "insects": things.insects,
    "web": things.web, "fog": weather.fog, "rain": weather.rain, "snow": weather.snow, "drops": weather.drops,
    "frost": weather.frost, "dirt": weather.dirt,
}  # fmt: skip
CAMERA = {
    "pose": camera.pose_change, "focus": camera.focus, "exposure": camera.exposure, "infrared": camera.infrared_filter,
    "bands": camera.mains_bands,
}  # fmt: skip
# What other renderers' nights were mistaken for, more often than the rest.
HARD = (
    "headlights", "headlights", "windows", "windows", "lamps", "exposure", "pose", "walkers", "traffic", "swaying",
    "frost", "fog", "sky", "rain", "flicker", "reflections", "drops", "drops", "infrared", "snow", "insects", "beams",
    "sky",
)  # fmt: skip
# What never rests either, and is in view from the first frame.
RESTLESS = (
    "swaying", "shimmer", "flicker", "reflections", "beams", "bands", "insects", "web", "rain", "drops", "traffic",
    "fireworks", "pose", "exposure", "windows",
)  # fmt: skip
LOOK_ALIKES = tuple(BEHIND) + tuple(BEFORE) + tuple(CAMERA)


@dataclass
class Source:
    """One plume with its truth. ``strength`` says when it is on."""

    kind: str  # "smoke" or "steam"
    engine: Engine
    x: float
    y: float
    opacity: float
    shade: Array  # what it looks like where it is thick, grey levels (H, W)
    times: list[tuple[float, float]]  # on from, to
    ramp_s: float

    def strength(self, t_s: float) -> float:
        """0-1: how much of the plume shows at a time."""
        level = 0.0
        for start, end in self.times:
            level = max(
                level, min(np.clip((t_s - start) / self.ramp_s, 0, 1), np.clip((end - t_s) / self.ramp_s + 1, 0, 1))
            )
        return float(level)


@dataclass
class Seen:
    """What one frame truly shows: the frame, and for each source the change it makes to the light (grey levels)."""

    t_s: float
    frame: Array
    contrasts: list[Array] = field(default_factory=list)
    alphas: list[Array] = field(default_factory=list)


@dataclass(frozen=True)
class Recipe:
    """What a night is to contain; None draws it from the seed."""

    length_s: float = 90.0
    period_s: float = 0.5
    smoke: int | None = None
    steam: int | None = None
    opacity: tuple[float, float] | None = None
    look_alikes: tuple[str, ...] | None = None
    at_start: bool | None = None
    codec: str | None = None
    seething: float = 0.0  # chance that a plume seethes (lab/scenes/seething.py)


class Night:
    """Iterate :meth:`frames` once. The truth is in ``sources`` and in each frame's contrasts."""

    def __init__(self, seed: int, recipe: Recipe | None = None, still: Still | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.recipe = recipe or random_recipe(rng)
        length = self.recipe.length_s
        self.still = still or draw(rng)
        self.look_alikes = self.recipe.look_alikes if self.recipe.look_alikes is not None else _choose(rng)
        smoke = self.recipe.smoke if self.recipe.smoke is not None else int(rng.choice([0, 1, 2], p=[0.4, 0.5, 0.1]))
        steam = self.recipe.steam if self.recipe.steam is not None else int(rng.choice([0, 1, 2], p=[0.6, 0.33, 0.07]))
        self.sources = [self._source(rng, "smoke") for _ in range(smoke)] + [
            self._source(rng, "steam") for _ in range(steam)
        ]
        self.behind = [BEHIND[n](rng, self.still, length) for n in self.look_alikes if n in BEHIND]
        self.before = [BEFORE[n](rng, self.still, length) for n in self.look_alikes if n in BEFORE]
        self.camera: list[Effect] = [CAMERA[n](rng, self.still, length) for n in self.look_alikes if n in CAMERA]
        self.noise = camera.sensor_noise(rng, self.still, length)
        self.overlay = camera.clock_overlay(rng, self.still, length) if rng.random() < 0.15 else None
        self.codec_name, self.codec = camera.random_codec(rng, self.recipe.codec)
        self.light = Wander(rng, 1, rng.uniform(0, 0.05), 20, length)

    def _source(self, rng: Rng, kind: str) -> Source:
        length = self.recipe.length_s
        x, y = self.still.mouths[int(rng.integers(len(self.still.mouths)))]
        if rng.random() < 0.25:
            x, y = rng.uniform(4, W - 4), rng.uniform(14, H - 10)
        shape = random_shape(rng, float(np.clip(x, 3, W - 4)), float(np.clip(y, 6, H - 4)), kind == "steam")
        if self.recipe.opacity is not None and kind == "smoke":
            from dataclasses import replace

            shape = replace(shape, opacity=log_uniform(rng, *self.recipe.opacity))
        if kind == "steam":
            times, on, off = [], log_uniform(rng, 6, 150), log_uniform(rng, 6, 120)
            t = rng.uniform(-on, off)
            while t < length:
                times.append((t, t + on * rng.uniform(0.7, 1.3)))
                t += on + off * rng.uniform(0.7, 1.3)
            ramp = rng.uniform(0.3, 3)
        else:
            early = self.recipe.at_start if self.recipe.at_start is not None else rng.random() < 0.3
            start = -100.0 if early else rng.uniform(10, max(length - 35, 11))
            end = (
                length + 100
                if rng.random() < 0.7
                else start + 100 + rng.uniform(20, 60)
                if early
                else start + rng.uniform(25, 60)
            )
            times, ramp = [(start, end)], log_uniform(rng, 1, 15)
        # No draw is made where none can seethe: the seeds of other recipes stay the nights they were.
        seething = self.recipe.seething > 0 and rng.random() < self.recipe.seething
        return Source(
            kind,
            Seething(rng, shape, length) if seething else random_engine(rng, shape, length),
            shape.x,
            shape.y,
            shape.opacity,
            _shade(rng, self.still),
            times,
            ramp,
        )

    def frames(self) -> Iterator[Seen]:
        """The frames in order, through the camera and its codec."""
        truths: list[Seen] = []
        raw = self._raw(truths)
        for frame in self.codec(raw):
            seen = truths.pop(0)
            seen.frame = frame
            yield seen

    def _raw(self, truths: list[Seen]) -> Iterator[Array]:
        count = int(self.recipe.length_s / self.recipe.period_s)
        for number in range(count):
            t = number * self.recipe.period_s
            picture = (
                self.still.picture * np.float32(self.light(t)) if len(self.sources) % 2 else self.still.picture.copy()
            )
            for effect in self.behind:
                picture = effect(picture, t)
            seen = Seen(t, picture)
            for source in self.sources:
                strength = source.strength(t)
                alpha = source.engine(t) * np.float32(strength) if strength > 0 else np.zeros((H, W), np.float32)
                change = alpha * (source.shade - np.minimum(picture, 255))
                picture = picture + change
                seen.contrasts.append(change)
                seen.alphas.append(alpha)
            for effect in self.before:
                picture = effect(picture, t)
            for effect in self.camera:
                picture = effect(picture, t)
            picture = self.noise(np.clip(picture, 0, 300), t)
            if self.overlay is not None:
                picture = self.overlay(picture, t)
            truths.append(seen)
            yield picture


def _shade(rng: Rng, still: Still) -> Array:
    """Smoke takes the light that falls on it: ambient, more beside lamps, own light under infrared; or it is soot."""
    if rng.random() < 0.35:
        return np.full((H, W), rng.uniform(0, 220), np.float32)
    near = cv2.GaussianBlur(np.minimum(still.picture, 255), (0, 0), float(rng.uniform(4, 25)))
    return (still.ambient * rng.uniform(0.3, 2.5) + near * np.float32(rng.uniform(0.0, 1.5))).astype(np.float32)


def _choose(rng: Rng) -> tuple[str, ...]:
    count = int(rng.choice([0, 1, 2, 3, 4], p=[0.1, 0.25, 0.3, 0.2, 0.15]))
    names = list(rng.choice(LOOK_ALIKES, count, replace=False))
    return tuple(str(name) for name in names)


def random_recipe(rng: Rng) -> Recipe:
    """A night to train on: a common one with whatever comes, a long one of smoke that stays, or a short one of the
    hardest look-alikes."""
    if rng.random() < 0.08:
        return Recipe(length_s=300.0, period_s=1.0, smoke=1, at_start=False)
    if rng.random() < 0.5:
        lengths, paces = [50, 60, 80, 120], [0.5, 0.5, 0.5, 0.7, 1.0]
        return Recipe(length_s=float(rng.choice(lengths)), period_s=float(rng.choice(paces)))
    names = tuple(dict.fromkeys(str(name) for name in rng.choice(HARD, int(rng.integers(1, 4)))))
    smoke, steam = int(rng.random() < 0.4), int(rng.random() < 0.35)
    codec = str(rng.choice(["none", "jpeg", "blocks", "h264"]))
    return Recipe(float(rng.choice([45, 55, 70])), 0.5, smoke, steam, None, names, None, codec)


def start_up_recipe(rng: Rng) -> Recipe:
    """A night to train on, of the kind that is hard at a start: smoke that is there from the first frame, most of it
    seething, or no smoke and what never rests."""
    length, period = float(rng.choice([40, 55, 80, 110])), float(rng.choice([0.5, 0.5, 0.5, 0.7, 1.0]))
    kind = str(rng.choice(["smoke", "steam", "neither"], p=[0.55, 0.12, 0.33]))
    names = None if rng.random() < 0.4 else tuple(str(n) for n in rng.choice(RESTLESS, int(rng.integers(1, 4)), False))
    if kind == "smoke":
        names = names if rng.random() < 0.5 else ()
        early = True if rng.random() < 0.8 else None
        return Recipe(length, period, 1, int(rng.random() < 0.15), (0.08, 0.55), names, early, None, 0.7)
    return Recipe(length, period, 0, int(kind == "steam"), None, names, None, None, 0.5)
