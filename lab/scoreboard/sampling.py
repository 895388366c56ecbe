"""Which windows of the suite's nights are played, and what each stands for. Pure.

The time of all nights is cut up without overlap: windows around burning events, time in which a fire burns on (not
played, and said so), and cells. Every cell belongs to the *rarest* thing that a camera could see in it; cells in which
nothing happens are quiet. From each stratum a few are drawn at random, the rarer the larger the share, so that each
look-alike is met; a drawn one stands for all of its stratum at the rate at which they really occur.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.scoreboard.sights import BURNING
from simulator.happenings import Happening, between
from simulator.lighting import LightType

CELL_S = 150.0
LEAD_S = 30.0  # the detector starts anew in each window; what it says so early counts for nothing
BEFORE_S, AFTER_S = 45.0, 195.0  # of an event: quiet first, then what may take to find it
_SETTLE_S = 120.0  # after a fire, until a cell may begin
_FAINT_SHARE = 0.25  # of what other bands get: the lowest is mostly legal fuel that nobody can see
#: Bands of a stove's peak opacity, as the issue of recall is put; below the first lies what the law allows to burn.
BANDS = ((0.0, 0.08), (0.08, 0.15), (0.15, 0.30), (0.30, 0.50), (0.50, 1.01))
QUIET, AROUND_FIRES = "quiet", "around a fire"


@dataclass(frozen=True, slots=True)
class Dark:
    """One night as sampling sees it: its number in the suite, the dark hours, what happens, who watches by what."""

    number: int
    from_s: float
    to_s: float
    happenings: tuple[Happening, ...]
    light: LightType
    cameras: int


@dataclass(frozen=True, slots=True)
class Window:
    """To be played from ``from_s`` to ``to_s``; alerts count from ``counted_from_s`` on. ``targets`` are
    the fires that are asked for."""

    night: int
    from_s: float
    to_s: float
    counted_from_s: float
    stratum: str
    weight: float
    targets: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True)
class Population:
    """What the nights hold: windows by stratum, hours in which a fire burns on, fires that no camera can see."""

    windows: dict[str, int]
    burning_on_h: float
    hidden_fires: int


def band_of(opacity: float) -> str:
    """The opacity band's name."""
    low, high = next(band for band in BANDS if opacity < band[1])
    if high > 1:
        return f"{low:.0%} and more"
    return f"below {high:.0%}" if low == 0 else f"{low:.0%} to {high:.0%}"


def draw_windows(
    nights: Sequence[Dark], fires: int, cells: int, in_sight: Callable[[int, Happening], bool], seed: int
) -> tuple[list[Window], Population]:
    """About ``fires`` windows around burning events, evenly over the opacity bands (fewer where hardly anything can be
    seen), and ``cells`` others, by the root of each stratum's size.

    ``in_sight`` says whether any camera of a night could see the place of an event. Windows come out by night.
    """
    rng = np.random.default_rng(seed)
    events = [(night, event) for night in nights for event in night.happenings if asked_for(night, event)]
    seen = [(night, event) for night, event in events if in_sight(night.number, event)]
    strata: dict[str, list[Window]] = defaultdict(list)
    for night, event in seen:
        name = f"{AROUND_FIRES}, {band_of(event.strength)}" if event.kind == "stove" else f"{AROUND_FIRES}, other"
        start = event.t0_s - BEFORE_S
        strata[name].append(Window(night.number, start, event.t0_s + AFTER_S, start + LEAD_S, name, 1.0, (event,)))
    faint = f"{AROUND_FIRES}, {band_of(0.0)}"
    quota = _shared_out(strata, {name: _FAINT_SHARE if name == faint else 1.0 for name in strata}, fires)
    others, burning_on_s = _cells(nights)
    quota |= _shared_out(others, {name: len(found) ** 0.5 for name, found in others.items()}, cells)
    strata |= others
    chosen = []
    for name in sorted(strata):
        found, wanted = strata[name], quota[name]
        for index in rng.choice(len(found), wanted, replace=False):
            chosen.append(replace(found[int(index)], weight=len(found) / wanted))
    population = Population(
        {name: len(found) for name, found in sorted(strata.items())}, burning_on_s / 3600, len(events) - len(seen)
    )
    return sorted(chosen, key=lambda window: (window.night, window.from_s)), population


def asked_for(time: Dark | Window, event: Happening) -> bool:
    """Whether it is a fire that is lit within this time, with all that a window around it takes."""
    return event.kind in BURNING and time.from_s + BEFORE_S <= event.t0_s <= time.to_s - AFTER_S


def _cells(nights: Sequence[Dark]) -> tuple[dict[str, list[Window]], float]:
    """All cells without a fire, by the rarest thing to be seen in them; and the seconds in which fires burn on."""
    met: list[tuple[Dark, float, set[str]]] = []
    burning_on_s = 0.0
    for night in nights:
        fires = [event for event in night.happenings if event.kind in BURNING]
        start = night.from_s
        while (end := start + LEAD_S + CELL_S) <= night.to_s:
            here = between(night.happenings, start, end)
            if any(fire.t0_s - BEFORE_S < end and fire.t1_s + _SETTLE_S > start for fire in fires):
                if not any(fire.t0_s - BEFORE_S < end and fire.t0_s + AFTER_S > start for fire in fires):
                    burning_on_s += CELL_S
            else:
                met.append((night, start, {event.kind for event in here if event.facts.seen_by != "air"}))
            start += CELL_S
    often = Counter(kind for _, _, kinds in met for kind in kinds)
    strata: dict[str, list[Window]] = defaultdict(list)
    for night, start, kinds in met:
        name = min(kinds, key=lambda kind: (often[kind], kind)) if kinds else QUIET
        end = start + LEAD_S + CELL_S
        strata[name].append(Window(night.number, start, end, start + LEAD_S, name, 1.0))
    return strata, burning_on_s


def _shared_out(strata: Mapping[str, Sequence[Window]], shares: Mapping[str, float], total: int) -> dict[str, int]:
    """How many to draw of each stratum, by its share; at least one, never more than there are.

    A total too small for that goes to the largest strata: such a run shows that it works, and stands for little.
    """
    sizes = {name: len(found) for name, found in strata.items()}
    if total < len(sizes):
        largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:total]
        return {name: int(name in largest) for name in sizes}
    quota = dict.fromkeys(sizes, 0)
    left = total
    for name in sorted(sizes, key=lambda name: (sizes[name] / shares[name], name)):  # the soonest exhausted first
        rest = sum(shares[other] for other in sizes if quota[other] == 0)
        quota[name] = min(sizes[name], max(1, round(left * shares[name] / rest)))
        left = max(left - quota[name], 0)
    return quota
