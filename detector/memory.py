"""A site's own memory: places and hours where lights or steam come back night after night need a stronger score there.

It may only ever ask for *more*, by a bounded factor, in a bounded part of the picture, for a bounded time: whatever it
has learned, a strong plume passes everywhere, and what is not seen again is forgotten. Pure: the caller brings night
and hour, and keeps the text (:func:`to_toml`) in a file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SHAPE = ROWS, COLUMNS = 9, 16
FORMAT = "smoke-sentry-site-memory-1"
MOST_RAISE = 1.2  # on the score that opens an event
SURE_SCORE = 0.75  # a score that passes everywhere, whatever was learned
MOST_SHARE = 0.05  # of the picture, at any hour
FORGOTTEN_AFTER_NIGHTS = 21
QUIET_NIGHTS = 3  # a place must have stirred on so many nights before it counts
_STEP = 0.1  # each further night, and each visit that found nothing
_MOST_PLACES = 400

Outcome = Literal["confirmed", "nothing_found", "steam", "other"]


class MemoryDamaged(ValueError):
    """The file is no site memory; the message says what is wrong."""


@dataclass(slots=True)
class Place:
    """One cell of the 16 x 9 grid at one hour. ``nights`` on which it stirred without smoke, ``visits`` on which
    people found none; both as days since 1970-01-01 of the evening."""

    nights: set[int] = field(default_factory=set)
    visits: set[int] = field(default_factory=set)

    @property
    def last(self) -> int:
        """The last night that spoke for it."""
        return max(self.nights | self.visits, default=-1)

    def raised(self) -> float:
        """The factor that it asks for, before any bound but its own."""
        steps = max(len(self.nights) - QUIET_NIGHTS + 1, 0) + 2 * len(self.visits)
        return min(1.0 + _STEP * steps, MOST_RAISE)


@dataclass(slots=True)
class SiteMemory:
    """What one camera has learned. ``places`` by (row, column, hour 0-23 local); ``trusted`` are the nights until which
    a confirmed place (row, column) may not be raised again."""

    places: dict[tuple[int, int, int], Place] = field(default_factory=dict)
    trusted: dict[tuple[int, int], int] = field(default_factory=dict)

    def note_quiet(
        self,
        stirred: NDArray[np.float32],
        level: float,
        hour: int,
        night: int,
        chimneys: Iterable[tuple[float, float]] = (),
    ) -> None:
        """An hour without an event: ``stirred`` is the highest score in each cell (9, 16), and cells above ``level``
        were close to a false alarm. Known ``chimneys`` (shares of width and height) are left out: what comes back
        there every night may be the very stove that is looked for."""
        spared = {_cell(x, y) for x, y in chimneys}
        for row, column in np.argwhere(stirred >= level):
            cell = (int(row), int(column))
            if cell not in spared and self.trusted.get(cell, -1) < night:
                self._place(cell, hour).nights.add(night)
        self._forget(night)

    def note_visit(self, x: float, y: float, outcome: Outcome, hour: int, night: int) -> None:
        """What people found at a place (shares of width and height) of which an alert had told."""
        cell = _cell(x, y)
        if outcome == "confirmed":
            for key in [key for key in self.places if key[:2] == cell]:
                del self.places[key]
            self.trusted[cell] = night + FORGOTTEN_AFTER_NIGHTS
        elif self.trusted.get(cell, -1) < night:
            self._place(cell, hour).visits.add(night)
        self._forget(night)

    def factors(self, hour: int, night: int, threshold: float) -> NDArray[np.float32]:
        """By how much a score must exceed ``threshold`` in each cell (9, 16) at an hour: 1 to MOST_RAISE, never so
        high that SURE_SCORE would not open an event."""
        out = np.ones((ROWS, COLUMNS), np.float32)
        bound = max(min(MOST_RAISE, SURE_SCORE / threshold), 1.0)
        asked = sorted(
            (
                (place.raised(), place.last, key)
                for key, place in self.places.items()
                if key[2] == hour and 0 <= night - place.last <= FORGOTTEN_AFTER_NIGHTS
            ),
            reverse=True,
        )
        for raised, _, (row, column, _) in asked[: int(MOST_SHARE * ROWS * COLUMNS)]:
            out[row, column] = min(raised, bound)
        return out

    def _place(self, cell: tuple[int, int], hour: int) -> Place:
        return self.places.setdefault((*cell, hour % 24), Place())

    def _forget(self, night: int) -> None:
        """Drops nights that are too long ago (or in a future that a wrong clock invented), and the weakest places
        beyond the bound."""
        for place in self.places.values():
            place.nights = {n for n in place.nights if 0 <= night - n <= FORGOTTEN_AFTER_NIGHTS}
            place.visits = {n for n in place.visits if 0 <= night - n <= FORGOTTEN_AFTER_NIGHTS}
        alive = [(place.raised(), place.last, key) for key, place in self.places.items() if place.last >= 0]
        self.places = {key: self.places[key] for _, _, key in sorted(alive, reverse=True)[:_MOST_PLACES]}
        self.trusted = {c: until for c, until in self.trusted.items() if 0 <= until - night <= FORGOTTEN_AFTER_NIGHTS}


def _cell(x: float, y: float) -> tuple[int, int]:
    return min(max(int(y * ROWS), 0), ROWS - 1), min(max(int(x * COLUMNS), 0), COLUMNS - 1)


_HEAD = f"""# What this camera has learned about its own place. Written by the gateway; delete it and it learns anew.
# A place is a cell of the picture, 16 columns from the left and {ROWS} rows from the top, from 0, at one local hour.
# nights: evenings on which something came close to an alarm there and was no smoke; visits: evenings on which people
# went and found none. Both are days since 1970-01-01. raise: how much stronger smoke must look there; at most
# {MOST_RAISE}, in at most {MOST_SHARE:.0%} of the picture at any hour, and forgotten {FORGOTTEN_AFTER_NIGHTS} nights
# after the last of them. trusted: smoke was confirmed there, so nothing is raised before that day.
format = "{FORMAT}"
"""


def to_toml(memory: SiteMemory) -> str:
    """The memory as a small readable file."""
    lines = [_HEAD]
    for (row, column), until in sorted(memory.trusted.items()):
        lines.append(f"[[trusted]]\nrow = {row}\ncolumn = {column}\nuntil = {until}\n")
    for (row, column, hour), place in sorted(memory.places.items()):
        lines.append(
            f"[[places]]\nrow = {row}\ncolumn = {column}\nhour = {hour}\nraise = {place.raised():.2f}\n"
            f"nights = {sorted(place.nights)}\nvisits = {sorted(place.visits)}\n"
        )
    return "\n".join(lines)


def from_toml(text: str) -> SiteMemory:
    """Reads what :func:`to_toml` wrote. Raises :class:`MemoryDamaged` for anything else; ``raise`` is for people and is
    worked out anew."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MemoryDamaged(f"the site memory is not valid TOML: {error}; delete the file to begin anew") from error
    if data.get("format") != FORMAT:
        raise MemoryDamaged(f"the site memory says format {data.get('format')!r}, expected {FORMAT!r}; delete the file")
    memory = SiteMemory()
    try:
        for row in _rows(data, "trusted"):
            memory.trusted[(_whole(row, "row", ROWS), _whole(row, "column", COLUMNS))] = _whole(row, "until", 10**6)
        for row in _rows(data, "places"):
            key = _whole(row, "row", ROWS), _whole(row, "column", COLUMNS), _whole(row, "hour", 24)
            memory.places[key] = Place(_nights(row, "nights"), _nights(row, "visits"))
    except (KeyError, TypeError, ValueError) as error:
        raise MemoryDamaged(f"the site memory is damaged ({error}); delete the file to begin anew") from error
    return memory


def _rows(data: dict[str, object], name: str) -> list[dict[str, object]]:
    rows = data.get(name, [])
    if not isinstance(rows, list) or len(rows) > _MOST_PLACES or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name} is not a list of at most {_MOST_PLACES} tables")
    return rows


def _whole(row: dict[str, object], name: str, below: int) -> int:
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < below:
        raise ValueError(f"{name} = {value!r}, expected a whole number from 0 to {below - 1}")
    return value


def _nights(row: dict[str, object], name: str) -> set[int]:
    values = row[name]
    if not isinstance(values, list) or len(values) > 2 * FORGOTTEN_AFTER_NIGHTS:
        raise ValueError(f"{name} is not a short list of nights")
    return {_whole({name: value}, name, 10**6) for value in values}
