"""A town's register: what people told about households, places and dates, each valid from day to day. Pure.

It is other people's list: some of it is old, some wrong, and a converted household that burns coal all the same is what
officers look for. So it shifts probabilities within bounds and makes no roof certain or impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import cos, hypot, log, radians

from cloud_ingest.geotag.factors import Factor

#: Kinds of entries: what each says, and whether it belongs to a rooftop, to a place, or may hold everywhere.
ROOF_KINDS = {
    "coal_use": "a known place of coal use (散煤使用点)",
    "gas": "heated with gas (煤改气)",
    "electricity": "heated with electricity (煤改电)",
    "central_heating": "connected to central heating (集中供热)",
    "burning_found": "a signed visit found burning (查实)",
    "nothing_found": "a signed visit found nothing (查无)",
}
PLACE_KINDS = {
    "kitchen": "a restaurant or canteen (餐饮)",
    "meat_smoking": "permitted meat smoking (腊肉熏制)",
    "burial_place": "a burial place (坟地、集中迁葬点)",
    "fireworks": "permitted fireworks (烟花爆竹)",
    "paper_burning": "paper burning for the dead (烧纸)",
}
EVERYWHERE_KINDS = frozenset({"fireworks", "paper_burning"})
KINDS = ROOF_KINDS | PLACE_KINDS
CONVERTED = frozenset({"gas", "electricity", "central_heating"})
FUELS = ("coal", "wood", "briquette", "other")

#: Log weights for a roof against one of which nothing is known. Assumptions, docs/fusion.md.
COAL_USE = log(3)
CONVERSION = -log(2)
BURNING_FOUND, FOUND_HALF_LIFE_DAYS = log(4), 180.0
NOTHING_FOUND, NOTHING_HALF_LIFE_DAYS = -log(2), 30.0
_M_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Circle:
    """A place on the ground, WGS-84."""

    lat: float
    lon: float
    radius_m: float

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a point lies within, true to a thousandth of the radius over a town."""
        north = (lat - self.lat) * _M_PER_DEGREE
        east = (lon - self.lon) * _M_PER_DEGREE * cos(radians(self.lat))
        return hypot(north, east) <= self.radius_m


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the register. Days are civil days of the town, both included; ``to_day`` None: until further notice.
    Hours, which entries of roofs have none of, are of the town's clock; when the first is the greater, they run over
    midnight and belong to the first day."""

    row: int  # in the file, as a spreadsheet counts
    kind: str
    from_day: date
    to_day: date | None = None
    rooftop: str | None = None
    circle: Circle | None = None
    fuel: str | None = None
    from_hour: float | None = None
    to_hour: float | None = None
    note: str = ""

    def valid(self, local: datetime) -> bool:
        """Whether it holds at a moment of the town's clock."""
        if self.from_hour is None or self.to_hour is None:
            return self._on(local.date())
        hour = local.hour + local.minute / 60 + local.second / 3600
        if self.from_hour <= self.to_hour:
            return self._on(local.date()) and self.from_hour <= hour < self.to_hour
        yesterday = local.date() - timedelta(days=1)
        return (hour >= self.from_hour and self._on(local.date())) or (hour < self.to_hour and self._on(yesterday))

    def _on(self, day: date) -> bool:
        return self.from_day <= day and (self.to_day is None or day <= self.to_day)


@dataclass(slots=True)
class Register:
    """The entries of one version, found by rooftop or by place."""

    version: int
    entries: Sequence[Entry]
    of_roof: dict[str, list[Entry]] = field(init=False)
    of_place: list[Entry] = field(init=False)  # those with a circle, and those that hold everywhere
    _asked: datetime | None = field(init=False, default=None)  # the last moment, of this day:
    _day: tuple[date, date] | None = field(init=False, default=None)  # for which ``_factors`` holds
    _factors: dict[tuple[str, str], list[Factor]] = field(init=False)  # by rooftop and name

    def __post_init__(self) -> None:
        self.of_roof, self.of_place, self._factors = {}, [], {}
        for entry in self.entries:
            if entry.rooftop is not None:
                self.of_roof.setdefault(entry.rooftop, []).append(entry)
            else:
                self.of_place.append(entry)

    def at(self, rooftop: str | None, lat: float, lon: float, local: datetime) -> list[Entry]:
        """What holds at a rooftop and its place at a moment."""
        there = [entry for entry in self.of_place if entry.circle is None or entry.circle.holds(lat, lon)]
        return [entry for entry in [*self.of_roof.get(rooftop or "", []), *there] if entry.valid(local)]

    def everywhere(self, local: datetime) -> list[Entry]:
        """What holds in the whole town at a moment."""
        return [entry for entry in self.of_place if entry.circle is None and entry.valid(local)]

    def factors(self, rooftop: str, name: str, local: datetime) -> list[Factor]:
        """:func:`roof_factors`, remembered for the day: a camera has a thousand roofs in reach, and entries of roofs
        change at midnight only."""
        if local != self._asked:
            self._asked = local
            day = (local.date(), night_of(local))
            if day != self._day:
                self._day, self._factors = day, {}
        key = (rooftop, name)
        if key not in self._factors:
            self._factors[key] = roof_factors(self.of_roof.get(rooftop, []), name, rooftop, local)
        return self._factors[key]


def night_of(local: datetime) -> date:
    """The evening to which a moment belongs: the night runs from noon to noon."""
    return (local - timedelta(hours=12)).date()


def roof_factors(entries: Iterable[Entry], name: str, rooftop: str, local: datetime) -> list[Factor]:
    """What the register says for and against one roof at a moment, entry by entry.

    Conversions and coal points hold while they are valid; a finding speaks from the day after its visit on and fades.
    """
    night, factors = night_of(local), []
    for entry in entries:
        if entry.kind == "coal_use" and entry.valid(local):
            factors.append(_about(rooftop, "register", COAL_USE, f"{name} is a known place of coal use"))
        elif entry.kind in CONVERTED and entry.valid(local):
            text = f"{name} is registered as converted ({entry.kind}); burning there would be a relapse"
            factors.append(_about(rooftop, "register", CONVERSION, text))
        elif entry.kind in {"burning_found", "nothing_found"} and entry.from_day < night:
            days = (night - entry.from_day).days
            full, half_life = (
                (BURNING_FOUND, FOUND_HALF_LIFE_DAYS)
                if entry.kind == "burning_found"
                else (NOTHING_FOUND, NOTHING_HALF_LIFE_DAYS)
            )
            burning = f"A visit on {entry.from_day} found burning at {name}"
            text = burning if entry.kind == "burning_found" else f"A visit on {entry.from_day} found nothing at {name}"
            factors.append(_about(rooftop, "finding", full * 0.5 ** (days / half_life), text))
    return _once(factors)


def _about(rooftop: str, word: str, weight: float, text: str) -> Factor:
    return Factor(word, weight, text, "rooftop", rooftop)


def _once(factors: list[Factor]) -> list[Factor]:
    """Two lines that say the same count once; of several visits the one that weighs most in each direction."""
    kept: dict[tuple[str, bool], Factor] = {}
    for factor in factors:
        key = (factor.word, factor.weight > 0)
        held = kept.get(key)
        if held is None or abs(factor.weight) > abs(held.weight):
            kept[key] = factor
    return list(kept.values())
