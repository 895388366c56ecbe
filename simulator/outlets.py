"""What comes out where, for the eye: every happening that makes a plume, as gas, heat and particles at a mouth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulator.draughts import Mouth
from simulator.emissions import BY_MASS, EXIT_M_S, envelope, opacity
from simulator.happenings import Happening, Kind, Point
from simulator.sources import SMOKE_EXTINCTION_M2_G, boiler_of, extinction_m2_s
from simulator.steam import FlueGas, saturation
from simulator.street import Street
from simulator.truth import NOBODY, Source
from simulator.veil import DROPLETS, SMOKE, SOOT, Matter

_UP: Point = (0.0, 0.0, 1.0)
_AIR_G_M3 = 1250.0
#: Excess temperature (K) and speed (m/s) of what burns or cooks in the open, and the least radius of its plume (m).
_OPEN: Mapping[Kind, tuple[float, float, float]] = {
    "big_fire": (250.0, 3.0, 0.15), "barbecue": (60.0, 0.8, 0.25), "meat_smoking": (25.0, 0.5, 0.2),
    "open_burning": (200.0, 1.5, 0.5), "paper_burning": (120.0, 0.8, 0.2),
}  # fmt: skip
#: Wet air that leaves near the ground: temperature, speed, and what its strength counts.
_WET: Mapping[Kind, tuple[float, float]] = {"defrost": (8.0, 0.8), "stack": (48.0, 9.0), "vent_steam": (28.0, 0.6)}


@dataclass(frozen=True, slots=True, eq=False)
class Outlet:
    """A mouth and what leaves it. ``gas_m3_s`` and ``opacity`` are functions of the night's time.

    ``wet`` is the gas whose droplets show; None where particles do, whose opacity across the mouth is given.
    ``where`` gives a moving mouth's place.
    """

    source: Source
    mouth: Mouth
    matter: Matter
    gas_m3_s: Callable[[float], float]
    opacity: Callable[[float], float]
    wet: FlueGas | None = None
    where: Callable[[float], Point] | None = None

    def extinction_m2_s(self, t: float) -> float:
        """Extinction cross-section of the particles that leave at ``t``: Beer-Lambert across the mouth."""
        if self.wet is not None:
            return 0.0
        of_stove = extinction_m2_s(min(self.opacity(t), 0.98), 2 * self.mouth.radius_m)
        return of_stove * self.mouth.exit_m_s / EXIT_M_S["stove"]


def outlet_of(event: Happening, street: Street, air_c: float) -> Outlet | None:
    """The outlet of a happening on a night of ``air_c`` degrees; None where no camera sees a plume of it."""
    if event.place is None:
        return None
    if event.kind in ("stove", "far_stove", "drill", "kitchen_exhaust", "vehicle"):
        return _smoking(event, street)
    if event.kind in _OPEN or event.kind == "fireworks":
        return _burning_openly(event)
    if event.kind == "boiler" or event.kind in _WET:
        return _steaming(event, street, air_c)
    return None


def steady_smoke(mouth: Mouth, opacity: float) -> Outlet:
    """A chimney that smokes all the time, as a rehearsal needs."""
    return Outlet(NOBODY, mouth, SMOKE, lambda t: mouth.flow_m3_s, lambda t: opacity)


def _source(event: Happening) -> Source:
    return Source(event.rooftop or "", event.kind, event.fuel)


def _eave(street: Street, rooftop: str | None) -> float:
    return next((roof.eave_m for roof in street.roofs if roof.rooftop == rooftop), 0.0)


def _smoking(event: Happening, street: Street) -> Outlet:
    """A flue, duct or tailpipe whose strength is an opacity."""
    rng = np.random.default_rng([event.seed, 0x07])
    warm = {"kitchen_exhaust": 20.0, "vehicle": 60.0, "drill": 40.0}.get(event.kind, 130.0)
    angle = float(rng.uniform(0, 2 * np.pi))
    sideways = (float(np.cos(angle)), float(np.sin(angle)), 0.0)
    assert event.place is not None
    fan = event.kind in ("kitchen_exhaust", "vehicle")
    shelter = 0.0 if event.kind == "vehicle" else _eave(street, event.rooftop)
    mouth = Mouth(
        event.place, sideways if fan else _UP, EXIT_M_S[event.kind], max(event.width_m / 2, 0.03), warm, shelter
    )
    tosses = _wok(rng) if event.kind == "kitchen_exhaust" else _always

    def dim(t: float) -> float:
        return float(opacity(event, np.array([t]))[0]) * tosses(t)

    def gas(t: float) -> float:
        return mouth.flow_m3_s if event.at(t) else 0.0

    return Outlet(_source(event), mouth, SMOKE, gas, dim, where=_way(event) if event.to_place is not None else None)


def _way(event: Happening) -> Callable[[float], Point]:
    start, end = np.array(event.place), np.array(event.to_place)

    def where(t: float) -> Point:
        share = min(max((t - event.t0_s) / (event.t1_s - event.t0_s), 0.0), 1.0)
        east, north, up = start + share * (end - start)
        return float(east), float(north), float(up)

    return where


def _always(t: float) -> float:
    return 1.0


def _wok(rng: np.random.Generator) -> Callable[[float], float]:
    """A cook's bursts: food goes into the pan every minute or two and smokes for some twenty seconds."""
    period, lasts, phase = float(rng.uniform(50, 140)), float(rng.uniform(10, 30)), float(rng.uniform(0, 100))

    def tosses(t: float) -> float:
        since = (t + phase) % period
        return 0.15 + 0.85 * float(np.exp(-since / lasts)) * min(since / 1.5, 1.0)

    return tosses


def _burning_openly(event: Happening) -> Outlet:
    """A fire whose strength is a mass of particles (fireworks: shots a minute, high over the ground)."""
    warm, speed, least = _OPEN.get(event.kind, (20.0, 0.5, 1.5))
    assert event.place is not None
    east, north, up = event.place
    high = event.kind == "fireworks"
    place = (east, north, up + 25.0 if high else up)
    mouth = Mouth(place, _UP, speed, max(event.width_m / 2, least), warm)
    grams_h = 15.0 if event.kind not in BY_MASS else 1.0  # fireworks: a quarter of a gram a shot, sixty minutes

    def dim(t: float) -> float:
        cross = event.strength * grams_h * float(envelope(event, np.array([t]))[0]) * SMOKE_EXTINCTION_M2_G / 3600
        return float(1 - np.exp(-cross / (np.pi / 2 * mouth.radius_m * speed)))

    def gas(t: float) -> float:
        return mouth.flow_m3_s if event.at(t) else 0.0

    return Outlet(_source(event), mouth, SOOT if event.kind == "big_fire" else SMOKE, gas, dim)


def _steaming(event: Happening, street: Street, air_c: float) -> Outlet:
    """Wet gas: a boiler's (m³/h), a defrosting heat pump's (g/s of water), a stack's (m³/s), a vent's (m³/h)."""
    assert event.place is not None
    if event.kind == "boiler":
        boiler = boiler_of([event])
        gas, flow, speed, radius = boiler.gas, boiler.flow_m3_s, boiler.exit_m_s, boiler.outlet_m / 2
        out = next((end.out for end in street.terminals if end.rooftop == event.rooftop), _UP)
    else:
        temp, speed = _WET[event.kind]
        gas, out = FlueGas(temp, temp), _UP
        per_unit = {"defrost": 1 / float(saturation(temp) * _AIR_G_M3), "vent_steam": 1 / 3600}.get(event.kind, 1.0)
        flow = event.strength * per_unit
        radius = float(np.sqrt(flow / speed / np.pi))
    mouth = Mouth(event.place, out, float(speed), radius, max(gas.temp_c - air_c, 1.0), _eave(street, event.rooftop))

    def leaves(t: float) -> float:
        if not event.at(t):
            return 0.0
        return flow * min(1.0, (t - event.t0_s) / 2 + 0.1, (event.t1_s - t) / 2 + 0.1)

    return Outlet(_source(event), mouth, DROPLETS, leaves, lambda t: 0.0, gas)
