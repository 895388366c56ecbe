"""What happens in a simulated night, as plain data: kind, place, from, to, strength. Air and light both draw from it.

The kinds cover the rows of the domain's table of confusers that a camera or a sensor can see; :data:`KINDS` says, for
each, which row, what it truly is in the wire's classes, and the unit of its strength.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Point = tuple[float, float, float]

Kind = Literal[
    "stove", "steady_fire", "far_stove", "big_fire", "drill",
    "boiler", "defrost", "stack", "vent_steam",
    "kitchen_exhaust", "barbecue", "meat_smoking", "open_burning", "paper_burning", "fireworks", "vehicle",
    "fog", "low_cloud", "rain", "snow", "dust", "regional_episode",
    "light_switch", "swaying", "insects", "web", "frost", "lens_dirt", "lens_drops",
    "exposure_pumping", "infrared_switch", "bump", "sensor_fault",
]  # fmt: skip
#: What burns. ``briquette``: the legal clean fuels (洁净型煤, 兰炭, anthracite); ``wood``: straw and cobs too.
Fuel = Literal["raw_coal", "briquette", "wood", "charcoal", "gas", "electricity", "none"]
#: The wire's classes that a happening may truly be; None where it is no plume.
Truly = Literal["smoke", "steam", "exhaust", "open_burning", "fireworks", "fog", "other"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is common to all happenings of a kind. ``row`` counts in the table of confusers, 0 is the smoke sought.

    ``seen_by`` says whether a camera (``light``), a sensor (``air``) or both can notice it.
    """

    row: int
    truly: Truly | None
    unit: str
    seen_by: Literal["light", "air", "both"]
    means: str


KINDS: Mapping[Kind, Facts] = {
    "stove": Facts(0, "smoke", "peak opacity at the mouth, 0-1", "both", "lighting or refuelling; rows 7, 8 by fuel"),
    "steady_fire": Facts(0, None, "PM2.5 g/h", "air", "a stove between bursts, too thin to see"),
    "far_stove": Facts(21, "smoke", "peak opacity at the mouth, 0-1", "both", "a chimney behind the watched roofs"),
    "big_fire": Facts(26, "smoke", "PM2.5 g/h", "both", "chimney cleaning, boiler start-up, a tyre: black and strong"),
    "drill": Facts(
        25, "smoke", "peak opacity at the mouth, 0-1", "both", "smoke made on purpose, by a test or a prank"
    ),
    "boiler": Facts(1, "steam", "flue gas m³/h", "light", "one firing of a wall-hung gas boiler"),
    "defrost": Facts(2, "steam", "water vapour g/s", "light", "a heat pump's outdoor unit, near the ground"),
    "stack": Facts(3, "steam", "wet gas m³/s", "light", "central heating or factory, far, high, steady"),
    "vent_steam": Facts(14, "steam", "wet air m³/h", "light", "manhole, dryer, bath house"),
    "kitchen_exhaust": Facts(4, "exhaust", "peak opacity at the duct, 0-1", "both", "cooking, from a duct or window"),
    "barbecue": Facts(5, "open_burning", "PM2.5 g/h", "both", "a street stall's charcoal, ground level, glow"),
    "meat_smoking": Facts(6, "open_burning", "PM2.5 g/h", "both", "a drum or shed, for hours"),
    "open_burning": Facts(9, "open_burning", "PM2.5 g/h", "both", "straw, leaves, rubbish; flame and a wide base"),
    "paper_burning": Facts(11, "open_burning", "PM2.5 g/h", "both", "joss paper at a crossing, small flames"),
    "fireworks": Facts(10, "fireworks", "shots a minute", "both", "flashes, then haze; the whole town's air rises"),
    "vehicle": Facts(15, "exhaust", "opacity at the tailpipe, 0-1", "both", "passes with its headlights (row 16)"),
    "fog": Facts(12, "fog", "visibility, m", "both", "radiation fog; optical sensors over-read"),
    "low_cloud": Facts(13, "other", "share of the sky's brightness", "light", "lit from below, slow, no fixed origin"),
    "rain": Facts(18, "other", "mm/h", "both", "streaks; washes particulates out"),
    "snow": Facts(18, "other", "mm/h of water", "both", "streaks and white roofs; false coarse counts"),
    "dust": Facts(23, "other", "coarse PM10 µg/m³", "air", "road, building site, sandstorm"),
    "regional_episode": Facts(22, None, "PM2.5 µg/m³ at its peak", "air", "all stations rise together for hours"),
    "light_switch": Facts(16, None, "candela", "light", "a lamp or window lit from t0 to t1"),
    "swaying": Facts(19, "other", "amplitude, m, at 3 m/s", "light", "tree, flag, laundry, tarpaulin"),
    "insects": Facts(17, "other", "a minute", "light", "streaks near the lamp or illuminator"),
    "web": Facts(17, "other", "share of the frame", "light", "a spider's web before the lens, swaying"),
    "frost": Facts(20, "other", "share of the lens", "light", "grows and goes with the temperature"),
    "lens_dirt": Facts(20, "other", "share of the lens", "light", "dust, mud"),
    "lens_drops": Facts(20, "other", "share of the lens", "light", "rain or a vandal's spray"),
    "exposure_pumping": Facts(16, None, "stops", "light", "automatic exposure hunts"),
    "infrared_switch": Facts(16, None, "1", "light", "the infrared filter goes in or out"),
    "bump": Facts(20, None, "degrees", "light", "the camera is knocked askew"),
    "sensor_fault": Facts(24, None, "1", "air", "``detail`` says which: stuck, zero, spikes, ceiling, drift"),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens from ``t0_s`` to ``t1_s``, in seconds after the night's start.

    ``strength`` is in the unit that :data:`KINDS` states. ``rooftop`` names the household; ``place`` is where it leaves
    (metres east, north, up; None: everywhere in the scene, or at the camera); ``to_place`` is where a moving one ends.
    ``width_m`` is the opening's diameter or the fire's base. ``gateway`` is set for what befalls one camera or (with
    ``sensor``) one sensor. ``seed`` is for those who draw its details, so that each draws the same.
    """

    kind: Kind
    t0_s: float
    t1_s: float
    strength: float
    rooftop: str | None = None
    place: Point | None = None
    to_place: Point | None = None
    width_m: float = 0.0
    fuel: Fuel = "none"
    gateway: str | None = None
    sensor: str | None = None
    detail: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what no drawer could use."""
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is none; there are: {', '.join(get_args(Kind))}")
        if not self.t0_s < self.t1_s:
            raise ValueError(f"{self.kind} ends ({self.t1_s} s) before it begins ({self.t0_s} s)")
        if not 0 <= self.strength < float("inf"):
            raise ValueError(f"{self.kind} has strength {self.strength}; expected 0 or more {KINDS[self.kind].unit}")

    @property
    def facts(self) -> Facts:
        """What is common to all of its kind."""
        return KINDS[self.kind]

    def at(self, t_s: float) -> bool:
        """Whether it goes on at ``t_s``."""
        return self.t0_s <= t_s < self.t1_s


def between(happenings: Iterable[Happening], t0_s: float, t1_s: float, *kinds: Kind) -> list[Happening]:
    """Those that touch the window, of the named kinds (all kinds when none is named), in order of their beginning."""
    found = [
        event for event in happenings if event.t0_s < t1_s and event.t1_s > t0_s and (not kinds or event.kind in kinds)
    ]
    return sorted(found, key=lambda event: (event.t0_s, event.t1_s, event.kind))
