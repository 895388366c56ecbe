"""What the cloud knows for steam of a gas boiler and against smoke. Pure.

A gateway judges one plume; the cloud also knows what else began at that place tonight and how the household heats.
Below -5 °C, above 70 % humidity and in unknown weather none of it counts (DESIGN §2): the class is then unresolved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_ingest.geotag.cycles import cycling
from cloud_ingest.geotag.factors import Factor
from smokesentry.weather import Weather

GAS_HEATING = -0.5  # a household registered as heated with gas; it may burn coal all the same
CALLED_STEAM = -0.7  # every other plume at this origin tonight was called steam
UNRESOLVED_FROM = -1.0  # from here on smoke is said to be unresolved
_LEAST_CALLS = 3


@dataclass(frozen=True, slots=True)
class EarlierPlume:
    """A plume at the same origin of the same camera, tonight: from, to (Unix seconds), and what it was called."""

    start_s: float
    end_s: float
    plume_class: str


def steam_factors(plumes: Sequence[EarlierPlume], gas_share: float, weather: Weather) -> tuple[list[Factor], bool]:
    """The factors against smoke, and whether they make the class unresolved. ``plumes``: all at the origin tonight,
    with this one; ``gas_share``: the probability that the roof is one that is registered as heated with gas."""
    marks = []
    cycle = cycling((plume.start_s, plume.end_s) for plume in plumes)
    if cycle is not None and cycle.weight < 0:
        text = (
            f"{cycle.starts} plumes began here within {cycle.minutes:.0f} minutes, one every {cycle.period_min:.0f}: "
            "a thermostat's rhythm, not a stove's"
        )
        marks.append(Factor("cycling", cycle.weight, text, "smoke"))
    told = [plume for plume in plumes if plume.plume_class in {"smoke", "steam"}]
    steam = sum(plume.plume_class == "steam" for plume in told)
    if len(told) >= _LEAST_CALLS and steam:
        text = f"{steam} of {len(told)} plumes here tonight were called steam"
        marks.append(Factor("called_steam", CALLED_STEAM * steam / len(told), text, "smoke"))
    if gas_share > 0.05:
        text = f"Households registered as heated with gas hold {gas_share:.0%} of it: a boiler's steam is possible"
        marks.append(Factor("gas_heating", GAS_HEATING * gas_share, text, "smoke"))
    strong = sum(mark.weight for mark in marks) <= UNRESOLVED_FROM
    if weather.steam_can_be_told:
        return marks, strong
    why = "too cold or too damp" if weather.temp_c is not None and weather.rh_percent is not None else "weather unknown"
    return [Factor(mark.word, 0.0, f"{mark.text} (not weighed: {why})") for mark in marks], strong
