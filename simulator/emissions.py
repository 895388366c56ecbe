"""What each happening lets into the air, second by second: fine and coarse particles, carbon monoxide, sulphur dioxide.

Opacity and mass are tied by Beer-Lambert as in the domain's plume table. The gases' ratios to fine particles are orders
of magnitude chosen here (coal carries sulphur, wood hardly any; a bright steady fire has more gas a gram of particles
than a smoky burst), not measurements; see ``docs/simulator.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.happenings import Fuel, Happening, Kind
from simulator.sources import SMOKE_EXTINCTION_M2_G, STOVE_EXIT_M_S, Stove, stove_of

Array = NDArray[np.float64]

#: Kinds whose strength is the opacity across an opening, and the speed (m/s) at which the smoke leaves it.
EXIT_M_S: Mapping[Kind, float] = {
    "stove": STOVE_EXIT_M_S, "far_stove": STOVE_EXIT_M_S, "drill": 1.0, "kitchen_exhaust": 3.0, "vehicle": 1.0,
}  # fmt: skip
#: Kinds whose strength is fine particulate mass, g/h.
BY_MASS: frozenset[Kind] = frozenset(
    {"steady_fire", "big_fire", "barbecue", "meat_smoking", "open_burning", "paper_burning"}
)
#: How far its own heat lifts the smoke above its place, m.
RISE_M: Mapping[Kind, float] = {
    "stove": 1.0, "steady_fire": 1.5, "far_stove": 1.0, "kitchen_exhaust": 0.5, "drill": 0.3, "barbecue": 1.5,
    "meat_smoking": 1.0, "paper_burning": 1.0, "open_burning": 5.0, "big_fire": 6.0, "fireworks": 25.0,
}  # fmt: skip
_G_A_SHOT = 0.25  # fine particles of one firework
#: Grams of carbon monoxide and sulphur dioxide for each gram of fine particles, in a burst and in a steady fire.
_GASES: Mapping[Fuel, tuple[tuple[float, float], tuple[float, float]]] = {
    "raw_coal": ((6.0, 0.5), (25.0, 2.5)),
    "briquette": ((40.0, 3.0), (100.0, 8.0)),
    "wood": ((8.0, 0.02), (15.0, 0.05)),
    "charcoal": ((20.0, 0.05), (20.0, 0.05)),
}
_OTHER_GASES: Mapping[Kind, tuple[float, float]] = {"kitchen_exhaust": (0.3, 0.0), "fireworks": (0.5, 0.3)}
_COARSE: Mapping[Kind, float] = {"fireworks": 0.4, "open_burning": 0.25, "paper_burning": 0.3}


@dataclass(frozen=True, slots=True, eq=False)
class Emission:
    """Rates at the given times, g/h each; ``coarse`` is what lies between 2.5 and 10 µm."""

    pm25_g_h: Array
    coarse_g_h: Array
    co_g_h: Array
    so2_g_h: Array


def emits(event: Happening) -> bool:
    """Whether it lets out anything that a sensor could meet. A passing car does not stay long enough."""
    return event.kind in RISE_M and event.place is not None


def opacity(event: Happening, t_s: Array) -> Array:
    """Opacity (0-1) across the opening at times into the night; for kinds whose strength is an opacity."""
    if event.kind in ("stove", "far_stove"):
        stove: Stove = stove_of(event)
        return np.array([stove.opacity(float(t) - event.t0_s) for t in t_s])
    return np.asarray(np.clip(event.strength * envelope(event, t_s), 0, 0.95))


def emission(event: Happening, t_s: Array) -> Emission:
    """What it emits at times ``t_s`` (seconds into the night); zero before and after it."""
    if event.kind in EXIT_M_S:
        cross = -np.log1p(-opacity(event, t_s)) * np.pi * event.width_m / 4 * EXIT_M_S[event.kind]
        fine = cross / SMOKE_EXTINCTION_M2_G * 3600
    elif event.kind in BY_MASS:
        fine = event.strength * envelope(event, t_s)
    elif event.kind == "fireworks":
        fine = event.strength * 60 * _G_A_SHOT * envelope(event, t_s)
    else:
        raise ValueError(f"a happening of kind {event.kind!r} emits nothing that a sensor meets")
    burst, steady = _GASES.get(event.fuel, ((0.0, 0.0), (0.0, 0.0)))
    gases = steady if event.kind == "steady_fire" else burst
    gases = _OTHER_GASES.get(event.kind, gases)
    return Emission(fine, fine * _COARSE.get(event.kind, 0.1), fine * gases[0], fine * gases[1])


def envelope(event: Happening, t_s: Array) -> Array:
    """How strongly it goes on, about 1 in its middle: it rises within a tenth of its time (two minutes at most), dies
    down over the last third and flutters by some tenths in between."""
    rng = np.random.default_rng([event.seed, 0xE7])
    since, lasts = t_s - event.t0_s, event.t1_s - event.t0_s
    rise = np.clip(since / min(0.1 * lasts, 120.0), 0, 1)
    fall = np.clip((lasts - since) / (lasts / 3), 0, 1)
    flutter = sum(
        0.12 * np.sin(2 * np.pi * since / period + rng.uniform(0, 2 * np.pi)) for period in (5.3, 17.0, 53.0, 190.0)
    )
    return np.asarray(np.where((since > 0) & (since < lasts), rise * fall * (1 + flutter), 0.0))
