"""Is a plume that burns on and on taken into the background? One steady plume for three quarters of an hour at a frame
a second, through the whole detector with its committed network: is its event still open at the end?

A detector that compares with a background forgets what stays. A stove smokes for 15 to 40 minutes; an event that ends
before its smoke does becomes a second alert, or none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np

from detector.pipeline import Detector
from lab.judge import NEAR_PX, VISIBLE_LEVELS, VISIBLE_SIGMAS
from lab.scenes.night import Night, Recipe, Source
from lab.scenes.noise import H, W
from lab.scenes.plumes import random_engine
from lab.scenes.seeds import JUDGE
from lab.scenes.shapes import random_shape

FIRST_SEED = JUDGE.start + 700_000  # a range of its own among those that judge
_STARTS_S = 60.0
_UNSTEADY = 0.1  # relative deviation of the emission: as even as a stove burns
_LEAST_OPACITY = 0.3  # fainter ones may not be found at all, and that is another question
_STRONGEST = 16
_TUNED_IN_S = 10.0  # of noise, before anything burns


@dataclass(frozen=True, slots=True)
class Steady:
    """One night. ``contrast`` is the median over time of the plume's strongest pixels, grey levels."""

    seed: int
    visible: bool
    contrast: float
    noise: float
    alarm_s: float | None  # after the plume began
    events: int  # that began at the plume
    open_share: float  # of the frames after the first alarm with an event at the plume open
    longest_gap_s: float
    open_at_end: bool
    elsewhere: int  # events that began at other places


def watch(seed: int, minutes: float) -> Steady:
    """One night through the detector."""
    length_s = 60.0 * minutes
    night = Night(seed, Recipe(length_s, 1.0, smoke=1, steam=0, look_alikes=(), at_start=False, codec="jpeg"))
    source = night.sources[0] = _burning(night.sources[0], seed, length_s)
    detector = Detector()
    contrasts, jumps, opens = list[float](), list[float](), list[bool]()
    last: np.ndarray | None = None
    area = np.zeros((H, W), np.float32)  # what the plume has changed lately, grey levels
    near, elsewhere, alarm_s = set[int](), set[int](), None
    for seen in night.frames():
        frame = np.clip(seen.frame, 0, 255).astype(np.uint8)
        if seen.t_s < _TUNED_IN_S:
            jumps += [] if last is None else [float(cv2.absdiff(frame, last).mean())]
            last = frame
        if seen.t_s > _STARTS_S + 30:
            size = np.abs(seen.contrasts[0]).ravel()
            contrasts.append(float(np.partition(size, -_STRONGEST)[-_STRONGEST:].mean()))
        np.maximum(0.98 * area, np.abs(seen.contrasts[0]), out=area)
        result = detector.push(frame, seen.t_s)
        for event in result.events:
            if event.phase == "start":
                x, y = event.origin_px
                inside = area[np.clip(int(y), 0, H - 1), np.clip(int(x), 0, W - 1)] > 1.0
                here = bool(inside) or np.hypot(x - source.x, y - source.y) < NEAR_PX
                (near if here else elsewhere).add(event.track)
                if here and alarm_s is None:
                    alarm_s = event.alarm_s - _STARTS_S
        if alarm_s is not None:
            opens.append(any(event.track in near for event in result.open_events))
    noise = float(np.median(jumps)) * float(np.sqrt(np.pi)) / 2
    contrast = float(np.median(contrasts))
    return Steady(
        seed, contrast >= max(VISIBLE_LEVELS, VISIBLE_SIGMAS * noise), round(contrast, 1), round(noise, 2),
        None if alarm_s is None else round(alarm_s, 1), len(near), round(float(np.mean(opens)), 3) if opens else 0.0,
        longest_gap(opens), bool(opens) and opens[-1], len(elsewhere),
    )  # fmt: skip


def longest_gap(opens: Sequence[bool]) -> float:
    """The longest run of frames (a second each) without an open event."""
    longest = now = 0
    for one in opens:
        now = 0 if one else now + 1
        longest = max(longest, now)
    return float(longest)


def steady(nights: int, minutes: float, say: Callable[[str], None]) -> list[Steady]:
    """Nights from fixed seeds, one after the other."""
    rows = []
    for seed in range(FIRST_SEED, FIRST_SEED + nights):
        rows.append(watch(seed, minutes))
        say(json.dumps(asdict(rows[-1])))
    return rows


def table(rows: Sequence[Steady], minutes: float) -> str:
    """What came out, in Markdown."""
    seen = [row for row in rows if row.visible]
    found = [row for row in seen if row.alarm_s is not None]
    once = [row for row in found if row.open_at_end and row.events == 1]
    share = f"{np.mean([row.open_share for row in found]):.1%}" if found else "–"
    gap = f"{max(row.longest_gap_s for row in found):.0f} s" if found else "–"
    wait = f"{np.median([row.alarm_s for row in found if row.alarm_s is not None]):.0f} s" if found else "–"
    return "\n".join(
        [
            f"| one plume for {minutes:g} minutes, a frame a second (simulated) | |",
            "| --- | --- |",
            f"| plumes drawn, visible among them, found | {len(rows)}, {len(seen)}, {len(found)} |",
            f"| found after (median) | {wait} |",
            f"| event open at the end | {sum(row.open_at_end for row in found)} of {len(found)} |",
            f"| open at the end as one event throughout | {len(once)} of {len(found)} |",
            f"| time after the alarm with the event open | {share} |",
            f"| longest time without | {gap} |",
            f"| events elsewhere | {sum(row.elsewhere for row in rows)} |",
            "",
        ]
    )


def _burning(source: Source, seed: int, length_s: float) -> Source:
    """The night's plume, but even, and burning from the first minute on until after the end."""
    rng = np.random.default_rng(seed)
    shape = random_shape(rng, source.x, source.y, steam=False)
    shape = replace(shape, unsteady=_UNSTEADY, opacity=max(shape.opacity, _LEAST_OPACITY))
    return replace(
        source, engine=random_engine(rng, shape, length_s), opacity=shape.opacity,
        times=[(_STARTS_S, length_s + 1000.0)], ramp_s=10.0,
    )  # fmt: skip
