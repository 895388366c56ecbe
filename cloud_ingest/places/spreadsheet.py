"""Spreadsheets → table: .csv in UTF-8, GBK or UTF-16; .xlsx, .xls or .ods workbooks. Rows count as on the screen."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import python_calamine

from cloud_ingest.places.table import PlaceError, Table, check_size, object_array

_TITLE_ROWS = 10  # so many rows may stand above the one with the columns' names
_MAX_CSV_BYTES = 500_000_000
_MAX_UNPACKED = 400_000_000  # of a workbook's XML
_MAX_CELLS = 20_000_000
#: What the workbook's readers raise for a file that is damaged, locked by a password, or of a kind they do not know;
#: XML parts that lack something they must have raise ValueError or KeyError.
_BROKEN = (
    python_calamine.CalamineError, zipfile.BadZipFile, zlib.error, ElementTree.ParseError,
    OSError, EOFError, RuntimeError, ValueError, KeyError,
)  # fmt: skip
# A cell with an error, or with a formula and no value beside it: written by a program that does not calculate.
_FAILED = re.compile(rb'<c\b(?=[^>]*\bt="e")[^>]*?\br="([A-Z]+)([0-9]+)"')
_UNCALCULATED = re.compile(
    rb'<c\b[^>]*?\br="([A-Z]+)([0-9]+)"[^>]*>\s*<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

Known = Callable[[str], bool]  # whether a column's name means something


def read_csv(path: Path, known: Known) -> Table:
    """Reads a text file of rows. Raises :class:`PlaceError`."""
    if path.stat().st_size > _MAX_CSV_BYTES:
        raise PlaceError(f"has more than {_MAX_CSV_BYTES} bytes: split it by district")
    return csv_table(path.read_bytes(), known)


def csv_table(data: bytes, known: Known) -> Table:
    """The rows of a text file. Raises :class:`PlaceError`."""
    text, notes = _text(data)
    sample = "\n".join(text.splitlines()[:_TITLE_ROWS])
    delimiter = max((",", ";", "\t"), key=sample.count)
    try:
        rows: list[Sequence[Any]] = list(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise PlaceError(f"is no table of text ({error}); save it again as CSV UTF-8") from error
    return _table(rows, known, notes)


def _text(data: bytes) -> tuple[str, list[str]]:
    if data.startswith(b"PK\x03\x04"):
        raise PlaceError("is a workbook and no CSV: give it its own ending, .xlsx or .ods")
    for encoding in ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text, [] if encoding != "gb18030" else ["texts are read as GBK"]
    raise PlaceError("is neither UTF-8 nor GBK text; save it again as CSV UTF-8")


def read_workbook(path: Path, sheet: str | None, known: Known) -> Table:
    """Reads one sheet; it must be named where several have something in them. Raises :class:`PlaceError`."""
    if path.suffix.lower() in {".xlsx", ".ods"}:
        _check_package(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        filled = [name for name in book.sheet_names if name == sheet or book.get_sheet_by_name(name).height]
        if sheet is None and len(filled) != 1:
            raise PlaceError(f"say --layer NAME; its sheets are: {', '.join(filled) or 'all empty'}")
        if sheet is not None and sheet not in filled:
            raise PlaceError(f"sheet {sheet!r} is not in it; its sheets are: {', '.join(filled)}")
        name = filled[0] if sheet is None else sheet
        page = book.get_sheet_by_name(name)
        if page.total_height * page.total_width > _MAX_CELLS:
            raise PlaceError(
                f"its sheet spans {page.total_height} rows and {page.total_width} columns: delete the empty ones"
            )
        rows: list[list[Any]] = page.to_python(skip_empty_area=False)
        merged = page.merged_cell_ranges or []
        hollow = _hollow(path, name) if path.suffix.lower() == ".xlsx" else {}
    except PlaceError:
        raise
    except _BROKEN as error:
        raise PlaceError(f"is no whole workbook ({error}); save it again") from error
    for (top, left), (bottom, right) in merged:
        for row in range(top, min(bottom, len(rows) - 1) + 1):
            for column in range(left, min(right, len(rows[row]) - 1) + 1):
                rows[row][column] = rows[top][left]
    return _table(rows, known, [], hollow)


def _check_package(path: Path) -> None:
    """Refuses a package that would unpack without end."""
    try:
        with zipfile.ZipFile(path) as package:
            unpacked = sum(info.file_size for info in package.infolist())
    except _BROKEN as error:
        raise PlaceError(f"is no whole workbook ({error}); save it again, without a password") from error
    if unpacked > _MAX_UNPACKED:
        raise PlaceError(f"unpacked it would take more than {_MAX_UNPACKED} bytes; save it again, without pictures")


def _hollow(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Row and column (from 0) of cells that the reader gives as empty though they are not, and what is with them."""
    found = {}
    with zipfile.ZipFile(path) as package:
        book = ElementTree.fromstring(package.read("xl/workbook.xml"))
        relations = ElementTree.fromstring(package.read("xl/_rels/workbook.xml.rels"))
        targets = {one.get("Id"): one.get("Target", "") for one in relations}
        key = next((one.get(_RELATION) for one in book.iter(f"{_MAIN}sheet") if one.get("name") == sheet), None)
        part = "xl/" + targets.get(key, "").removeprefix("/xl/")
        if part not in package.namelist():
            return {}
        content = package.read(part)
    for pattern, what in (
        (_FAILED, "a formula that failed; mend it"),
        (_UNCALCULATED, "a formula whose value is not in the file; open it, let it calculate, and save"),
    ):
        for match in pattern.finditer(content):
            column = 0
            for letter in match[1]:
                column = column * 26 + letter - 64
            found[(int(match[2]) - 1, column - 1)] = what
    return found


def _table(
    rows: Sequence[Sequence[Any]], known: Known, notes: list[str], hollow: Mapping[tuple[int, int], str] = {}
) -> Table:
    """The row among the first whose cells are most known as names is the head; what stands above it is a title."""
    if not rows:
        raise PlaceError("is empty")
    hits = [sum(known(str(cell)) for cell in row) for row in rows[:_TITLE_ROWS]]
    head = max(range(len(hits)), key=lambda index: hits[index])
    if hits[head] == 0:
        names = ", ".join(str(cell) for cell in rows[0][:8] if cell not in (None, ""))
        raise PlaceError(
            f"no row has names of columns that are known (row 1: {names[:120]}); docs/places.md lists them, "
            "docs/fusion.md those of a register"
        )
    names_at: dict[str, int] = {}
    for at, cell in enumerate(rows[head]):
        name = str(cell).strip()
        if name and name in names_at:
            raise PlaceError(f"row {head + 1}: two columns are named {name!r}; rename or delete one")
        if name:
            names_at[name] = at
    kept = [number for number in range(head + 1, len(rows)) if any(cell not in (None, "") for cell in rows[number])]
    check_size(len(kept))
    columns: dict[str, list[Any]] = {name: [] for name in names_at}
    for number in kept:
        row = rows[number]
        for name, at in names_at.items():
            value = row[at] if at < len(row) else None
            if (number, at) in hollow and known(name):
                raise PlaceError(f"row {number + 1}, column {name}: {hollow[(number, at)]}")
            columns[name].append(value)
    named = set(names_at.values())
    stray = next(
        (
            f"row {number + 1}"
            for number in kept
            if any(cell not in (None, "") for at, cell in enumerate(rows[number]) if at not in named)
        ),
        None,
    )
    shapes = object_array([None] * len(kept))
    numbers = [number + 1 for number in kept]
    return Table(shapes, columns, None, lambda index: f"row {numbers[index]}", tuple(notes), numbers, stray)
