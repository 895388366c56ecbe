"""A register's file → entries, or one error that names row and column. Pure.

CSV with a heading row, in Chinese or English; the columns' order does not matter. Whole or not at all: a file with one
bad line changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date

from cloud_ingest.geotag.register import EVERYWHERE_KINDS, FUELS, KINDS, PLACE_KINDS, Circle, Entry

MAX_ROWS = 500_000
_COLUMNS = {
    "kind": "类型", "rooftop": "屋顶", "lat": "纬度", "lon": "经度", "radius_m": "半径米", "fuel": "燃料",
    "from_day": "开始日期", "to_day": "结束日期", "from_time": "开始时间", "to_time": "结束时间", "note": "备注",
}  # fmt: skip
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


class RegisterError(ValueError):
    """The file cannot be a register; the message names row and column."""


def decoded(raw: bytes) -> str:
    """A spreadsheet's text: UTF-8, or GB 18030 as Excel saves it in China. Raises :class:`RegisterError`."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RegisterError("the file is neither UTF-8 nor GB 18030 text: save it as CSV (not as XLSX)")


def read_register(text: str) -> list[Entry]:
    """The entries in the file's order. Raises :class:`RegisterError`."""
    if "\0" in text:
        raise RegisterError("the file is no text: save the sheet as CSV (not as XLSX)")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries: list[Entry] = []
    try:
        names = _heading(next(reader, []))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(entries) >= MAX_ROWS:
                    raise RegisterError(f"the file has more than {MAX_ROWS} rows")
                entries.append(_entry(reader.line_num, names, cells))
    except csv.Error as error:
        raise RegisterError(f"row {reader.line_num}: {error}") from error
    return entries


def _heading(cells: list[str]) -> list[str]:
    english = {chinese: name for name, chinese in _COLUMNS.items()}
    names = [english.get(cell.strip(), cell.strip()) for cell in cells]
    for name in names:
        if name and name not in _COLUMNS:
            known = ", ".join(f"{name} ({chinese})" for name, chinese in _COLUMNS.items())
            raise RegisterError(f"row 1: column {name[:40]!r} is not known; there are: {known}")
        if name and names.count(name) > 1:
            raise RegisterError(f"row 1: column {name!r} stands there twice")
    for needed in ("kind", "from_day"):
        if needed not in names:
            raise RegisterError(f"row 1: column {needed!r} ({_COLUMNS[needed]}) is missing")
    return names


class _Row:
    """One line's cells by name, and errors that say where."""

    def __init__(self, row: int, names: list[str], cells: list[str]) -> None:
        self.row = row
        if any(cell.strip() for cell in cells[len(names) :]):
            raise RegisterError(f"row {row}: {len(cells)} cells under {len(names)} columns")
        self._cells = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}

    def text(self, name: str) -> str | None:
        return self._cells.get(name) or None

    def wrong(self, name: str, expected: str) -> RegisterError:
        found = self._cells.get(name, "")
        return RegisterError(f"row {self.row}, column {name}: {found[:40]!r}: expected {expected}")

    def word(self, name: str, chinese: Mapping[str, str], known: tuple[str, ...]) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        word = chinese.get(text, text)
        if word not in known:
            raise self.wrong(name, f"one of {', '.join([*known, *chinese])}")
        return word

    def number(self, name: str, low: float, high: float) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            raise self.wrong(name, f"a number from {low:g} to {high:g}") from None
        if not low <= value <= high:
            raise self.wrong(name, f"a number from {low:g} to {high:g}")
        return value

    def day(self, name: str) -> date | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            year, month, day = text.replace("/", "-").replace(".", "-").split("-")
            return date(int(year), int(month), int(day))
        except ValueError:
            raise self.wrong(name, "a day such as 2026-11-22") from None

    def hour(self, name: str) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        hours, _, minutes = text.replace("：", ":").partition(":")
        if not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
            raise self.wrong(name, "a time such as 18:30")
        value = int(hours) + int(minutes) / 60
        if int(minutes) > 59 or value > 24:
            raise self.wrong(name, "a time from 0:00 to 24:00")
        return value


def _entry(number: int, names: list[str], cells: list[str]) -> Entry:
    row = _Row(number, names, cells)
    kind = row.word("kind", _KINDS, tuple(KINDS))
    if kind is None:
        raise row.wrong("kind", f"one of {', '.join(KINDS)}")
    from_day, to_day = row.day("from_day"), row.day("to_day")
    if from_day is None:
        raise row.wrong("from_day", "a day such as 2026-11-22")
    if to_day is not None and to_day < from_day:
        raise row.wrong("to_day", f"a day not before {from_day}")
    rooftop, circle = row.text("rooftop"), _circle(row)
    if rooftop is not None and len(rooftop) > 80:
        raise row.wrong("rooftop", "a rooftop's id of at most 80 letters")
    _check_place(row, kind, rooftop, circle)
    from_hour, to_hour = row.hour("from_time"), row.hour("to_time")
    if (from_hour is None) != (to_hour is None):
        raise row.wrong("to_time" if to_hour is None else "from_time", "both times or none")
    if from_hour is not None and kind not in PLACE_KINDS:
        raise row.wrong("from_time", f"no times: {kind} holds all day")
    fuel = row.word("fuel", _FUELS, FUELS)
    note = (row.text("note") or "")[:400]
    return Entry(number, kind, from_day, to_day, rooftop, circle, fuel, from_hour, to_hour, note)


def _circle(row: _Row) -> Circle | None:
    lat, lon = row.number("lat", -90, 90), row.number("lon", -180, 180)
    radius = row.number("radius_m", 1, _LARGEST_M)
    given = [value for value in (lat, lon, radius) if value is not None]
    if not given:
        return None
    if lat is None or lon is None or radius is None:
        missing = "lat" if lat is None else "lon" if lon is None else "radius_m"
        raise row.wrong(missing, "lat, lon (WGS-84) and radius_m together")
    return Circle(lat, lon, radius)


def _check_place(row: _Row, kind: str, rooftop: str | None, circle: Circle | None) -> None:
    if rooftop is not None and circle is not None:
        raise row.wrong("rooftop", "either a rooftop or lat, lon and radius_m")
    if kind not in PLACE_KINDS and rooftop is None:
        raise row.wrong("rooftop", f"a rooftop's id: {kind} is said of a rooftop")
    if rooftop is None and circle is None and kind not in EVERYWHERE_KINDS:
        raise row.wrong("rooftop", f"a rooftop's id, or lat, lon and radius_m: {kind} needs a place")
