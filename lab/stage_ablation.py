"""What each stage of the detector is worth: the same judging nights with one stage taken out at a time.

A stage is taken out by putting nothing in its place; the network is not trained again without it. So the figures say
what the released detector loses, not how well another one could do without the stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pool
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from detector import pipeline, watcher
from detector.maps import FIGURES, MAPS
from detector.model import Model
from detector.register import Pose
from lab.evaluate import auc
from lab.judge import Row, run
from lab.scenes.night import Night, Seen
from lab.scenes.seeds import JUDGE
from lab.suites import Case

# Maps that say one thing together; what is neutral is what a quiet picture shows.
GROUPS: dict[str, tuple[str, ...]] = {
    "moments in units of the noise": ("deviation", "coherent", "coherent5", "flicker", "long"),
    "shift against the background": ("shift5", "shift20", "shift20_local", "shift20_wide", "shift60"),
    "persistence and impulsiveness": ("away", "impulsive"),
    "occlusion and texture": ("occlusion", "texture"),
    "explained by a shift": ("by_shift",),
    "memory and transport": ("memory", "memory2", "up", "right"),
    "what it stands before": ("level", "edges"),
    "surroundings": ("around", "wide"),
}
# Medians over training moments; what is not named is neutral at one half.
_QUIET = {
    "deviation": 0.4, "coherent": 0.4, "coherent5": 0.4, "flicker": 0.25, "long": 0.36, "away": 0.0, "impulsive": 0.75,
    "texture": 0.3, "by_shift": 0.05, "memory": 0.66, "memory2": 0.57, "level": 0.17, "edges": 0.25, "around": 0.4,
    "wide": 0.14,
}  # fmt: skip


_PLUMES_FROM = JUDGE.start + 400_000  # behind those of the look-alikes


class Blinded:
    """The network with some of its maps (or its figures) held at what a quiet picture shows."""

    def __init__(self, model: Model, maps: Sequence[str] = (), figures: bool = False) -> None:
        self._model, self._figures = model, figures
        self._maps = [(MAPS.index(name), _QUIET.get(name, 0.5)) for name in maps]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, maps: NDArray[np.float32], figures: NDArray[np.float32]) -> NDArray[np.float32]:
        """As :class:`detector.model.Model`."""
        maps = maps.copy()
        for index, value in self._maps:
            maps[:, :, index] = value
        return self._model(maps, np.full(len(FIGURES), 0.5, np.float32) if self._figures else figures)


def _no_pose(grey: Any, reference: Any, before: Pose) -> Pose:
    return Pose()


def _as_it_is(laid: Any, background: Any, pose: Pose) -> Any:
    return laid


def _everywhere(stats: Any, shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.ones(shape, np.float32)


@contextmanager
def without(variant: str) -> Iterator[None]:
    """The detector without one stage, for as long as it lasts."""
    if variant == "registration":
        with patch.object(watcher, "find_pose", _no_pose):
            yield
    elif variant == "even light":
        with patch.object(watcher, "flatten", _as_it_is):
            yield
    elif variant == "presence":
        with patch.object(pipeline, "present", _everywhere):
            yield
    elif variant == "whole-frame figures":
        with patch.object(pipeline, "Model", lambda: Blinded(Model(), figures=True)):
            yield
    elif variant in GROUPS:
        with patch.object(pipeline, "Model", lambda: Blinded(Model(), GROUPS[variant])):
            yield
    else:
        yield


VARIANTS = ("", "registration", "even light", "presence", "whole-frame figures", *GROUPS)


class _Kept(Night):
    """A night drawn once, to be looked at many times."""

    def __init__(self, night: Night) -> None:
        self.__dict__.update(night.__dict__)
        self._seen = list(night.frames())

    def frames(self) -> Iterator[Seen]:
        """As :meth:`Night.frames`, as often as asked."""
        return iter(self._seen)


def _one(case: Case) -> dict[str, Row]:
    cv2.setNumThreads(1)
    night, rows = _Kept(case.night()), {}
    for variant in VARIANTS:
        with without(variant):
            rows[variant] = run(night, case.seed, case.name, case.group, case.weather)
    return rows


def ablate(cases: Sequence[Case], processes: int, say: Callable[[str], None]) -> dict[str, list[Row]]:
    """Every variant's rows over the same nights."""
    out: dict[str, list[Row]] = {variant: [] for variant in VARIANTS}
    with Pool(processes) as pool:
        for number, rows in enumerate(pool.imap(_one, cases), 1):
            for variant, row in rows.items():
                out[variant].append(row)
            if number % 10 == 0 or number == len(cases):
                say(f"{number} of {len(cases)} nights, {len(VARIANTS)} times each")
    return out


def table(found: dict[str, list[Row]]) -> str:
    """For the manual."""
    places = sorted({row.group.split(":")[0] for row in found[""]})
    heads = [f"{place}: {what}" for place in places for what in ("AUC", "smoke found", "false nights")]
    lines = [f"| without | {' | '.join(heads)} |", f"|{' --- |' * (len(heads) + 1)}"]
    for variant, rows in found.items():
        cells = [cell for place in places for cell in _cells([r for r in rows if r.group.startswith(place)])]
        lines.append(f"| {variant or '(everything in place)'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(rows: Sequence[Row]) -> tuple[str, str, str]:
    smoky = [row for row in rows if row.visible()]
    clean = [row for row in rows if not row.smoke and not row.steam]
    hits = sum(any(fact["alarm_s"] >= 0 for fact in row.visible()) for row in smoky)
    parted = auc([row.best_smoke for row in smoky], [row.best for row in clean])
    wrong = sum(bool(row.false_events) for row in clean)
    return f"{parted:.3f}", f"{hits} of {len(smoky)}", f"{wrong} of {len(clean)}"


def suite(scale: float, data: Path | None) -> list[Case]:
    """Judging nights without the ten-minute ones, which would take half of the time. Four times as many with a plume as
    in the table of ``evaluate``: there are five kinds of them, and 26 of look-alikes."""
    from lab.suites import cases

    def plume(case: Case) -> bool:
        return bool(case.recipe.smoke or case.recipe.steam)

    plumes = [case for case in cases(4 * scale, data, _PLUMES_FROM) if plume(case)]
    return plumes + [case for case in cases(scale, data) if not plume(case) and case.recipe.length_s <= 200]
