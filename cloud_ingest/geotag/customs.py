"""What else smokes on certain dates and at certain places: suggestions of another class, each with its reason. Pure.

A suggestion weighs nothing. It stands beside the alert so that a dispatcher knows what a patrol may find; the alert
keeps its class and its probabilities, since coal burns on feast days, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from borax.calendars.lunardate import MAX_LUNAR_YEAR, MIN_LUNAR_YEAR, LunarDate

from cloud_ingest.geotag.register import Entry, night_of

#: Lunar days whose evening people keep: month, day, whose custom, name.
_LUNAR = (
    (1, 1, "fireworks", "Spring Festival (春节)"), (1, 5, "fireworks", "the Fifth Day (破五)"),
    (1, 15, "fireworks", "Lantern Festival (元宵)"), (1, 15, "paper_burning", "Lantern Festival (元宵)"),
    (7, 15, "paper_burning", "Zhongyuan (中元)"), (10, 1, "paper_burning", "Winter Clothes Day (寒衣节)"),
    (12, 23, "fireworks", "Little New Year in the north (小年)"),
    (12, 24, "fireworks", "Little New Year in the south (小年)"),
)  # fmt: skip
_CLASS_OF = {
    "kitchen": "exhaust",
    "meat_smoking": "open_burning",
    "burial_place": "open_burning",
    "paper_burning": "open_burning",
    "fireworks": "fireworks",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Another class of WIRE that fits, and why; ``kind`` is the register's word."""

    plume_class: str
    kind: str
    text: str

    def as_json(self) -> dict[str, str]:
        """As ``alert_versions.suggestions`` keeps it."""
        return {"class": self.plume_class, "kind": self.kind, "text": self.text}


def holidays(evening: date) -> list[tuple[str, str]]:
    """The customs of an evening as (kind, name of the day), by the lunar calendar; 清明 by the sun. Years 1900 to 2100.

    除夕 is the evening before the first day of the year; 破五 is greeted at its dawn, which is the night before.
    """
    if not MIN_LUNAR_YEAR < evening.year <= MAX_LUNAR_YEAR:
        return []
    found = []
    today, tomorrow = LunarDate.from_solar(evening), LunarDate.from_solar(evening + timedelta(days=1))
    for month, day, kind, name in _LUNAR:
        lunar = tomorrow if (month, day) == (1, 5) else today
        if (lunar.month, lunar.day, lunar.leap) == (month, day, 0):
            found.append((kind, name))
    if (tomorrow.month, tomorrow.day, tomorrow.leap) == (1, 1, 0):
        found += [("fireworks", "New Year's Eve (除夕)"), ("paper_burning", "New Year's Eve (除夕)")]
    if evening.month == 4 and today.term == "清明":
        found.append(("paper_burning", "Tomb Sweeping Day (清明)"))
    return found


def suggestions(entries: Iterable[Entry], name: str, local: datetime) -> list[Suggestion]:
    """What the register's valid entries at the likeliest roof and the date suggest. ``entries``: ``Register.at``."""
    found = []
    for entry in entries:
        if entry.kind not in _CLASS_OF:
            continue
        note = f": {entry.note}" if entry.note else ""
        text = {
            "kitchen": f"A kitchen is registered at {name}{note}",
            "meat_smoking": f"Meat smoking is permitted at {name} from {entry.from_day} to {entry.to_day}{note}",
            "burial_place": f"{name} lies at a burial place{note}",
            "paper_burning": f"Paper is burnt for the dead here on this date{note}",
            "fireworks": f"Fireworks are permitted here at this time{note}",
        }[entry.kind]
        found.append(Suggestion(_CLASS_OF[entry.kind], entry.kind, text))
    for kind, day in holidays(night_of(local)):
        what = "Fireworks" if kind == "fireworks" else "Burning of paper"
        found.append(Suggestion(_CLASS_OF[kind], kind, f"{what} may be it: tonight is {day}"))
    return found
