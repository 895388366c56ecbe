"""Who lives under each roof: what heats it, whether it was converted, what it burns in secret, and its habits.

Shares are assumptions of a town halfway through the conversion (煤改气, 煤改电), stated in ``docs/simulator.md``; a
household keeps its habits through the winter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.happenings import Fuel, Happening, Kind, Point
from simulator.season import NIGHT_S, seconds_at
from simulator.sources import BOILER_FLUE_M, BOILER_M3_H
from simulator.street import Roof, Street

#: Of the households without a gas boiler: what heats them.
OTHER_HEAT: tuple[tuple[Fuel, float], ...] = (
    ("electricity", 0.42), ("raw_coal", 0.16), ("briquette", 0.14), ("wood", 0.16), ("none", 0.12),
)  # fmt: skip
#: Converted households that light a coal or wood stove all the same (返煤) on cold nights.
_BURNS_AGAIN = 0.15
#: Peak opacity at the mouth: lowest, likeliest, highest. 15-38 % stand for 20-60 g/h in the plume table; clean fuels
#: emit some 94 % less (standards sheet).
_PEAK: dict[Fuel, tuple[float, float, float]] = {
    "raw_coal": (0.12, 0.28, 0.45), "wood": (0.08, 0.24, 0.45), "briquette": (0.004, 0.015, 0.06),
}  # fmt: skip
_STEADY_G_H: dict[Fuel, tuple[float, float]] = {"raw_coal": (1.0, 10.0), "wood": (2.0, 12.0), "briquette": (0.3, 1.0)}
_FEWEST_MINUTES, _MOST_MINUTES = 15.0, 40.0


@dataclass(frozen=True, slots=True)
class Household:
    """``also_burns`` is what a converted household lights in secret. Hours are local; habits scatter about them."""

    rooftop: str
    heats_with: Fuel
    converted: bool
    also_burns: Fuel | None
    home_hour: float
    bed_hour: float
    rise_hour: float
    keenness: float  # 1: refuels as often as others
    at_home: bool

    @property
    def burns(self) -> Fuel | None:
        """The solid fuel whose smoke leaves the chimney, if any."""
        return self.heats_with if self.heats_with in _PEAK else self.also_burns


def households_of(street: Street) -> dict[str, Household]:
    """The households of a street by rooftop, the same all winter. Roofs with a boiler's outlet are heated with gas."""
    gas = {terminal.rooftop for terminal in street.terminals}
    return {roof.rooftop: _household(roof, roof.rooftop in gas, street.seed) for roof in street.roofs}


def _household(roof: Roof, gas: bool, seed: int) -> Household:
    rng = np.random.default_rng([seed, 0x40E, *roof.rooftop.encode()])
    names = [name for name, _ in OTHER_HEAT]
    heat: Fuel = "gas" if gas else names[int(rng.choice(len(names), p=[share for _, share in OTHER_HEAT]))]
    converted = heat in ("gas", "electricity")
    again = converted and rng.random() < _BURNS_AGAIN
    return Household(
        rooftop=roof.rooftop,
        heats_with=heat,
        converted=converted,
        also_burns=("raw_coal" if rng.random() < 0.7 else "wood") if again else None,
        home_hour=max(17.6 + _tail(rng, 0.5), 16.7),
        bed_hour=21.7 + _tail(rng, 0.4),
        rise_hour=5.9 + _tail(rng, 0.5),
        keenness=float(np.exp(_tail(rng, 0.2))),
        at_home=heat != "none",
    )


def burnings(home: Household, roof: Roof, temp_c: float, rng: np.random.Generator) -> list[Happening]:
    """A night's bursts after lighting and refuelling, 15-40 minutes each, and the steady fire between them.

    ``temp_c`` is the evening's temperature: the colder, the more often. Households that burn in secret do so below
    freezing, after dark, and not every night. Times scatter with t tails about the household's habits.
    """
    fuel = home.burns
    if fuel is None or not home.at_home:
        return []
    cold = float(np.clip((10 - temp_c) / 15, 0.0, 1.6))
    if home.also_burns is not None and rng.random() > 0.75 * cold:
        return []
    if rng.random() < 0.9 * np.exp(-3.5 * cold):  # too mild to light it
        return []
    hours = [max(home.home_hour + _tail(rng, 0.3), 16.55)]
    if rng.random() < 0.75:
        hours.append(home.bed_hour - 0.4 + _tail(rng, 0.3))  # banked for the night
    if rng.random() < 0.5 + 0.3 * cold:
        hours.append(home.rise_hour + _tail(rng, 0.3))
    for _ in range(int(rng.poisson(0.8 * cold * home.keenness))):  # refuelled in between, more before midnight
        hours.append(float(rng.triangular(17.5, 20.0, 30.0)) % 24)
    return _with_steady_fire(_bursts(hours, fuel, roof, rng), fuel, roof, rng)


def cooking(home: Household, roof: Roof, rng: np.random.Generator) -> list[Happening]:
    """Kitchen exhaust in the early evening, 17-20 h, a quarter to three quarters of an hour."""
    if not home.at_home or rng.random() > 0.8:
        return []
    start = seconds_at(float(np.clip(home.home_hour + 0.4 + _tail(rng, 0.3), 17.0, 19.6)))
    peak = float(rng.triangular(0.02, 0.05, 0.16))
    end = start + 60 * float(rng.uniform(12, 45))
    return [
        Happening("kitchen_exhaust", start, end, peak, roof.rooftop, duct_of(roof), width_m=0.16, seed=draw_seed(rng))
    ]


def boiler_firings(home: Household, mouth: Point, temp_c: float, rng: np.random.Generator) -> list[Happening]:
    """One happening a firing, all night: on and off every 3-20 minutes, longer the colder it is; modulated between."""
    if home.heats_with != "gas":
        return []
    duty = float(np.clip((17 - temp_c) / 32 + 0.05 * rng.standard_t(4), 0.12, 0.9))
    flow = float(rng.uniform(*BOILER_M3_H))
    found, t = [], float(rng.uniform(-600, 300))
    while t < NIGHT_S:
        cycle = 60 * float(rng.uniform(3, 20))
        lasts = max(cycle * duty * float(rng.uniform(0.8, 1.2)), 40.0)
        if t > 0:
            found.append(
                Happening(
                    "boiler",
                    t,
                    t + lasts,
                    flow,
                    home.rooftop,
                    mouth,
                    width_m=BOILER_FLUE_M,
                    fuel="gas",
                    seed=draw_seed(rng),
                )
            )
        t += max(cycle, lasts + 30)
    return found


def defrosts(
    home: Household, roof: Roof, temp_c: float, rh_percent: float, rng: np.random.Generator
) -> list[Happening]:
    """A heat pump's defrosting: 2-10 minutes every 40-90, in cold humid air only."""
    if home.heats_with != "electricity" or rh_percent < 60 or not -12 < temp_c < 6:
        return []
    unit = roof.at(float(rng.choice([-0.35, 0.35])), float(rng.choice([-1, 1])) * (0.5 + 0.4 / roof.depth_m), 0.7)
    found, t = [], float(rng.uniform(0, 3600))
    while t < NIGHT_S:
        lasts = 60 * float(rng.uniform(2, 10))
        vapour = float(rng.uniform(0.5, 2.5))
        found.append(Happening("defrost", t, t + lasts, vapour, home.rooftop, unit, width_m=0.5, seed=draw_seed(rng)))
        t += 60 * float(rng.uniform(40, 90))
    return found


def duct_of(roof: Roof) -> Point:
    """Where a roof's kitchen duct ends: under the eave of a gable wall, on the side away from the chimney."""
    gable, mouth = roof.at(0.5, 0, 0), roof.chimney.mouth
    along = [(gable[axis] - roof.centre[axis]) * (mouth[axis] - roof.centre[axis]) for axis in range(2)]
    away = -1.0 if sum(along) > 0 else 1.0
    return roof.at(away * (0.5 + 0.2 / roof.width_m), 0.2, roof.eave_m - 0.6)


def _bursts(hours: list[float], fuel: Fuel, roof: Roof, rng: np.random.Generator) -> list[Happening]:
    found: list[Happening] = []
    for start in sorted(seconds_at(hour % 24) for hour in hours):
        lasts = 60 * float(np.clip(25 + _tail(rng, 5), _FEWEST_MINUTES, _MOST_MINUTES))
        peak = float(rng.triangular(*_PEAK[fuel]))
        if start + lasts > NIGHT_S or (found and start < found[-1].t1_s + 600):
            continue  # nobody refuels a stove that still smokes
        found.append(_at_chimney("stove", start, start + lasts, peak, roof, fuel, rng))
    return found


def _with_steady_fire(bursts: list[Happening], fuel: Fuel, roof: Roof, rng: np.random.Generator) -> list[Happening]:
    """Two to five hours of steady fire follow each burst, until the next one."""
    found = list(bursts)
    ends = [burst.t0_s for burst in bursts[1:]] + [NIGHT_S]
    for burst, end in zip(bursts, ends, strict=True):
        low, high = _STEADY_G_H[fuel]
        grams = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        lasts = min(3600 * float(rng.uniform(2, 5)), end - burst.t1_s)
        if lasts > 0:
            found.append(_at_chimney("steady_fire", burst.t1_s, burst.t1_s + lasts, grams, roof, fuel, rng))
    return found


def _at_chimney(
    kind: Kind, t0_s: float, t1_s: float, strength: float, roof: Roof, fuel: Fuel, rng: np.random.Generator
) -> Happening:
    chimney, name = roof.chimney, roof.rooftop
    return Happening(kind, t0_s, t1_s, strength, name, chimney.mouth, None, chimney.flue_m, fuel, seed=draw_seed(rng))


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for the details of one happening."""
    return int(rng.integers(2**31))


def _tail(rng: np.random.Generator, scale: float) -> float:
    """A deviation with heavier tails than normal: Student's t with 4 degrees of freedom."""
    return scale * float(rng.standard_t(4))
