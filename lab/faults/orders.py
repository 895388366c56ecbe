"""A timetable of faults as a TOML file: what breaks, whose, when, and for how long. Pure: text in, orders out.

name = "a bad night"
length_s = 600

[[fault]]
what = "broker_kill"      # see KINDS for all of them
at_s = 30
for_s = 5

[[fault]]
what = "clock_jump"
target = "gw-1"           # may be left out where there is only one thing to break
at_s = 60
for_s = 20
by_s = 10800              # kinds of their own measure: clock_jump by_s, network_delay delay_ms, network_loss share
every_s = 180             # again and again until the end
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

#: Every fault, and what it does.
KINDS = {
    "broker_kill": "kill -9 of the broker, started again at the end",
    "broker_stop": "the broker stands still (SIGSTOP): connections stay open, nothing answers",
    "ingest_kill": "kill -9 of the cloud's ingestor, started again at the end",
    "network_cut": "a gateway's connections are cut and none comes about",
    "network_silence": "a gateway's connections stay open, nothing passes",
    "network_delay": "every piece of data takes delay_ms longer, in both directions",
    "network_loss": "each piece of data is lost with the probability share, and its connection with it",
    "power": "kill -9 of a gateway, started again at the end",
    "disk_full": "a gateway's disk has no byte left",
    "disk_read_only": "a gateway's disk takes nothing any more: kill -9, mounted read-only, started again on it",
    "clock_jump": "a gateway's wall clock jumps by by_s seconds (negative: into the past), and back at the end",
    "sensor_unplug": "a sensor's line disappears and comes back",
    "sensor_garbage": "a sensor sends random bytes",
    "sensor_freeze": "a sensor says nothing",
    "camera_freeze": "a camera gives the same picture again and again",
    "camera_black": "a camera gives black pictures",
    "camera_gone": "a camera answers nobody",
}
#: The measure that a kind needs: its key, the least and the greatest value.
MEASURES = {
    "clock_jump": ("by_s", -10 * 86400.0, 10 * 86400.0),
    "network_delay": ("delay_ms", 1.0, 60_000.0),
    "network_loss": ("share", 0.001, 1.0),
}
_TOP_KEYS = ("name", "length_s", "fault")
_KEYS = ("what", "target", "at_s", "for_s", "every_s", "by_s", "delay_ms", "share")
_MOST = 10_000


class OrdersError(ValueError):
    """The file is no timetable; one line a problem, each saying where, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, once. Seconds count from the timetable's start; ``measure`` is that of :data:`MEASURES`."""

    at_s: float
    what: str
    for_s: float
    target: str | None = None
    measure: float | None = None

    @property
    def until_s(self) -> float:
        """When it ends."""
        return self.at_s + self.for_s


@dataclass(frozen=True, slots=True)
class Timetable:
    """All faults of a run, by their beginning."""

    name: str
    length_s: float
    faults: tuple[Fault, ...]


def read_orders(path: Path) -> Timetable:
    """The timetable in a file. Raises :class:`OrdersError`."""
    try:
        return parse_orders(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise OrdersError(f"{path}: cannot be read ({error})") from error


def parse_orders(text: str, where: str = "orders") -> Timetable:
    """The timetable in a TOML text, repetitions written out. Raises :class:`OrdersError` with every problem."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OrdersError(f"{where}: not TOML ({error})") from error
    problems = [_unknown(where, key, _TOP_KEYS) for key in document if key not in _TOP_KEYS]
    name = document.get("name", "faults")
    if not isinstance(name, str):
        problems.append(f"{where}: name is {name!r}; expected a text")
    length_s = _number(problems, where, document, "length_s", 1.0, 7 * 86400.0, required=True)
    tables = document.get("fault", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise OrdersError("\n".join([*problems, f"{where}: faults are written as tables, [[fault]]"]))
    faults: list[Fault] = []
    for index, table in enumerate(tables, 1):
        faults += _fault(problems, f"{where}: fault {index}", table, length_s)
        if len(faults) > _MOST:
            problems.append(f"{where}: more than {_MOST} faults; raise every_s")
            break
    problems += [] if problems else _overlaps(where, faults)
    if problems:
        raise OrdersError("\n".join(problems))
    return Timetable(str(name), length_s, tuple(sorted(faults, key=lambda fault: (fault.at_s, fault.what))))


def write_orders(timetable: Timetable) -> str:
    """The text from which :func:`parse_orders` makes the same timetable."""
    lines = [f"name = {_text(timetable.name)}", f"length_s = {timetable.length_s!r}"]
    for fault in timetable.faults:
        lines += ["", "[[fault]]", f'what = "{fault.what}"', f"at_s = {fault.at_s!r}", f"for_s = {fault.for_s!r}"]
        if fault.target is not None:
            lines.append(f"target = {_text(fault.target)}")
        if fault.measure is not None:
            lines.append(f"{MEASURES[fault.what][0]} = {fault.measure!r}")
    return "\n".join(lines) + "\n"


def _fault(problems: list[str], where: str, table: dict[str, Any], length_s: float) -> list[Fault]:
    problems += [_unknown(where, key, _KEYS) for key in table if key not in _KEYS]
    what = table.get("what")
    if not isinstance(what, str) or what not in KINDS:
        near = get_close_matches(str(what), KINDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KINDS)}"
        problems.append(f"{where}: what is {what!r}; {hint}")
        return []
    where = f"{where} ({what})"
    target = table.get("target")
    if target is not None and (not isinstance(target, str) or not target):
        problems.append(f"{where}: target is {target!r}; expected the name of a gateway, camera or sensor")
    at_s = _number(problems, where, table, "at_s", 0.0, length_s, required=True)
    for_s = _number(problems, where, table, "for_s", 0.1, length_s, required=True)
    every_s = _number(problems, where, table, "every_s", 0.1, length_s, required=False)
    measure = None
    if what in MEASURES:
        key, least, most = MEASURES[what]
        measure = _number(problems, where, table, key, least, most, required=True)
    for key in ("by_s", "delay_ms", "share"):
        if key in table and MEASURES.get(what, ("",))[0] != key:
            problems.append(f"{where}: {key} means nothing here")
    if every_s and every_s <= for_s:
        problems.append(f"{where}: every_s is {every_s:g}, but the fault lasts {for_s:g}; it would never end")
        return []
    again = math.floor((length_s - at_s) / every_s) + 1 if every_s else 1
    starts = [at_s + number * every_s for number in range(min(again, _MOST + 1))] if every_s else [at_s]
    found = [Fault(start, what, for_s, target, measure) for start in starts if start + for_s <= length_s]
    if not found:
        problems.append(f"{where}: ends {at_s + for_s:g} s after the start, but the timetable ends at {length_s:g}")
    return found


def _overlaps(where: str, faults: list[Fault]) -> list[str]:
    """The same thing cannot break twice at once: its end would mend the other."""
    problems, until = [], dict[tuple[str, str | None], Fault]()
    for fault in sorted(faults, key=lambda fault: fault.at_s):
        key = (fault.what.split("_")[0], fault.target)
        before = until.get(key)
        if before is not None and fault.at_s < before.until_s:
            problems.append(
                f"{where}: {fault.what} at {fault.at_s:g} s begins before {before.what} of {before.at_s:g} s has ended"
                f" ({before.until_s:g} s) at the same place"
            )
        if before is None or fault.until_s > before.until_s:
            until[key] = fault
    return problems


def _number(
    problems: list[str], where: str, table: dict[str, Any], key: str, least: float, most: float, *, required: bool
) -> float:
    value = table.get(key)
    if value is None and not required:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        found = "is missing" if value is None else f"is {value!r}"
        problems.append(f"{where}: {key} {found}; expected a number from {least:g} to {most:g}")
        return least
    return float(value)


def _unknown(where: str, key: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"{where}: no such key {key!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}")


def _text(value: str) -> str:
    import json

    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
