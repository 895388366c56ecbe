"""Does the long-run view point to roofs that burn? Simulated winters with known roofs, sensors with their own errors.

``python -m lab.polar_check --towns 24 --write docs/polar.md``. Schedule, weather, emissions and air are the
simulator's; the statistics under judgement share no code with them. The town's background is one everywhere in the
simulator: a real one is not, so a real night is harder than these.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees, hypot
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Point as Spot
from shapely.geometry import Polygon

from cloud_ingest.geotag.polar.blocks import BLOCK_S, excess, town_signal
from cloud_ingest.geotag.polar.crossings import Station, crossings
from cloud_ingest.geotag.polar.sectors import Rose, rose
from lab.report import replace_below
from simulator.atmosphere import Atmosphere, Breath
from simulator.emissions import emits
from simulator.happenings import Happening, Point
from simulator.responses import RESPONSES, sensed
from simulator.schedule import WinterNight, winter
from simulator.season import NIGHT_S

Array = NDArray[np.float64]
Kind = Literal["one roof burns", "as the winter has it", "nothing burns", "nothing burns, kitchens and stalls"]
KINDS: tuple[Kind, ...] = (
    "one roof burns", "as the winter has it", "nothing burns", "nothing burns, kitchens and stalls"
)  # fmt: skip
NIGHTS = (7, 14, 30, 60, 120)
GATEWAYS = 4
_MARK = "<!-- lab/polar_check.py writes below this line -->"
_BURNING = ("stove", "steady_fire")
_SAMPLE_S = 60.0
_FARTHEST_M, _TRAVELS_S = 500.0, 1800.0
_A_BLOCK = int(BLOCK_S / _SAMPLE_S)


@dataclass(frozen=True, slots=True, eq=False)
class Winter:
    """One simulated town as the store would have it, and its truth. Arrays ``(nights, blocks)``."""

    places: list[Point]
    levels: list[Array]
    speed: Array
    direction: Array
    burning: list[Point]


class Outcome(msgspec.Struct, frozen=True):
    """One gateway after so many nights. ``error_deg``: from the strongest sector to the nearest burning roof, None
    without a sector or a burning roof; ``away_m``: to the nearest one. ``false``: sectors that hold no burning roof."""

    kind: Kind
    nights: int
    away_m: float
    error_deg: float | None
    sectors: int
    false: int


class Meeting(msgspec.Struct, frozen=True):
    """One town after so many nights: its crossings, whether one holds a burning roof, and whether the hottest does."""

    kind: Kind
    nights: int
    crossings: int
    holds: bool
    hottest_holds: bool


class Said(msgspec.Struct, frozen=True):
    """Everything about one town."""

    outcomes: list[Outcome]
    meetings: list[Meeting]


def main() -> None:
    """Plays winters and prints or writes the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--towns", type=int, default=24, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nights", type=int, default=max(NIGHTS), choices=NIGHTS, help="of each winter at most")
    parser.add_argument("--rows", type=Path, default=Path("build/polar-rows.jsonl"), help="towns already played stay")
    parser.add_argument("--write", type=Path, help="a Markdown file with the marker line; what follows it is replaced")
    options = parser.parse_args()
    options.rows.parent.mkdir(parents=True, exist_ok=True)
    played = _played(options.rows, options.nights)
    for seed in range(options.seed, options.seed + options.towns):
        if seed not in played:
            played[seed] = play(seed, options.nights)
            with options.rows.open("a", encoding="utf-8") as file:
                file.write(
                    json.dumps({"seed": seed, "nights": options.nights, "said": msgspec.to_builtins(played[seed])})
                    + "\n"
                )
            print(f"town {seed} of {options.seed}-{options.seed + options.towns - 1}", flush=True)
    wanted = [played[seed] for seed in range(options.seed, options.seed + options.towns)]
    text = tables([one for said in wanted for one in said.outcomes], [one for said in wanted for one in said.meetings])
    if options.write is None:
        print(text)
        return
    try:
        replace_below(options.write, _MARK, text)
    except ValueError as error:
        parser.error(str(error))


def _played(path: Path, nights: int) -> dict[int, Said]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    rows = [json.loads(line) for line in lines]
    return {row["seed"]: msgspec.convert(row["said"], Said) for row in rows if row["nights"] == nights}


def play(seed: int, nights: int) -> Said:
    """One town's winter, in every kind."""
    said = Said([], [])
    for kind, town in draw_winters(winter(seed)[:nights], np.random.default_rng([seed, 0x9014])).items():
        for count in [count for count in NIGHTS if count <= nights]:
            outcomes, meeting = judge(town, kind, count)
            said.outcomes.extend(outcomes)
            said.meetings.append(meeting)
    return said


def draw_winters(nights: Sequence[WinterNight], rng: np.random.Generator) -> dict[Kind, Winter]:
    """Gateways 50-200 m about the street, each with a Plantower's lag, gain, noise and humidity error; the same air in
    every kind but for what burns."""
    street, homes = nights[0].street, nights[0].households
    solid = [roof.rooftop for roof in street.roofs if homes[roof.rooftop].burns in ("raw_coal", "wood")]
    one = {solid[int(rng.integers(len(solid)))]} if solid else set()
    lit: dict[Kind, set[str]] = {KINDS[0]: one, KINDS[1]: set(solid), KINDS[2]: set(), KINDS[3]: set()}
    kitchens = {KINDS[1], KINDS[3]}
    places = [_place(rng) for _ in range(GATEWAYS)]
    gains = [float(np.clip(1 + 0.07 * rng.standard_t(4), 0.5, 1.6)) for _ in places]
    turned = 4 * float(rng.standard_t(4))  # the vane's north as the installer took it
    levels: dict[Kind, list[list[Array]]] = {kind: [[] for _ in places] for kind in KINDS}
    speeds, directions = list[Array](), list[Array]()
    t = np.arange(0, NIGHT_S, _SAMPLE_S)
    for night in nights:
        air = Atmosphere(night.weather, night.happenings, street.seed)
        calm = Atmosphere(night.weather, [event for event in night.happenings if event.place is None], street.seed)
        base = calm.breath(places[0], t)
        for number, (place, gain) in enumerate(zip(places, gains, strict=True)):
            added = {kind: np.zeros(len(t)) for kind in KINDS}
            for event in night.happenings:
                kinds = [kind for kind in KINDS if _stays(event, lit[kind], kind in kitchens)]
                if kinds and emits(event) and event.place is not None:
                    inside, rise = _rise(air, event, place, t)
                    for kind in kinds:
                        added[kind][inside] += rise
            for kind in KINDS:
                levels[kind][number].append(_felt(base, added[kind], gain, rng))
        east, north = (_means(part(np.radians(base.wind_from_deg + turned))) for part in (np.sin, np.cos))
        speeds.append(_means(base.wind_speed_m_s))
        directions.append(np.degrees(np.arctan2(east, north)) % 360)
    mouths = {roof.rooftop: roof.chimney.mouth for roof in street.roofs}
    return {
        kind: Winter(
            places, [np.array(series) for series in levels[kind]], np.array(speeds), np.array(directions),
            [mouths[name] for name in sorted(lit[kind])],
        )
        for kind in KINDS
    }  # fmt: skip


def judge(town: Winter, kind: Kind, nights: int) -> tuple[list[Outcome], Meeting]:
    """The first ``nights`` nights of a town, gateway by gateway, and its map."""
    levels = [level[:nights] for level in town.levels]
    common, scales = town_signal(levels)
    outcomes, stations = list[Outcome](), list[Station]()
    for number, (place, level, scale) in enumerate(zip(town.places, levels, scales, strict=True)):
        found = rose(excess(level, common, float(scale)), town.speed[:nights], town.direction[:nights], seed=number)
        outcomes.append(_outcome(kind, nights, place, town.burning, found))
        stations.append(Station(f"gw-{number}", place[0], place[1], found))
    met = crossings(stations)
    holds = [any(_inside(one.area, roof) for roof in town.burning) for one in met]
    return outcomes, Meeting(kind, nights, len(met), any(holds), bool(holds and holds[0]))


def tables(outcomes: Sequence[Outcome], meetings: Sequence[Meeting]) -> str:
    """The Markdown."""
    counts = sorted({one.nights for one in meetings})
    towns = sum(one.kind == KINDS[0] and one.nights == counts[0] for one in meetings)
    lines = [
        f"{towns} simulated winters of each kind, {GATEWAYS} gateways each, 50–200 m about the street; nights from 15"
        " November on, 16:30–08:30. **Simulated.**",
        "",
        "| what burns | nights | gateways with a sector | median error | 90 % within | sectors without a fire |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in KINDS:
        for count in counts:
            some = [one for one in outcomes if one.kind == kind and one.nights == count]
            errors = [one.error_deg for one in some if one.error_deg is not None]
            middle = f"{np.median(errors):.0f}°" if errors else "–"
            wide = f"{np.quantile(errors, 0.9):.0f}°" if errors else "–"
            found = sum(one.sectors > 0 for one in some)
            false, all_of = sum(one.false for one in some), sum(one.sectors for one in some)
            lines.append(f"| {kind} | {count} | {found} of {len(some)} | {middle} | {wide} | {false} of {all_of} |")
    lines += ["", "By distance to the one roof that burns, after the last row's nights:", ""]
    lines += ["| distance | gateways with a sector | median error |", "| --- | ---: | ---: |"]
    for low, high in ((0, 60), (60, 100), (100, 150), (150, 250)):
        some = [
            one for one in outcomes if one.kind == KINDS[0] and one.nights == counts[-1] and low <= one.away_m < high
        ]
        errors = [one.error_deg for one in some if one.error_deg is not None]
        middle = f"{np.median(errors):.0f}°" if errors else "–"
        lines.append(f"| {low}–{high} m | {sum(one.sectors > 0 for one in some)} of {len(some)} | {middle} |")
    lines += ["", "The map:", ""]
    lines.append(
        "| what burns | nights | towns with a crossing | crossings a town | one holds a burning roof | the hottest |"
    )
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in KINDS:
        for count in counts:
            met = [one for one in meetings if one.kind == kind and one.nights == count]
            crossed = [one for one in met if one.crossings]
            mean = float(np.mean([one.crossings for one in met])) if met else 0.0
            holds, hottest = sum(one.holds for one in met), sum(one.hottest_holds for one in met)
            lines.append(f"| {kind} | {count} | {len(crossed)} of {len(met)} | {mean:.1f} | {holds} | {hottest} |")
    return "\n".join(lines) + "\n"


def _place(rng: np.random.Generator) -> Point:
    away, turn = float(rng.uniform(50, 200)), float(rng.uniform(0, 2 * np.pi))
    return away * np.sin(turn), away * np.cos(turn), float(rng.uniform(8, 16))


def _stays(event: Happening, lit: set[str], kitchens: bool) -> bool:
    return event.rooftop in lit if event.kind in _BURNING else kitchens


def _rise(air: Atmosphere, event: Happening, place: Point, t: Array) -> tuple[slice, Array]:
    """PM2.5 that one fire adds at a place, and when; nothing beyond the reach that the air itself has."""
    assert event.place is not None
    begin, end = np.searchsorted(t, (event.t0_s, event.t1_s + _TRAVELS_S))
    inside = slice(int(begin), int(end))
    if hypot(place[0] - event.place[0], place[1] - event.place[1]) > _FARTHEST_M or begin == end:
        return slice(0, 0), np.zeros(0)
    thinned, out = air.plume(event, place, t[inside])
    return inside, thinned * out.pm25_g_h


def _felt(base: Breath, added: Array, gain: float, rng: np.random.Generator) -> Array:
    """Means over blocks of what a Plantower shows in this air: its humidity error and noise; lag is within a block."""
    response = RESPONSES["plantower"]
    steps = range(0, len(base.t_s), _A_BLOCK)
    wet = np.array([sensed(response, base, step)["pm25"] / max(float(base.pm25_ug_m3[step]), 1e-6) for step in steps])
    true = _means(base.pm25_ug_m3 + added) * wet
    noise = (response.noise + response.noise_share * true) * rng.standard_normal(len(true)) / np.sqrt(_A_BLOCK)
    return np.asarray(np.clip(gain * true + noise, 0, response.ceiling))


def _means(series: Array) -> Array:
    return np.asarray(series.reshape(-1, _A_BLOCK).mean(axis=1))


def _outcome(kind: Kind, nights: int, place: Point, burning: list[Point], found: Rose) -> Outcome:
    bearings = [degrees(atan2(roof[0] - place[0], roof[1] - place[1])) % 360 for roof in burning]
    away = min((hypot(roof[0] - place[0], roof[1] - place[1]) for roof in burning), default=np.inf)
    error = None
    if found.sectors and bearings:
        error = min(_apart(found.sectors[0].peak_deg, bearing) for bearing in bearings)
    false = 0
    for sector in found.sectors:
        false += not any(sector.holds(bearing) for bearing in bearings)
    return Outcome(kind, nights, float(away), error, len(found.sectors), false)


def _apart(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def _inside(area: Polygon, roof: Point) -> bool:
    return bool(area.intersects(Spot(roof[0], roof[1]).buffer(5)))  # a house is some ten metres wide


if __name__ == "__main__":
    main()
