"""What each camera really saw in a window, gathered frame by frame, and what a claim at some pixel was truly about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import hypot, inf
from statistics import median

import numpy as np

from simulator.happenings import KINDS, Happening
from simulator.pinhole import Pinhole
from simulator.truth import LEAST_CONTRAST_TO_NOISE, LEAST_SECONDS, PlumeTruth, Source

#: Smoke that the town looks for. Smoke from beyond the watched roofs is a confuser: the roof named is then wrong.
BURNING = frozenset(kind for kind, facts in KINDS.items() if facts.truly == "smoke" and kind != "far_stove")
NOTHING = "nothing known"

_NEAR_SHARE = 0.05  # of the frame's width: a claim this near to a mouth is about it (some 3 m at 75 m)
_REACH_SHARE = 0.1  # a plume's own size adds at most this much
_BEFORE_S = 20.0  # the detector's memory: what ended this long ago may still be what a claim is about


@dataclass(slots=True)
class Sight:
    """One plume in one camera, all frames of a window."""

    source: Source
    times_s: list[float] = field(default_factory=list)
    truths: list[PlumeTruth] = field(default_factory=list)

    def judgeable_s(self, fps: float) -> float:
        """How long it was judgeable in all."""
        return sum(truth.judgeable for truth in self.truths) / fps

    def first_judgeable_s(self, fps: float) -> float | None:
        """When it first was, if it was for long enough to be asked for."""
        if self.judgeable_s(fps) < LEAST_SECONDS:
            return None
        return next(t for t, truth in zip(self.times_s, self.truths, strict=True) if truth.judgeable)

    def typical(self, name: str) -> float:
        """Median of a measure over judgeable frames; over a plume that never was, its best."""
        shown = [float(getattr(truth, name)) for truth in self.truths if truth.judgeable]
        return median(shown) if shown else max(float(getattr(truth, name)) for truth in self.truths)

    def peak_opacity(self, fps: float) -> float:
        """Highest ten-second mean of the mouth's opacity: single flickers make no band."""
        width = max(1, round(10 * fps))
        values = np.array([truth.opacity for truth in self.truths])
        if len(values) <= width:
            return float(values.mean()) if len(values) else 0.0
        sums = np.convolve(values, np.ones(width) / width, mode="valid")
        return float(sums.max())


@dataclass(slots=True)
class Sights:
    """Everything that one camera truly saw."""

    gateway: str
    camera: Pinhole  # at the size of the frames
    fps: float
    plumes: dict[Source, Sight] = field(default_factory=dict)

    def note(self, t_s: float, seen: Sequence[PlumeTruth]) -> None:
        """One frame's plumes."""
        for truth in seen:
            sight = self.plumes.setdefault(truth.source, Sight(truth.source))
            sight.times_s.append(t_s)
            sight.truths.append(truth)

    def of(self, source: Source, from_s: float, to_s: float) -> Sight | None:
        """One plume in the frames of a time; None where it was in none."""
        whole = self.plumes.get(source)
        if whole is None:
            return None
        part = [(t, truth) for t, truth in zip(whole.times_s, whole.truths, strict=True) if from_s <= t <= to_s]
        return Sight(source, [t for t, _ in part], [truth for _, truth in part]) if part else None

    def source_at(
        self, origin_px: tuple[float, float], from_s: float, to_s: float, happenings: Sequence[Happening] = ()
    ) -> Source | None:
        """The plume that a claim at this pixel (of these frames) and time is about: the nearest of those that could be
        seen; of the others only where there is none.

        A plume that nobody looks for is not it where something that moves or switches at its own place lies nearer.
        """
        best, found = self._nearest(origin_px, from_s, to_s, LEAST_CONTRAST_TO_NOISE)
        if found is None:
            best, found = self._nearest(origin_px, from_s, to_s, 0.0)
        if found is None or found.kind in BURNING:
            return found
        stirs = [event for event in happenings if event.place is not None and self._stirs(event, from_s, to_s)]
        return None if any(self._away(origin_px, event) < best for event in stirs) else found

    def _nearest(
        self, origin_px: tuple[float, float], from_s: float, to_s: float, contrast: float
    ) -> tuple[float, Source | None]:
        """Of the plumes within reach with at least so much contrast to noise: how far off, and which."""
        best, found = inf, None
        width = self.camera.size[0]
        for sight in self.plumes.values():
            for t, truth in zip(sight.times_s, sight.truths, strict=True):
                if not from_s - _BEFORE_S <= t <= to_s or truth.contrast_to_noise < contrast:
                    continue
                away = hypot(origin_px[0] - truth.origin_px[0], origin_px[1] - truth.origin_px[1])
                reach = _NEAR_SHARE * width + min(max(truth.size_px) / 2, _REACH_SHARE * width)
                if away <= reach and away < best:
                    best, found = away, sight.source
        return best, found

    def _stirs(self, event: Happening, from_s: float, to_s: float) -> bool:
        """Whether it is no plume, and moves or changes before this camera about that time."""
        if event.gateway not in (None, self.gateway) or event.facts.truly not in (None, "other"):
            return False
        if event.kind == "light_switch":  # a lamp that burns on is still
            return any(from_s - _BEFORE_S <= turn <= to_s for turn in (event.t0_s, event.t1_s))
        return event.facts.seen_by != "air" and event.t0_s <= to_s and event.t1_s >= from_s - _BEFORE_S

    def other_at(
        self, origin_px: tuple[float, float], happenings: Sequence[Happening], from_s: float, to_s: float
    ) -> str:
        """What else was there: the nearest thing with a place, else what lay over the whole picture, else nothing."""
        best, found = _NEAR_SHARE * self.camera.size[0] * 2, ""
        wide: list[Happening] = []
        for event in happenings:
            if event.t0_s > to_s or event.t1_s < from_s - _BEFORE_S or event.facts.seen_by == "air":
                continue
            if event.gateway not in (None, self.gateway):
                continue
            if event.place is None:
                wide.append(event)
                continue
            away = self._away(origin_px, event)
            if away < best:
                best, found = away, event.kind
        if found or not wide:
            return found or NOTHING
        return min(wide, key=lambda event: (event.t1_s - event.t0_s, event.kind)).kind  # the most particular in time

    def _away(self, origin_px: tuple[float, float], event: Happening) -> float:
        """Pixels between a point and a happening, or the line along which it moves."""
        assert event.place is not None
        start, end = np.array(event.place), np.array(event.to_place or event.place)
        pixels, ahead = self.camera.project(start + np.linspace(0, 1, 24)[:, None] * (end - start))
        there = pixels[ahead > 1]
        return float(np.hypot(*(there - origin_px).T).min()) if len(there) else inf
