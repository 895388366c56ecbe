"""Windows of the simulator's winters to train on: plumes of another hand, lit by other light, with other look-alikes.

Streets come from training seeds alone; the scoreboard's streets are others (lab/scenes/seeds.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np

from detector.frames import admit
from lab.scenes.night import Recipe, Seen
from lab.scenes.noise import H, Rng, W
from simulator.happenings import KINDS, Happening
from simulator.lighting import LightType
from simulator.render import Size, render_changes
from simulator.schedule import WinterNight, winter

SIZE: Size = (640, 360)
_LIGHTS: tuple[LightType, ...] = get_args(LightType)
_BEFORE_S, _MOST_S = 60.0, 600.0  # a window begins so long before what it is about, or so far into it


@dataclass(frozen=True)
class Mouth:
    """Where a plume begins in the working picture. ``kind``: smoke, steam, or other smoke that is not sought."""

    kind: str
    x: float
    y: float


class StreetWindow:
    """One window of one camera; iterate :meth:`frames` once. As :class:`lab.scenes.night.Night` to those who watch."""

    def __init__(self, night: WinterNight, camera: str, from_s: float, recipe: Recipe, light: LightType) -> None:
        self.recipe, self._from_s = recipe, from_s
        marks, self._frames = render_changes(night, camera, from_s, recipe.length_s, 1 / recipe.period_s, SIZE, light)
        kinds = [_sought(KINDS[mark.kind].truly) for mark in marks]
        self._used = [number for number, kind in enumerate(kinds) if kind]
        self.sources = [
            Mouth(kinds[n], marks[n].origin_px[0] * W / SIZE[0], marks[n].origin_px[1] * H / SIZE[1])
            for n in self._used
        ]

    def frames(self) -> Iterator[Seen]:
        """The frames in order at the working size, with what each source changes."""
        for t_s, frame, changes in self._frames:
            shown = [cv2.resize(changes[n], (W, H), interpolation=cv2.INTER_AREA) for n in self._used]
            yield Seen(t_s - self._from_s, admit(frame)[0], shown)


def _sought(truly: str | None) -> str:
    """What the network is to answer for a plume: smoke, steam, no answer ("other"), or nothing at all ("")."""
    if truly in ("smoke", "steam"):
        return truly
    return "other" if truly in ("open_burning", "fireworks") else ""


def windows_of(seed: int, count: int) -> Iterator[StreetWindow]:
    """Windows of one street's winter, each around something that happens in the dark: every kind that the winter has
    comes as often, stoves more often. ``seed`` draws the street, its winter and the windows."""
    rng = np.random.default_rng([seed, 0x7A])
    nights = winter(seed)
    by_kind: dict[str, list[tuple[WinterNight, Happening]]] = defaultdict(list)
    for night in nights:
        for event in night.happenings:
            if event.facts.seen_by != "air" and night.sky.dark_from_s < event.t0_s < night.sky.dark_to_s - _MOST_S:
                by_kind[event.kind].append((night, event))
    light = _LIGHTS[int(rng.integers(len(_LIGHTS)))]
    for _ in range(count):
        yield _window(rng, by_kind, light)


def _window(rng: Rng, by_kind: dict[str, list[tuple[WinterNight, Happening]]], light: LightType) -> StreetWindow:
    kinds = sorted(by_kind)
    kind = "stove" if rng.random() < 0.5 and "stove" in by_kind else str(rng.choice(kinds))
    night, event = by_kind[kind][int(rng.integers(len(by_kind[kind])))]
    cameras = [event.gateway] if event.gateway is not None else sorted(night.street.cameras)
    lasts = min(event.t1_s - event.t0_s, _MOST_S)
    from_s = float(event.t0_s + rng.uniform(-_BEFORE_S, max(lasts - 20, 1.0)))
    recipe = Recipe(length_s=float(rng.choice([60, 90, 130])), period_s=float(rng.choice([0.5, 0.5, 0.5, 1.0])))
    return StreetWindow(night, str(rng.choice(cameras)), from_s, recipe, light)
