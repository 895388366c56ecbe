"""Whether coal is the fuel, apart from whether it is smoke: a score whose parts are listed. Pure.

Camera and particulates cannot tell coal from wood or straw, so from these alone there is no answer, only "solid fuel".
An estimate needs a gas that coal gives off, or what people know of the household.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.geotag.factors import Factor, added_up, bounded, log_odds, probability
from cloud_ingest.geotag.register import CONVERTED, Entry
from smokesentry.weather import Weather

START = 0.0  # even odds: what a town's solid fuels are is not known here
MOST = 3.0
#: Log likelihood ratios of coal against other solid fuels. Assumptions, docs/fusion.md.
SO2, CO = 1.5, 0.2
KNOWN_COAL, COAL_FOUND, OTHER_FOUND = 1.2, 1.5, -1.2
HEATING_HOUR, MEAL_HOUR, COLD, MILD = 0.3, -0.3, 0.2, -0.5
_TELLING = {"so2", "coal_point", "fuel_found"}  # without one of these nothing is estimated


@dataclass(frozen=True, slots=True)
class Coal:
    """``estimate`` None: it cannot be told. Else a probability, given that it is solid-fuel smoke at all."""

    estimate: float | None
    score: float  # log odds, bounded
    factors: tuple[Factor, ...]
    text: str

    def as_json(self) -> dict[str, Any]:
        """As ``alert_versions.coal`` keeps it."""
        return {
            "estimate": None if self.estimate is None else round(self.estimate, 4),
            "score": round(self.score, 4),
            "factors": [factor.as_json() for factor in self.factors],
            "text": self.text,
        }


def coal_likelihood(
    gases: Sequence[Mapping[str, Any]],
    weather: Weather,
    local: datetime,
    roofs: Sequence[tuple[float, Sequence[Entry]]],
    zones: Sequence[str] | None,
) -> Coal:
    """``gases``: rises of a gas as the gateways sent them (``messages.records.GasCue``); ``roofs``: of each candidate
    its probability and what the register holds there now; ``zones``: those around the likeliest, None: none imported.
    """
    found = [*_gas_factors(gases), *_roof_factors(roofs), *_pattern(weather, local)]
    if zones is not None:
        inside = f"It lies in {', '.join(zones)}, which says what may burn there"
        found.append(Factor("zone", 0.0, inside if zones else "It lies in no zone: clean fuels may be allowed there"))
    score = bounded(START + sum(factor.weight for factor in found), -MOST, MOST)
    if not any(factor.word in _TELLING for factor in found):
        text = "Solid-fuel smoke: a camera and particulates cannot tell coal from wood or straw"
        return Coal(None, score, tuple(found), text)
    _, listed = added_up(probability(START), found)
    estimate = probability(score)
    text = f"Coal is the fuel with {estimate:.0%}, if it is solid-fuel smoke; only a visit can tell"
    return Coal(estimate, log_odds(estimate), tuple(listed), text)


def _gas_factors(gases: Sequence[Mapping[str, Any]]) -> list[Factor]:
    factors = []
    for prefix, word, weight, text in (
        ("so2", "so2", SO2, "SO2 rose by {} {}: coal holds sulphur, wood hardly any"),
        ("co", "co", CO, "CO rose by {} {}: a poor fire, of whatever fuel"),
    ):
        mine = [gas for gas in gases if gas["quantity"].partition("_")[0] == prefix]
        if mine:
            most = max(mine, key=lambda gas: float(gas["rise"]))
            unit = most["quantity"].partition("_")[2].replace("_", "/")
            factors.append(Factor(word, weight, text.format(f"{most['rise']:.1f}", unit), "coal"))
    return factors


def _roof_factors(roofs: Sequence[tuple[float, Sequence[Entry]]]) -> list[Factor]:
    """Each fact weighs by the probability that the fire is at its roof."""
    coal_point = sum(p for p, entries in roofs if any(_is_coal(entry) for entry in entries))
    coal_found = sum(p for p, entries in roofs if any(_found(entry, "coal") for entry in entries))
    other_found = sum(p for p, entries in roofs if any(_found(entry, "wood", "other") for entry in entries))
    converted = sum(p for p, entries in roofs if any(entry.kind in CONVERTED for entry in entries))
    factors = []
    if coal_point > 0.05:
        factors.append(
            Factor(
                "coal_point", KNOWN_COAL * coal_point, f"Known places of coal use hold {coal_point:.0%} of it", "coal"
            )
        )
    if coal_found > 0.05:
        text = f"Visits found coal before at roofs that hold {coal_found:.0%} of it"
        factors.append(Factor("fuel_found", COAL_FOUND * coal_found, text, "coal"))
    if other_found > 0.05:
        text = f"Visits found wood or another fuel before at roofs that hold {other_found:.0%} of it"
        factors.append(Factor("fuel_found", OTHER_FOUND * other_found, text, "coal"))
    if converted > 0.05:
        text = f"Converted households hold {converted:.0%} of it: burning there would be a relapse (复烧)"
        factors.append(Factor("converted", 0.0, text))
    return factors


def _is_coal(entry: Entry) -> bool:
    return entry.kind == "coal_use" and entry.fuel in (None, "coal")


def _found(entry: Entry, *fuels: str) -> bool:
    return entry.kind == "burning_found" and entry.fuel in fuels


def _pattern(weather: Weather, local: datetime) -> list[Factor]:
    factors = []
    hour = local.hour + local.minute / 60
    if 17 <= hour < 23 or 5 <= hour < 8:
        factors.append(Factor("hour", HEATING_HOUR, f"At {local:%H:%M} stoves are lit, fed or banked", "coal"))
    elif 11 <= hour < 13:
        factors.append(Factor("hour", MEAL_HOUR, f"At {local:%H:%M} people cook", "coal"))
    if weather.temp_c is not None and weather.temp_c < 0:
        factors.append(Factor("cold", COLD, f"{weather.temp_c:.0f} °C: a night for heating", "coal"))
    elif weather.temp_c is not None and weather.temp_c > 10:
        factors.append(Factor("cold", MILD, f"{weather.temp_c:.0f} °C: nobody heats", "coal"))
    if not weather.steam_can_be_told:
        text = "Steam cannot be told from smoke in this weather, or the weather is not known"
        factors.append(Factor("steam_gate", 0.0, text))
    return factors
