"""What comes out of the chimneys: a stove's burst of smoke and a gas boiler's cycles, as functions of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, pi, sin

import numpy as np

from simulator.happenings import Happening
from simulator.steam import CONDENSING_BOILER, ORDINARY_BOILER, FlueGas

#: Mass extinction of young smoke, m² a gram; the emission table gives 4 and 8 as the likely ends.
SMOKE_EXTINCTION_M2_G = 6.0
STOVE_EXIT_M_S, STOVE_WARM_K = 1.5, 130.0
#: Flue gas of a wall-hung boiler while it fires, m³/h: turned down to what its house needs, see docs/simulator.md.
BOILER_M3_H = 11.0, 30.0
#: Its flue, the inner pipe of the usual coaxial 60/100 mm one.
BOILER_FLUE_M = 0.06


def extinction_m2_s(opacity: float, flue_m: float) -> float:
    """Extinction cross-section that leaves a flue each second: Beer-Lambert across its diameter."""
    return float(-np.log1p(-opacity) * np.pi * flue_m / 4 * STOVE_EXIT_M_S)


@dataclass(frozen=True, slots=True)
class Stove:
    """One lighting: opacity at the mouth rises within ``onset_s``, stays, decays over many minutes, and flutters."""

    flue_m: float
    peak_opacity: float
    onset_s: float
    decay_s: float
    lasts_s: float
    phases: tuple[float, ...]

    def opacity(self, since_s: float) -> float:
        """Opacity (0-1) across the mouth, ``since_s`` after lighting."""
        if not 0 < since_s < self.lasts_s:
            return 0.0
        rise = 1 - exp(-2.5 * since_s / self.onset_s)
        fade = exp(-max(since_s - 4 * self.onset_s, 0) / self.decay_s)
        flutter = sum(
            sin(2 * pi * since_s / period + phase)
            for period, phase in zip((1.7, 4.3, 11.0, 29.0), self.phases, strict=True)
        )
        return min(max(self.peak_opacity * rise * fade * (1 + 0.11 * flutter), 0.0), max(0.45, self.peak_opacity))

    def extinction_m2_s(self, since_s: float) -> float:
        """Extinction cross-section leaving the flue each second."""
        return extinction_m2_s(self.opacity(since_s), self.flue_m)

    def pm25_g_h(self, since_s: float) -> float:
        """Particle mass leaving the flue."""
        return self.extinction_m2_s(since_s) / SMOKE_EXTINCTION_M2_G * 3600


@dataclass(frozen=True, slots=True)
class Boiler:
    """A gas boiler that fires from each of ``starts_s`` on for the matching ``lasts_s``."""

    gas: FlueGas
    flow_m3_s: float
    outlet_m: float
    starts_s: tuple[float, ...]
    lasts_s: tuple[float, ...]

    def flow(self, t: float) -> float:
        """Flue gas (m³/s) at time ``t``; a fan starts and stops it within two seconds."""
        for start, lasts in zip(self.starts_s, self.lasts_s, strict=True):
            if start <= t < start + lasts:
                return self.flow_m3_s * min(1.0, (t - start) / 2 + 0.1, (start + lasts - t) / 2 + 0.1)
        return 0.0

    @property
    def exit_m_s(self) -> float:
        """Speed at the outlet."""
        return self.flow_m3_s / (np.pi * self.outlet_m**2 / 4)


def draw_stove(flue_m: float, rng: np.random.Generator) -> Stove:
    """A lighting or refuelling that shows: 15-45 % at the mouth, onset well under two minutes."""
    return Stove(
        flue_m=flue_m,
        peak_opacity=float(rng.triangular(0.18, 0.3, 0.38)),
        onset_s=float(rng.uniform(12, 45)),
        decay_s=float(rng.uniform(700, 1500)),
        lasts_s=float(rng.uniform(800, 1000)),
        phases=tuple(float(phase) for phase in rng.uniform(0, 2 * np.pi, 4)),
    )


@lru_cache(maxsize=64)
def stove_of(event: Happening) -> Stove:
    """The burst that a scheduled lighting or refuelling is: its own onset, under two minutes, and decay."""
    rng = np.random.default_rng([event.seed, 0x570])
    lasts = event.t1_s - event.t0_s
    return Stove(
        flue_m=event.width_m,
        peak_opacity=event.strength,
        onset_s=float(rng.uniform(12, 100)),
        decay_s=lasts * float(rng.uniform(0.4, 0.9)),
        lasts_s=lasts,
        phases=tuple(float(phase) for phase in rng.uniform(0, 2 * np.pi, 4)),
    )


def boiler_of(events: Sequence[Happening]) -> Boiler:
    """One household's boiler with its firings; ``events`` are its happenings of kind ``boiler``, at least one."""
    rng = np.random.default_rng([*(events[0].rooftop or "").encode(), 0xB0])  # a household keeps its boiler
    return Boiler(
        gas=CONDENSING_BOILER if rng.random() < 0.6 else ORDINARY_BOILER,
        flow_m3_s=events[0].strength / 3600,
        outlet_m=events[0].width_m,
        starts_s=tuple(event.t0_s for event in events),
        lasts_s=tuple(event.t1_s - event.t0_s for event in events),
    )


def draw_boiler(rng: np.random.Generator, until_s: float = 7200.0) -> Boiler:
    """A boiler that short-cycles: on for 40-150 s, off for 30-160 s."""
    starts, lasts, t = [], [], float(rng.uniform(-30, 20))
    while t < until_s:
        starts.append(t)
        lasts.append(float(rng.uniform(40, 150)))
        t += lasts[-1] + float(rng.uniform(30, 160))
    gas = CONDENSING_BOILER if rng.random() < 0.6 else ORDINARY_BOILER
    return Boiler(gas, float(rng.uniform(*BOILER_M3_H)) / 3600, BOILER_FLUE_M, tuple(starts), tuple(lasts))
