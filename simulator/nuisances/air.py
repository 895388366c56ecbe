"""Air that hides or imitates: fog, banks of it, cloud lit from below, moonrise. Numbers are rows of the confusers."""

from __future__ import annotations

import cv2
import numpy as np

from simulator.filters import Picture, blur, grow, shrink
from simulator.nuisances.base import Nuisance
from simulator.raster import SKY

_KOSCHMIEDER = 3.912  # optical depth over the visibility


class Fog(Nuisance):
    """Radiation fog that rolls in over some minutes, down to its visibility (12)."""

    def draw(self, rng: np.random.Generator) -> None:
        """How thick it gets and how fast."""
        self._sight_m, self._lag_s = self.strong(rng, 40, 120), float(rng.uniform(25, 60))
        self._kept = self._kept_at(np.inf)

    def sight_m(self, t: float) -> float:
        """Visibility; a scheduled fog is there already, one on order comes."""
        clear = 0.0 if self.strength is not None else 900 * np.exp(-max(t, 0.0) / self._lag_s)
        return float(self._sight_m + clear)

    def change(self, picture: Picture, t: float) -> None:
        """Extinction and lit air by distance, and wide halos."""
        self._veil(picture, self._kept if self.strength is not None else self._kept_at(t))

    def _kept_at(self, t: float) -> Picture:
        return np.exp(-np.minimum(self.depth, 2500) * np.float32(_KOSCHMIEDER / self.sight_m(t)))[..., None]

    def _veil(self, picture: Picture, kept: Picture) -> None:
        lit_air = 0.25 * grow(blur(shrink(picture, 8), 9 * self.scale + 0.5), picture) + np.float32(1.2 * self.sky)
        picture *= kept
        picture += lit_air * (1 - kept)


class FogBanks(Fog):
    """Banks that drift by: the same place is hidden and clear again within minutes (12)."""

    def draw(self, rng: np.random.Generator) -> None:
        """The banks' pattern, speed and thickness."""
        super().draw(rng)
        field = blur(rng.standard_normal((64, 512), np.float32), 12) + 0.25 * blur(
            rng.standard_normal((64, 512), np.float32), 4
        )
        low = np.linspace(-0.6, 0.6, 64, dtype=np.float32)[:, None]  # banks lie on the ground
        self._field = 1 / (1 + np.exp(-2.2 * (field / field.std() + low - np.float32(rng.uniform(0.2, 1.0)))))
        self._thick, self._reach_m = float(rng.uniform(1.0, 4.0)), float(rng.uniform(60, 250))
        self._speed = float(rng.uniform(0.8, 4.0)) * float(rng.choice([-1, 1]))

    def change(self, picture: Picture, t: float) -> None:
        """Thickness by the bank that is before each part of the view, and by how much of it lies before a surface."""
        start = int(self._speed * t * 4) % 512
        part = np.roll(self._field, -start, axis=1)[:, :160]
        thick = np.asarray(cv2.resize(part, (self.width, self.height), interpolation=cv2.INTER_CUBIC), np.float32)
        before = 1 - np.exp(-np.minimum(self.depth, 2500) / np.float32(self._reach_m))
        self._veil(picture, np.exp(-np.float32(self._thick) * before * thick.clip(0))[..., None])


class LowCloud(Nuisance):
    """Low cloud lit by the town: large bright shapes that drift slowly and come from nowhere (13)."""

    def draw(self, rng: np.random.Generator) -> None:
        """Its shapes, drift and brightness."""
        field = blur(rng.standard_normal((96, 640), np.float32), 14) + 0.4 * blur(
            rng.standard_normal((96, 640), np.float32), 4
        )
        self._field = np.clip(field / field.std(), -1.5, 2.5).astype(np.float32)
        self._share, self._speed = (
            self.strong(rng, 0.15, 0.8),
            float(rng.uniform(0.1, 0.9)) * float(rng.choice([-1, 1])),
        )
        above = self.still.view.face == SKY
        self._rows = int(np.nonzero(above.any(axis=1))[0].max(initial=0)) + 1
        self._above = above[: self._rows].astype(np.float32)

    def change(self, picture: Picture, t: float) -> None:
        """The sky brightens and darkens; houses do not."""
        picture[: self._rows] *= self.once(t, lambda: self._brightened(t))

    def _brightened(self, t: float) -> Picture:
        """Factor on every pixel (h, w, 1) down to the lowest with sky."""
        wide, tall = self.width / 1280, self.height / 360
        move = np.array([[4 * wide, 0, -wide * ((self._speed * t * 4) % 1600)], [0, 3.2 * tall, 0]])
        shape = cv2.warpAffine(self._field, move, (self.width, self._rows), borderMode=cv2.BORDER_WRAP)
        factor: Picture = 1 + np.float32(0.4 * self._share) * np.asarray(shape, np.float32) * self._above
        return factor[..., None]


class Moonrise(Nuisance):
    """The moon comes over the roofs: sky and haze brighten through half an hour, cloud before it flickers."""

    def draw(self, rng: np.random.Generator) -> None:
        """From where and how bright."""
        self._x, self._bright = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.5, 2.5))
        self._phase = rng.uniform(0, 6.28, 3)

    def change(self, picture: Picture, t: float) -> None:
        """A wide glow in the sky that grows, with thin cloud passing."""
        grown = 1 - np.exp(-t / 400)
        cloud = 1 + 0.25 * np.sin(t / np.array([13.0, 31.0, 71.0]) + self._phase).mean()
        across = np.arange(self.width, dtype=np.float32) / self.width - self._x
        down = np.arange(self.height, dtype=np.float32)[:, None] / self.height - np.float32(0.25 - 0.2 * grown)
        glow = np.exp(-(across**2 + down**2) / 0.06) * np.float32(self._bright * self.sky * grown * cloud)
        picture += np.where(self.depth > 2000, glow, 0.12 * glow)[..., None].astype(np.float32)
