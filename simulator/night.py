"""One simulated night: what burns, steams, switches and drives by, moved on in steps of time. No clock, no I/O."""

from __future__ import annotations

from math import hypot
from typing import Literal

import numpy as np

from simulator.draughts import Mouth, Regime
from simulator.headlights import Car
from simulator.outlets import Outlet
from simulator.sources import STOVE_EXIT_M_S, STOVE_WARM_K, Boiler, Stove, draw_boiler, draw_stove
from simulator.street import Roof, Street, Terminal
from simulator.truth import Source
from simulator.veil import DROPLETS, SMOKE
from simulator.weather import Wind
from smokesentry.weather import Weather

Scene = Literal["burn", "steam", "quiet"]
_WINDOW_TURNS = 6
#: Contrast-to-noise near the mouth (see ``truth``) from which on a stove's smoke is a fair question to a detector.
FAIR_CONTRAST = 8.0


class Night:
    """The moving part of a scene. ``t`` runs from 0; the stove waits until :meth:`light_stove` is called."""

    def __init__(
        self, street: Street, weather: Weather, scene: Scene, burner: Roof | None, steamer: Terminal | None
    ) -> None:
        rng = np.random.default_rng([street.seed, 0x9D])
        self.street, self.weather, self.scene = street, weather, scene
        self.wind = Wind(weather, street.seed)
        self.t = 0.0
        self.burner, self.steamer = burner, steamer
        self.lit_at: float | None = None
        self.stove: Stove | None = None
        self.boiler: Boiler | None = None
        if burner is not None:
            self.stove = draw_stove(burner.chimney.flue_m, rng)
        if steamer is not None:
            self.boiler = draw_boiler(rng)
        self.outlets: tuple[Outlet, ...] = self._outlets()
        self.regime = Regime.drawn(street.seed)
        self.cars = _draw_cars(street)

    def light_stove(self) -> None:
        """Somebody lights the stove now (scene ``burn`` only)."""
        if self.stove is None:
            raise ValueError(f"nobody has a stove to light in scene {self.scene!r}")
        if self.lit_at is None:
            self.lit_at = self.t

    def advance(self, to: float) -> None:
        """Moves the night on to time ``to``."""
        self.t = max(self.t, to)

    def burning(self, t: float) -> bool:
        """Whether the stove burns visibly at ``t``."""
        return self.lit_at is not None and self.stove is not None and 0 <= t - self.lit_at < self.stove.lasts_s

    def opacity(self, t: float) -> float:
        """The burning chimney's opacity at its mouth."""
        return 0.0 if self.lit_at is None or self.stove is None else self.stove.opacity(t - self.lit_at)

    def pm25_g_h(self, t: float) -> float:
        """What the stove lets into the air at time ``t``."""
        return 0.0 if self.lit_at is None or self.stove is None else self.stove.pm25_g_h(t - self.lit_at)

    def window_share(self, window: int, t: float) -> float:
        """How lit a switchable window is at ``t`` (0 or 1); a few of them change every few minutes."""
        return window_share(self.street.seed, window, t)

    def _outlets(self) -> tuple[Outlet, ...]:
        found = []
        if self.burner is not None:
            mouth, source = stove_mouth(self.burner), Source(self.burner.rooftop, "stove", "raw_coal")
            found.append(
                Outlet(source, mouth, SMOKE, lambda t: mouth.flow_m3_s if self.burning(t) else 0.0, self.opacity)
            )
        if self.steamer is not None and self.boiler is not None:
            boiler, source = self.boiler, Source(self.steamer.rooftop, "boiler", "gas")
            warm = boiler.gas.temp_c - (self.weather.temp_c or 0.0)
            end = Mouth(self.steamer.mouth, self.steamer.out, boiler.exit_m_s, boiler.outlet_m / 2, warm)
            found.append(Outlet(source, end, DROPLETS, boiler.flow, lambda t: 0.0, boiler.gas))
        return tuple(found)


def window_share(seed: int, window: int, t: float) -> float:
    """How lit a street's switchable window is at ``t`` (0 or 1)."""
    rng = np.random.default_rng([seed, 0x91, window])
    on = rng.random() < 0.7
    turns = np.cumsum(rng.exponential(160.0, _WINDOW_TURNS)) + 8
    flips = int((turns < t).sum()) if rng.random() < 0.4 else 0
    return float(on ^ (flips % 2 == 1))


def choose_steamer(street: Street) -> Terminal:
    """Which of the converted households has its boiler on tonight."""
    rng = np.random.default_rng([street.seed, 0xB0])
    return street.terminals[int(rng.integers(len(street.terminals)))]


def choose_burner(street: Street, steamer: Terminal, seen: dict[str, float]) -> Roof:
    """A roof other than the steaming one, among those whose smoke both cameras could see; now and then its neighbour.

    ``seen`` gives each rooftop's contrast-to-noise in the worse camera.
    """
    rng = np.random.default_rng([street.seed, 0xBA])
    others = [roof for roof in street.roofs if roof.rooftop != steamer.rooftop]
    fair = [roof for roof in others if seen[roof.rooftop] >= FAIR_CONTRAST]
    if not fair:
        return max(others, key=lambda roof: seen[roof.rooftop])
    if rng.random() < 0.35:
        centre = next(roof.centre for roof in street.roofs if roof.rooftop == steamer.rooftop)
        return min(fair, key=lambda roof: hypot(roof.centre[0] - centre[0], roof.centre[1] - centre[1]))
    return fair[int(rng.integers(len(fair)))]


def stove_mouth(roof: Roof) -> Mouth:
    """The mouth of a roof's chimney while its stove burns."""
    chimney = roof.chimney
    return Mouth(chimney.mouth, (0, 0, 1), STOVE_EXIT_M_S, chimney.flue_m / 2, STOVE_WARM_K, roof.eave_m)


def _draw_cars(street: Street) -> tuple[Car, ...]:
    """Passing cars, the same in every scene of a seed."""
    rng = np.random.default_rng([street.seed, 0xCA])
    cars, t = [], float(rng.uniform(5, 40))
    while t < 3600:
        cars.append(Car(float(rng.choice(street.alleys_m)), bool(rng.random() < 0.5), t, float(rng.uniform(6, 11))))
        t += float(rng.uniform(45, 200))
    return tuple(cars)
