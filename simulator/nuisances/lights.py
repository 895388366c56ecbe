"""Lights that come, go and flicker: windows, television, failing lamps, torches, aircraft, fireworks (10, 15, 16)."""

from __future__ import annotations

import numpy as np

from simulator.filters import Picture
from simulator.nuisances.base import Nuisance
from simulator.raster import GROUND, SKY
from simulator.still import Patch


def glow_at(picture: Picture, x: float, y: float, radius_px: float, bright: float) -> None:
    """Adds a round soft light to a picture in place; a core and a wide skirt as a lens makes it."""
    box, glow = glow_of(picture.shape, x, y, radius_px, bright)
    picture[box] += glow


def glow_of(shape: tuple[int, ...], x: float, y: float, radius_px: float, bright: float) -> Patch:
    """The same light as what it adds (h, w, 1) to a box of a picture of that shape; empty where it lies outside."""
    reach = int(9 * radius_px + 3)  # to where the skirt cannot be told from nothing
    rows, columns = (
        slice(max(int(at) - reach, 0), min(max(int(at) + reach + 1, 0), size))
        for at, size in zip((y, x), shape, strict=False)
    )
    down = (np.arange(rows.start, max(rows.stop, rows.start), dtype=np.float32) - np.float32(y)) ** 2
    across = (np.arange(columns.start, max(columns.stop, columns.start), dtype=np.float32) - np.float32(x)) ** 2
    glow = np.zeros((len(down), len(across)), np.float32)
    for share, radius in ((bright, radius_px), (0.02 * bright, 2.5 * radius_px)):
        # A Gaussian is the product of its two profiles: far fewer exponentials than pixels.
        fall = np.float32(-0.5 / radius**2)
        glow += np.float32(share) * np.exp(fall * down)[:, None] * np.exp(fall * across)
    return (slice(rows.start, rows.start + len(down)), slice(columns.start, columns.start + len(across))), glow[
        ..., None
    ]


class Windows(Nuisance):
    """People go from room to room: single windows switch every half minute."""

    def draw(self, rng: np.random.Generator) -> None:
        """How often."""
        self._every = float(rng.uniform(15, 50))

    def change(self, picture: Picture, t: float) -> None:
        """Those that are lit beside the usual ones; their light is added."""
        for number, (box, patch) in self.still.windows:
            turns = self.dice(number, 3)
            if turns.random() < 0.5 and int((t + turns.uniform(0, self._every)) // self._every) % 2:
                picture[box] += np.float32(turns.uniform(0.4, 1.0)) * patch


class Television(Nuisance):
    """Rooms lit by a television only: the light jumps with each cut."""

    def change(self, picture: Picture, t: float) -> None:
        """A third of the windows, each with its own programme."""
        for number, (box, patch) in self.still.windows:
            if self.dice(number, 5).random() < 0.35:
                cut = int(t * 0.45 + self.dice(number, 6).uniform(0, 9))
                level = float(self.dice(number, cut, 7).uniform(0.1, 1.0)) * (1 + 0.1 * np.sin(7 * t))
                picture[box] += np.float32(level - 0.4) * patch.clip(0)
                np.maximum(picture[box], 0, out=picture[box])


class FailingLamps(Nuisance):
    """A street lamp that warms up for minutes, goes out when hot, and starts again; another only stutters."""

    def draw(self, rng: np.random.Generator) -> None:
        """Which lamps, where in the frame, and their cycles."""
        camera, lamps = self.still.view.camera, self.still.lighting.lamps
        self._lamps = []
        for index in rng.permutation(len(lamps))[:3]:
            pixels, away = camera.project(np.array([lamps[index].place]))
            if away[0] > 2:
                warm = float(rng.uniform(40, 200)), float(rng.uniform(150, 500)), float(rng.uniform(0, 500))
                self._lamps.append((pixels[0], float(away[0]), warm, rng.random() < 0.5))

    def change(self, picture: Picture, t: float) -> None:
        """Dims the surroundings of each lamp by what it lacks."""
        for (x, y), away, (warms, cycle, phase), stutters in self._lamps:
            since = (t + phase) % cycle
            level = min(0.15 + 0.85 * since / warms, 1.0)
            if stutters and self.dice(int(t * 4), 9).random() < 0.3:
                level *= 0.2
            radius = self.still.view.camera.focal_px * 6.0 / away
            down, across = np.arange(self.height)[:, None] - y - 0.4 * radius, np.arange(self.width) - x
            near = np.exp(-(down**2 + across**2) / (2 * radius**2))
            picture *= (1 - (1 - level) * 0.85 * near)[..., None].astype(np.float32)


class LightSwitch(Nuisance):
    """A lamp is switched on somewhere, and off again."""

    def draw(self, rng: np.random.Generator) -> None:
        """At the happening's place, or somewhere on the ground."""
        camera = self.still.view.camera
        self._candela = self.strong(rng, 20, 400)
        self._x, self._y, self._away = (
            float(rng.uniform(0, self.width)),
            float(rng.uniform(0.4, 0.9) * self.height),
            60.0,
        )
        if self.event is not None and self.event.place is not None:
            pixels, away = camera.project(np.array([self.event.place]))
            self._x, self._y, self._away = float(pixels[0][0]), float(pixels[0][1]), float(away[0])
        self._on_s = float(rng.uniform(5, 40)) if self.event is None else 0.0
        self._lit: list[Patch] = []
        if self._away >= 2 and np.isfinite(self._x):
            per_m = self.still.view.camera.focal_px / self._away
            where = (self.height, self.width), self._x, self._y
            self._lit.append(glow_of(*where, max(0.12 * per_m, 0.7), 0.3 * self._candela))
            self._lit.append(glow_of(*where, 2.0 * per_m, 0.004 * self._candela))

    def change(self, picture: Picture, t: float) -> None:
        """The bulb, and light on what is around it."""
        if t >= self._on_s:
            for box, glow in self._lit:
                picture[box] += glow


class Torches(Nuisance):
    """People who walk with torches: a small bright light that bobs along, and a patch of lit ground before it."""

    def draw(self, rng: np.random.Generator) -> None:
        """Three walks across the ground that is in sight."""
        rows, columns = np.nonzero(self.still.view.face[::8, ::8] == GROUND)
        self._walks = []
        for _ in range(3):
            ends = rng.integers(0, max(len(rows), 1), 2)
            if len(rows):
                start, end = ((float(8 * columns[i]), float(8 * rows[i])) for i in ends)
                self._walks.append(
                    (np.array(start), np.array(end), float(rng.uniform(0, 200)), float(rng.uniform(40, 120)))
                )

    def change(self, picture: Picture, t: float) -> None:
        """Those who are on their way."""
        for number, (start, end, begins, lasts) in enumerate(self._walks):
            share = ((t - begins) % 260) / lasts
            if not 0 <= share < 1:
                continue
            x, y = start + share * (end - start) + (0, 1.5 * self.scale * np.sin(11 * t + number))
            away = max(float(self.depth[min(int(y), self.height - 1), min(int(x), self.width - 1)]), 10.0)
            per_m = self.still.view.camera.focal_px / away
            swing = 0.3 + 0.7 * np.sin(3.7 * t + number) ** 2
            glow_at(picture, float(x), float(y) - 1.2 * per_m, max(0.06 * per_m, 0.6), 20 * swing)
            glow_at(picture, float(x + 3 * per_m * np.sign(end[0] - start[0])), float(y), 1.2 * per_m, 0.25 * swing)


class Aircraft(Nuisance):
    """An aeroplane: a steady light and one that blinks, slowly across the sky."""

    def draw(self, rng: np.random.Generator) -> None:
        """Course and times."""
        self._from, self._to = rng.uniform(0, self.width, 2), rng.uniform(0, 0.25 * self.height, 2)
        self._every, self._lasts = float(rng.uniform(90, 240)), float(rng.uniform(30, 70))

    def change(self, picture: Picture, t: float) -> None:
        """Only where there is sky."""
        share = (t % self._every) / self._lasts
        if share >= 1:
            return
        x = float(self._from[0] + share * (self._from[1] - self._from[0]))
        y = float(self._to[0] + share * (self._to[1] - self._to[0]))
        if self.still.view.face[min(int(y), self.height - 1), min(int(x), self.width - 1)] == SKY:
            blink = 4.0 if int(t * 2) % 3 == 0 else 0.0
            glow_at(picture, x, y, max(0.8 * self.scale, 0.5), 0.4 + blink)


class Fireworks(Nuisance):
    """Flashes over the roofs: a ball of sparks for a second, and everything lit by it (10). Their smoke is a plume."""

    def draw(self, rng: np.random.Generator) -> None:
        """Shots a minute and whereabouts."""
        self._a_minute = self.strong(rng, 3, 20)
        self._x = float(rng.uniform(0.1, 0.9) * self.width)
        if self.event is not None and self.event.place is not None:
            pixels, away = self.still.view.camera.project(np.array([self.event.place]))
            self._x = float(pixels[0][0]) if away[0] > 2 else -1e4

    def change(self, picture: Picture, t: float) -> None:
        """The shots of the last second and a half."""
        every = 60 / self._a_minute
        for number in range(max(int((t - 2) // every), 0), int(t // every) + 1):
            dice = self.dice(number, 10)
            since = t - every * number - dice.uniform(0, every)
            if not 0 <= since < 1.6:
                continue
            x, y = self._x + dice.normal(0, 0.12 * self.width), dice.uniform(0.02, 0.3) * self.height
            fade, size = float(np.exp(-since / 0.5)), (10 + 50 * (1 - np.exp(-since / 0.3))) * self.scale
            for turn in dice.uniform(0, 6.28, 24):
                far = size * dice.uniform(0.4, 1.0)
                glow_at(picture, x + far * np.cos(turn), y + far * np.sin(turn), max(1.2 * self.scale, 0.6), 3 * fade)
            picture *= np.float32(1 + dice.uniform(0.1, 0.8) * fade)
