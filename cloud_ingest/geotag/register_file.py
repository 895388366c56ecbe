"""A register's file → entries, or one error that names row and column. Pure but for opening the file.

A spreadsheet with a row of columns' names, in Chinese or English; the columns' order does not matter. Whole or not at
all: a file with one bad line changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from pathlib import Path

from cloud_ingest.geotag.register import EVERYWHERE_KINDS, FUELS, KINDS, PLACE_KINDS, Circle, Entry
from cloud_ingest.places.columns import Columns, normal
from cloud_ingest.places.read import read_rows
from cloud_ingest.places.table import PlaceError, Table

MAX_ROWS = 500_000
#: Our name -> names under which files have it, the first two as docs/fusion.md shows them.
COLUMNS: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "类型", "类别"),
    "rooftop": ("rooftop", "屋顶", "房屋编号", "楼栋编号", "建筑编号", "户编号"),
    "lat": ("lat", "纬度", "latitude"),
    "lon": ("lon", "经度", "longitude"),
    "radius_m": ("radius_m", "半径米", "半径"),
    "fuel": ("fuel", "燃料"),
    "from_day": ("from_day", "开始日期", "起始日期"),
    "to_day": ("to_day", "结束日期", "截止日期"),
    "from_time": ("from_time", "开始时间"),
    "to_time": ("to_time", "结束时间"),
    "note": ("note", "备注"),
}
_ALIASES = {alias for aliases in COLUMNS.values() for alias in aliases}
_KINDS = {
    "散煤使用点": "coal_use", "煤改气": "gas", "煤改电": "electricity", "集中供热": "central_heating",
    "查实": "burning_found", "查无": "nothing_found", "餐饮": "kitchen", "腊肉熏制": "meat_smoking",
    "坟地": "burial_place", "集中迁葬点": "burial_place", "烟花爆竹": "fireworks", "烧纸": "paper_burning",
}  # fmt: skip
_FUELS = {
    "散煤": "coal", "煤": "coal", "柴": "wood", "木柴": "wood", "型煤": "briquette", "兰炭": "briquette",
    "其他": "other",
}  # fmt: skip
_LARGEST_M = 20_000.0
_LONGEST_NOTE = 400


def read_register(path: Path, layer: str | None = None) -> list[Entry]:
    """The entries of a CSV or workbook (``layer``: its sheet) in the file's order. Raises ``PlaceError``, and
    ``OSError`` for a file that cannot be read."""
    return entries_of(read_rows(path, is_column, layer))


def is_column(name: str) -> bool:
    """Whether a column's name is one of a register's."""
    return normal(name) in _ALIASES


def entries_of(table: Table) -> list[Entry]:
    """The entries of a table whose names of columns :func:`is_column` has found. Raises ``PlaceError``."""
    strange = [name for name in table.columns if not is_column(name)]
    if strange:
        known = ", ".join(f"{names[0]} ({names[1]})" for names in COLUMNS.values())
        raise PlaceError(f"column {strange[0][:40]!r} is not known; there are: {known}")
    columns = Columns.of(table, COLUMNS, COLUMNS)
    if columns.unused:
        ours = next(name for name, aliases in COLUMNS.items() if normal(columns.unused[0]) in aliases)
        raise PlaceError(f"columns {columns.found[ours]!r} and {columns.unused[0]!r} are the same; delete one")
    for needed in ("kind", "from_day"):
        if needed not in columns.found:
            raise PlaceError(f"column {needed!r} ({COLUMNS[needed][1]}) is missing")
    if table.stray is not None:
        raise PlaceError(f"{table.stray}: has cells under no column's name; a comma too many, or a name missing?")
    if len(table) > MAX_ROWS:
        raise PlaceError(f"has more than {MAX_ROWS} rows")
    return [_Row(columns, index).entry() for index in range(len(table))]


class _Row:
    """One line's cells by our names, and errors that say where."""

    def __init__(self, columns: Columns, index: int) -> None:
        self._columns, self._index = columns, index

    def entry(self) -> Entry:
        kind = self._word("kind", _KINDS, tuple(KINDS))
        if kind is None:
            raise self._wrong("kind", f"one of {', '.join(KINDS)}")
        from_day, to_day = self._columns.day("from_day", self._index), self._columns.day("to_day", self._index)
        if from_day is None:
            raise self._wrong("from_day", "a date like 2026-11-15")
        if to_day is not None and to_day < from_day:
            raise self._wrong("to_day", f"a day not before {from_day}")
        rooftop, circle = self._columns.key("rooftop", self._index), self._circle()
        self._check_place(kind, rooftop, circle)
        from_hour, to_hour = self._hour("from_time"), self._hour("to_time")
        if (from_hour is None) != (to_hour is None):
            raise self._wrong("to_time" if to_hour is None else "from_time", "both times or none")
        if from_hour is not None and kind not in PLACE_KINDS:
            raise self._wrong("from_time", f"no times: {kind} holds all day")
        fuel = self._word("fuel", _FUELS, FUELS)
        note = self._columns.text("note", self._index, _LONGEST_NOTE) or ""
        number = self._columns.table.rows[self._index]
        return Entry(number, kind, from_day, to_day, rooftop, circle, fuel, from_hour, to_hour, note)

    def _wrong(self, name: str, expected: str) -> PlaceError:
        value = self._columns.value(name, self._index)
        column = self._columns.found.get(name, name)
        shown = "empty" if value is None else repr(str(value)[:40])
        return PlaceError(f"{self._columns.table.where(self._index)}: {column} is {shown}; expected {expected}")

    def _word(self, name: str, chinese: Mapping[str, str], known: tuple[str, ...]) -> str | None:
        text = self._columns.text(name, self._index)
        word = None if text is None else chinese.get(text, text)
        if word is not None and word not in known:
            raise self._wrong(name, f"one of {', '.join([*known, *chinese])}")
        return word

    def _number(self, name: str, low: float, high: float) -> float | None:
        # What a place may be at most is allowed, too.
        value = self._columns.number(name, self._index, "a number", low - 1e-9, high + 1e-9)
        return None if value is None else min(max(value, low), high)

    def _hour(self, name: str) -> float | None:
        """Text such as 18:30, or what a spreadsheet keeps of a time: a time of the day, or an interval (24:00)."""
        value = self._columns.value(name, self._index)
        if value is None:
            return None
        if isinstance(value, datetime | time):
            return value.hour + value.minute / 60
        if isinstance(value, timedelta):
            hours = value.total_seconds() / 3600
        else:
            head, _, minutes = str(value).replace("：", ":").partition(":")
            minutes = minutes.removesuffix(":00") if ":" in minutes else minutes
            if not (head.isascii() and head.isdigit() and minutes.isascii() and minutes.isdigit()):
                raise self._wrong(name, "a time such as 18:30")
            if int(minutes) > 59:
                raise self._wrong(name, "a time from 0:00 to 24:00")
            hours = int(head) + int(minutes) / 60
        if not 0 <= hours <= 24:
            raise self._wrong(name, "a time from 0:00 to 24:00")
        return hours

    def _circle(self) -> Circle | None:
        lat, lon = self._number("lat", -90, 90), self._number("lon", -180, 180)
        radius = self._number("radius_m", 1, _LARGEST_M)
        if lat is None and lon is None and radius is None:
            return None
        if lat is None or lon is None or radius is None:
            missing = "lat" if lat is None else "lon" if lon is None else "radius_m"
            raise self._wrong(missing, "lat, lon (WGS-84) and radius_m together")
        return Circle(lat, lon, radius)

    def _check_place(self, kind: str, rooftop: str | None, circle: Circle | None) -> None:
        if rooftop is not None and circle is not None:
            raise self._wrong("rooftop", "either a rooftop or lat, lon and radius_m")
        if kind not in PLACE_KINDS and rooftop is None:
            raise self._wrong("rooftop", f"a rooftop's id: {kind} is said of a rooftop")
        if rooftop is None and circle is None and kind not in EVERYWHERE_KINDS:
            raise self._wrong("rooftop", f"a rooftop's id, or lat, lon and radius_m: {kind} needs a place")
