"""On and off at one origin: the mark of a thermostat. Pure.

A wall-hung boiler fires every 3 to 20 minutes all night; a stove shows for 15 to 40 minutes after it was lit or
refuelled, and not again for an hour or more. Within one stove's burst a plume may be lost and found many times, so what
happens within forty minutes of a first sight says nothing; what begins again and again after that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from statistics import median

BURST_S = 2400.0  # the longest that a stove shows after lighting or refuelling
_STOVE_AGAIN_S = 6000.0  # mean time from the end of that to the next refuelling
_BOILER_AGAIN_S = 840.0  # mean time to the next firing that is noticed: cycles of 11 minutes, four of five seen
_BREAKS = 0.1  # of a boiler's pauses: switched off, the camera blind, the wind across
_LEAST_STARTS = 4
_LONGEST_FIRING_S = 1200.0
_MOST = 1.5  # a gateway weighs the last hour at one origin itself: part of this is in its confidence already


@dataclass(frozen=True, slots=True)
class Cycling:
    """``weight``: log likelihood ratio of a stove against a boiler, never above 0. ``minutes``: over how long."""

    weight: float
    starts: int
    minutes: float
    period_min: float  # median from one start to the next


def cycling(spans: Iterable[tuple[float, float]]) -> Cycling | None:
    """What the plumes at one origin of one camera say, given as (start, end) in seconds; None: too little to say.

    Plumes that overlap or follow within half a minute are one.
    """
    joined = _joined(spans)
    if len(joined) < _LEAST_STARTS or median(end - start for start, end in joined) > _LONGEST_FIRING_S:
        return None
    starts = [start for start, _ in joined]
    bursts = [starts[0]]
    for start in starts:
        if start - bursts[-1] > BURST_S:
            bursts.append(start)
    if len(bursts) < 2:
        return None
    pauses = [later - earlier - BURST_S for earlier, later in pairwise(bursts)]
    weight = sum(_log_ratio(pause) for pause in pauses)
    period = median(later - earlier for earlier, later in pairwise(starts))
    return Cycling(min(0.0, max(weight, -_MOST)), len(starts), (starts[-1] - starts[0]) / 60, period / 60)


def _log_ratio(pause_s: float) -> float:
    """Of a stove against a boiler, for a first sight this long after the last burst's forty minutes."""
    stove = exp(-pause_s / _STOVE_AGAIN_S) / _STOVE_AGAIN_S
    boiler = (1 - _BREAKS) * exp(-pause_s / _BOILER_AGAIN_S) / _BOILER_AGAIN_S + _BREAKS * stove
    return log(stove / boiler)


def _joined(spans: Iterable[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + 30.0:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, max(start, end)))
    return found
