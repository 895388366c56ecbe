"""What a plume's course says beside the network: where it begins, how it rose, which way it drifts, whether it cycles,
how it ended. Bounded evidence for the confidence and the class, with reasons for people; whether there is an event at
all is the score's business alone. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from smokesentry.weather import Weather

CUES = ("origin", "onset", "transport", "persistence", "periodicity", "decay")
COURSE_STEP_S = 5.0
COURSE_LENGTH = 720  # an hour
LEAST_LOGIT, MOST_LOGIT = -1.0, 0.7  # on the confidence
LEAST_STEAM, MOST_STEAM = -0.08, 0.25  # on steam's share
_RISE_AT_ONCE_S, _RISE_SMOKE_S = 2.0, 120.0
_STILL_CELLS, _WANDERING_CELLS = 0.8, 2.0
_DRIFT = 0.06  # of the change's energy: below it nothing can be said of where it goes
_LASTING_S = 180.0
_LEAST_CYCLES = 2
_STEAM_A_CYCLE = 0.06
_LIGHT_WIND_M_S = 1.5
_ABRUPT_S, _SLOW_S = 8.0, 40.0


@dataclass(slots=True)
class Course:
    """What a track has been doing; small and bounded. Strength is the heat at the origin, 0-1."""

    strength: list[float] = field(default_factory=list)  # mean over each COURSE_STEP_S
    wander_cells: float = 0.0  # running deviation of the hottest cell from the origin
    up: float = 0.0  # drift of the change, -1 to 1
    right: float = 0.0
    seen: int = 0
    _sum: float = 0.0
    _count: int = 0
    _since_s: float | None = None

    def note(self, t_s: float, strength: float, wander_cells: float) -> None:
        """One look of the network at ``t_s``."""
        if self._since_s is None or t_s < self._since_s:
            self._since_s = t_s
        if t_s - self._since_s >= COURSE_STEP_S:
            self.strength.append(self._sum / self._count)
            del self.strength[:-COURSE_LENGTH]
            self._sum, self._count = 0.0, 0
            # Steps follow without a gap, however looks fall into them; only what was not watched is left out.
            self._since_s += COURSE_STEP_S
            if t_s - self._since_s >= COURSE_STEP_S:
                self._since_s = t_s
        self._sum, self._count = self._sum + strength, self._count + 1
        self.seen += 1
        weight = max(1 / self.seen, 0.05)
        self.wander_cells += weight * (wander_cells - self.wander_cells)

    def note_drift(self, up: float, right: float) -> None:
        """The transport detectors' mean over the plume."""
        self.up += 0.1 * (up - self.up)
        self.right += 0.1 * (right - self.right)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the cues look at. None: not known."""

    wander_cells: float | None = None
    rise_s: float | None = None  # from a fifth to four fifths of its strength; None when it was there at the start
    up: float = 0.0
    right: float = 0.0
    wind_right: float | None = None  # -1 to 1: how far the wind blows to the picture's right
    visible_s: float = 0.0
    cycles: int = 0
    period_s: float | None = None
    fall_s: float | None = None  # the end, from four fifths to a fifth; None while it lasts
    steam_can_be_told: bool = False


@dataclass(frozen=True, slots=True)
class Weighed:
    """Bounded: ``logit`` is added to the confidence's, ``steam`` to steam's share."""

    logit: float
    steam: float
    reasons: tuple[str, ...]


def weigh(evidence: Evidence, use: Sequence[str] = CUES) -> Weighed:
    """All cues together; ``use`` leaves some out, for ablations."""
    logit, steam, reasons = 0.0, 0.0, []
    for name in use:
        said = _SAY[name](evidence)
        if said is not None:
            logit, steam = logit + said[0], steam + said[1]
            reasons.append(said[2])
    return Weighed(min(max(logit, LEAST_LOGIT), MOST_LOGIT), min(max(steam, LEAST_STEAM), MOST_STEAM), tuple(reasons))


_Said = tuple[float, float, str] | None  # logit, steam's share, reason


def _origin(e: Evidence) -> _Said:
    if e.wander_cells is None:
        return None
    if e.wander_cells < _STILL_CELLS:
        return 0.2, 0.0, "its origin stays in one place"
    if e.wander_cells > _WANDERING_CELLS:
        return -0.6, 0.0, f"its origin wanders by {e.wander_cells:.1f} cells"
    return None


def _onset(e: Evidence) -> _Said:
    if e.rise_s is None:
        return None
    if e.rise_s <= _RISE_AT_ONCE_S:
        return -0.2, 0.02, "appeared at once, as light or steam does"
    if e.rise_s <= _RISE_SMOKE_S:
        return 0.15, 0.0, f"rose within {e.rise_s:.0f} s, as a lit stove's smoke does"
    return -0.1, 0.0, f"rose slowly, over {e.rise_s:.0f} s"


def _transport(e: Evidence) -> _Said:
    if math.hypot(e.up, e.right) < _DRIFT:
        return None
    if e.wind_right is not None and abs(e.wind_right) > 0.4 and abs(e.right) > _DRIFT:
        if e.wind_right * e.right > 0:
            return 0.3, 0.0, "drifts with the wind"
        return -0.4, 0.0, "drifts against the wind"
    if e.up > _DRIFT:
        return 0.15, 0.0, "drifts upward"
    return (-0.2, 0.0, "drifts downward") if e.up < -2 * _DRIFT else None


def _persistence(e: Evidence) -> _Said:
    if e.visible_s < _LASTING_S or e.cycles >= _LEAST_CYCLES:
        return None
    return 0.2, -0.04, f"has lasted for {e.visible_s / 60:.0f} minutes without a break"


def _periodicity(e: Evidence) -> _Said:
    if e.cycles < _LEAST_CYCLES or e.period_s is None:
        return None
    text = f"came and went {e.cycles} times, about every {e.period_s / 60:.1f} minutes, as a gas boiler does"
    return (-0.4, _STEAM_A_CYCLE * e.cycles, text) if e.steam_can_be_told else (-0.1, 0.0, text)


def _decay(e: Evidence) -> _Said:
    if e.fall_s is None:
        return None
    if e.fall_s <= _ABRUPT_S:
        return (-0.2, 0.06, "ended abruptly, as steam does") if e.steam_can_be_told else None
    return (0.2, -0.04, f"faded over {e.fall_s:.0f} s, as smoke does") if e.fall_s >= _SLOW_S else None


_SAY = {
    "origin": _origin, "onset": _onset, "transport": _transport, "persistence": _persistence,
    "periodicity": _periodicity, "decay": _decay,
}  # fmt: skip


def evidence_of(
    course: Course,
    visible_s: float,
    ended: bool,
    at_start: bool,
    weather: Weather | None,
    heading_deg: float | None,
    firings: tuple[int, float | None] = (0, None),
) -> Evidence:
    """The evidence of one course. ``at_start``: it was there before the detector looked, so its rise was not seen;
    ``firings``: short plumes at its place before it, and their mean period (:mod:`detector.firings`)."""
    strength = np.asarray(course.strength, np.float64)
    cycles, period_s = cycles_of(strength)
    if firings[0] > 0:
        cycles, period_s = cycles + firings[0], period_s or firings[1]
    return Evidence(
        wander_cells=course.wander_cells if course.seen >= 8 else None,
        rise_s=None if at_start else slope_s(strength),
        up=course.up,
        right=course.right,
        wind_right=wind_to_the_right(weather, heading_deg),
        visible_s=visible_s,
        cycles=cycles,
        period_s=period_s,
        fall_s=slope_s(strength[::-1]) if ended else None,
        steam_can_be_told=weather is not None and weather.steam_can_be_told,
    )


def slope_s(strength: np.ndarray) -> float | None:
    """Seconds from a fifth to four fifths of the greatest strength, the first time that it is reached; None when the
    course does not begin low, or is too short to tell."""
    if strength.size < 3 or strength.max() < 0.2:
        return None
    high = int(np.argmax(strength >= 0.8 * strength.max()))
    low = np.flatnonzero(strength[: high + 1] <= 0.2 * strength.max())
    if low.size == 0:
        return None
    # Two neighbouring steps are less than one step apart: "at once" as far as the course can tell.
    return max((high - int(low[-1]) - 1) * COURSE_STEP_S, 0.0)


def cycles_of(strength: np.ndarray) -> tuple[int, float | None]:
    """How often it went and came back, and the mean time between its beginnings in seconds. Two thresholds, so that a
    flicker is no cycle."""
    if strength.size < 6 or strength.max() < 0.2:
        return 0, None
    on, begun = False, []
    for step, value in enumerate(strength):
        if not on and value > 0.6 * strength.max():
            on = True
            begun.append(step)
        elif on and value < 0.25 * strength.max():
            on = False
    if len(begun) < 2:
        return 0, None
    return len(begun) - 1, float(np.mean(np.diff(begun)) * COURSE_STEP_S)


def wind_to_the_right(weather: Weather | None, heading_deg: float | None) -> float | None:
    """How far the wind blows to the picture's right, -1 to 1, for a camera that looks to ``heading_deg`` (true north);
    None when it is not known or too light to move a plume."""
    if weather is None or heading_deg is None or weather.wind_from_deg is None:
        return None
    if weather.wind_speed_m_s is None or weather.wind_speed_m_s < _LIGHT_WIND_M_S:
        return None
    return math.sin(math.radians(weather.wind_from_deg + 180.0 - heading_deg))
