"""From heat to plumes: a score at a fixed origin, opened above a threshold, kept while it lasts, closed when it is
gone.

The score is the mean origin heat over 16 seconds: what flashes by never reaches it, what stays and moves does.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.cues import Course
from detector.firings import Firings

WINDOW_S = 16.0
CLOSE_AFTER_S = 25.0
SAME_CELLS = 3.5  # two peaks nearer than this are one origin
_CLOSE_SHARE = 0.35  # of the threshold
_ONSET_SHARE = 0.4
_FROM_START_S = 4.0
_WANDER_LEAST = 0.15  # heat below it has no place of its own

Heat = NDArray[Any]


@dataclass(slots=True)
class Track:
    """One plume at one origin, in cells of the heat map; scores 0-1, times in seconds."""

    number: int
    x: float
    y: float
    sigma: float
    started_s: float
    alarm_s: float
    last_seen_s: float
    score: float
    peak: float
    smoke: float
    steam: float
    area: NDArray[np.bool_]
    visible_s: float = 0.0
    told_s: float = 0.0
    told_class: str = ""
    held_until_s: float = -np.inf  # not closed before: taken over from an earlier process, not yet seen by this one
    from_start: bool = False  # there when looking began: its rise was not seen
    course: Course = field(default_factory=Course)
    firings: tuple[int, float | None] = (0, None)  # short plumes at this place before it, and their mean period


class Tracker:
    """Keeps scores and tracks of one camera. ``step`` once per network run; nothing else grows."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.open: list[Track] = []
        self._heat: deque[tuple[float, Heat]] = deque()
        self._rising: Heat | None = None  # since when each cell has been above the onset level
        self._firings = Firings()
        self._next = 1
        self._least = 1
        self.favour: Heat | None = None  # factor on the score, above 1 at known chimneys

    def clear_heat(self) -> None:
        """Forgets scores (the background was replaced), keeps open tracks."""
        self._heat.clear()
        self._rising = None

    def score(self) -> Heat | None:
        """Mean origin heat over the window, each cell with its neighbours' best; None before the first heat."""
        if not self._heat:
            return None
        total = np.sum([heat for _, heat in self._heat], axis=0)
        mean: Heat = total / max(len(self._heat), self._least)
        return mean if self.favour is None else np.minimum(mean * self.favour, 1.0)

    def step(self, out: NDArray[np.float32], t_s: float, period_s: float) -> tuple[list[Track], list[Track]]:
        """Takes the network's answer (h, w, 3) at ``t_s``; returns tracks that opened and tracks that closed."""
        heat = cv2.dilate(out[:, :, 0], np.ones((3, 3), np.uint8))
        self._heat.append((t_s, heat))
        while t_s - self._heat[0][0] > WINDOW_S:
            self._heat.popleft()
        self._least = max(1, round(WINDOW_S * 0.7 / max(period_s, 0.1)))
        score = self.score()
        assert score is not None
        self._note_rising(score, t_s)
        opened = []
        for x, y in self._peaks(score, out[:, :, 0]):
            if float(score[y, x]) < self.threshold:
                break
            if not any(self._belongs(track, x, y) for track in self.open):
                opened.append(self._begin(x, y, score, out, t_s))
        closed = [track for track in self.open if not self._carry_on(track, score, out, t_s, period_s)]
        self.open = [track for track in self.open if track not in closed]
        self._note_ends(closed)
        return opened, closed

    def wait(self, t_s: float) -> list[Track]:
        """Nothing can be judged now: closes and returns what has been unseen for too long."""
        self.clear_heat()
        closed = [track for track in self.open if _gone(track, t_s)]
        self.open = [track for track in self.open if track not in closed]
        self._note_ends(closed)
        return closed

    def shift(self, by_s: float) -> None:
        """The clock was set by so many seconds (usually back): open tracks go with it, scores begin anew."""
        self.clear_heat()
        self._firings.shift(by_s)
        for track in self.open:
            for name in ("started_s", "alarm_s", "last_seen_s", "told_s", "held_until_s"):
                setattr(track, name, getattr(track, name) + by_s)

    def take_over(self, tracks: list[Track]) -> None:
        """Goes on with an earlier process's open tracks, under numbers of its own."""
        for track in tracks:
            track.number, self._next = self._next, self._next + 1
            self.open.append(track)

    def finish(self) -> list[Track]:
        """Closes everything."""
        closed, self.open = self.open, []
        return closed

    def _note_ends(self, closed: list[Track]) -> None:
        for track in closed:
            self._firings.note(track.x, track.y, track.started_s, track.last_seen_s)

    def _note_rising(self, score: Heat, t_s: float) -> None:
        if self._rising is None:
            self._rising = np.full(score.shape, np.inf, np.float64)
        above = score > _ONSET_SHARE * self.threshold
        self._rising = np.where(above, np.minimum(self._rising, t_s), np.inf)

    def _peaks(self, score: Heat, raw: Heat) -> list[tuple[int, int]]:
        """Cells that are the highest within three cells, best first. Ties of the dilated score go to the raw heat."""
        fine = score + 1e-4 * cv2.GaussianBlur(raw, (3, 3), 0)
        top = (fine >= cv2.dilate(fine, np.ones((7, 7), np.uint8))) & (score > 0.5 * self.threshold)
        ys, xs = np.nonzero(top)
        order = np.argsort(-score[ys, xs])[:20]
        return [(int(xs[i]), int(ys[i])) for i in order]

    def _belongs(self, track: Track, x: int, y: int) -> bool:
        return np.hypot(track.x - x, track.y - y) < SAME_CELLS or bool(track.area[y, x])

    def _begin(self, x: int, y: int, score: Heat, out: NDArray[np.float32], t_s: float) -> Track:
        assert self._rising is not None
        since, value = float(self._rising[y, x]), float(score[y, x])
        x_fine, y_fine, sigma = _centre(score * (0.2 + out[:, :, 0]), x, y)
        track = Track(
            number=self._next, x=x_fine, y=y_fine, sigma=sigma, started_s=min(since, t_s), alarm_s=t_s, last_seen_s=t_s,
            score=value, peak=value, smoke=0.0, steam=0.0, area=_area(out, x, y), visible_s=t_s -
            min(since, t_s), told_s=t_s,
        )  # fmt: skip
        track.smoke, track.steam = _classes(out, track.area)
        track.from_start = since - self._heat[0][0] < _FROM_START_S and len(self._heat) < 2 * self._least
        track.firings = self._firings.before(track.x, track.y, track.started_s)
        for seen_s, heat in self._heat:
            track.course.note(seen_s, float(heat[y, x]), 0.5)
        self._next += 1
        self.open.append(track)
        return track

    def _carry_on(self, track: Track, score: Heat, out: NDArray[np.float32], t_s: float, period_s: float) -> bool:
        x, y = round(track.x), round(track.y)
        y0, x0 = max(y - 2, 0), max(x - 2, 0)
        track.score = float(score[y0 : y + 3, x0 : x + 3].max())
        track.peak = max(track.peak, track.score)
        now = float(out[y0 : y + 3, x0 : x + 3, 0].max())
        track.course.note(t_s, now, _wander(out[:, :, 0], track) if now > _WANDER_LEAST else track.course.wander_cells)
        if track.score > _CLOSE_SHARE * self.threshold:
            track.last_seen_s = t_s
            track.visible_s += period_s
            area = _area(out, x, y)
            smoke, steam = _classes(out, area)
            share = 0.1
            track.smoke += share * (smoke - track.smoke)
            track.steam += share * (steam - track.steam)
            if area.any():
                track.area = area
        return not _gone(track, t_s)


def _gone(track: Track, t_s: float) -> bool:
    return t_s - max(track.last_seen_s, track.held_until_s) >= CLOSE_AFTER_S


def _centre(heat: Heat, x: int, y: int) -> tuple[float, float, float]:
    """Centre of the heat within two cells of a peak, and its spread, in cells."""
    y0, x0 = max(y - 2, 0), max(x - 2, 0)
    part = heat[y0 : y + 3, x0 : x + 3].astype(np.float64) ** 2
    total = part.sum()
    if total <= 0:
        return float(x), float(y), 1.0
    ys, xs = np.mgrid[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]]
    cx, cy = float((part * xs).sum() / total), float((part * ys).sum() / total)
    spread = float(np.sqrt((part * ((xs - cx) ** 2 + (ys - cy) ** 2)).sum() / total / 2))
    return cx, cy, max(spread, 0.5)


def _wander(heat: Heat, track: Track) -> float:
    """How far the hottest cell within four of the origin lies from it."""
    x, y = round(track.x), round(track.y)
    y0, x0 = max(y - 4, 0), max(x - 4, 0)
    part = heat[y0 : y + 5, x0 : x + 5]
    row, column = divmod(int(np.argmax(part)), part.shape[1])
    return float(np.hypot(x0 + column - track.x, y0 + row - track.y))


def _area(out: NDArray[np.float32], x: int, y: int) -> NDArray[np.bool_]:
    """The plume's cells: where smoke or steam is likely, connected with the origin."""
    likely = (np.maximum(out[:, :, 1], out[:, :, 2]) > 0.35).astype(np.uint8)
    likely[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = 1
    _, labels = cv2.connectedComponents(likely, connectivity=8)
    here: NDArray[np.bool_] = labels == labels[y, x]
    return here


def _classes(out: NDArray[np.float32], area: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean smoke and steam likelihood over the plume's cells."""
    return float(out[:, :, 1][area].mean()), float(out[:, :, 2][area].mean())
