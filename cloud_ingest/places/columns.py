"""Which columns of a file mean what, in Chinese and English, and how their values are read. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.places.table import PlaceError, Table
from smokesentry.clock import to_wire

#: Our name -> names under which files have it, the better ones first. docs/places.md shows this table.
NAMES: dict[str, tuple[str, ...]] = {
    "rooftop": ("rooftop", "房屋编号", "楼栋编号", "建筑编号", "户编号", "id", "编号", "building_id", "osm_id"),
    "on_rooftop": ("rooftop", "房屋编号", "楼栋编号", "建筑编号", "户编号"),
    "chimney": ("chimney", "烟囱编号", "id", "编号"),
    "place": ("id", "code", "编号", "编码", "代码", "网格编号", "网格编码", "站点编号", "站点编码"),
    "grid": ("grid", "网格编号", "网格编码", "网格", "id", "编号", "网格名称"),
    "name": ("name", "名称", "地址", "address", "门牌", "门牌号", "网格名称", "站点名称", "村名", "社区名称"),
    "height_m": ("height_m", "height", "高度", "建筑高度", "房高", "楼高", "烟囱高度"),
    "floors": ("floors", "building:levels", "building_l", "levels", "层数", "楼层", "楼层数", "地上层数", "floor"),
    "parent": ("parent", "上级", "上级网格", "上级编号"),
    "person": ("person", "responsible", "网格员", "责任人", "负责人", "网格长", "姓名"),
    "deputy": ("deputy", "副网格长", "副职", "协管员"),
    "unit": ("unit", "责任单位", "单位", "所属社区", "社区", "村居"),
    "phone": ("phone", "mobile", "电话", "联系电话", "手机", "手机号", "手机号码", "联系方式"),
    "kind": ("kind", "type", "类型", "类别", "区域类型", "豁免类型"),
    "document": ("document", "文件", "文号", "依据", "批准文件", "公告"),
    "approver": ("approver", "批准人", "批准单位", "审批单位"),
    "radius_m": ("radius_m", "radius", "半径"),
    "valid_from": ("valid_from", "from", "起始日期", "开始日期", "生效日期", "起"),
    "valid_to": ("valid_to", "to", "截止日期", "结束日期", "终止日期", "失效日期", "止"),
    "lon": ("lon", "lng", "longitude", "经度", "东经", "x"),
    "lat": ("lat", "latitude", "纬度", "北纬", "y"),
    "wkt": ("wkt", "geometry", "边界", "范围"),
}
_NOTHING = {"", "-", "--", "—", "——", "/", "\\", "无", "null", "none", "n/a"}
ANY_NUMBER = 1e9  # beyond every coordinate
_NUMBER = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?)\s*(?:m|米|层|f|°)?", re.IGNORECASE)
_DATE = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?|([0-9]{4})([0-9]{2})([0-9]{2})"
)


def normal(name: str) -> str:
    """A column's name without what people add: "建筑高度（米）" and "建筑高度 (m)" are both "建筑高度"."""
    name = unicodedata.normalize("NFKC", name).strip().lower()
    return re.sub(r"\s+", "", re.sub(r"\([^)]*\)$", "", name)).strip("*")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table that a kind of import uses."""

    table: Table
    found: dict[str, str]  # our name -> the file's

    @classmethod
    def of(cls, table: Table, wanted: Iterable[str], names: Mapping[str, tuple[str, ...]] = NAMES) -> Columns:
        """Chooses; where a file has several that would do, the better name wins. No column serves twice."""
        there: dict[str, str] = {}
        for name in table.columns:
            there.setdefault(normal(name), name)
        found: dict[str, str] = {}
        for ours in wanted:
            for theirs in names[ours]:
                if theirs in there and there[theirs] not in found.values():
                    found[ours] = there[theirs]
                    break
        return cls(table, found)

    @property
    def unused(self) -> list[str]:
        """The file's columns that nothing is taken from."""
        return [name for name in self.table.columns if name not in self.found.values()]

    def value(self, ours: str, index: int) -> Any:
        """The cell, None where it is empty or the file has no such column."""
        theirs = self.found.get(ours)
        value = None if theirs is None else self.table.columns[theirs][index]
        if isinstance(value, str):
            value = value.strip()
            return None if value.lower() in _NOTHING else value
        return None if isinstance(value, float) and math.isnan(value) else value

    def text(self, ours: str, index: int, most: int = 200) -> str | None:
        """The cell as text; whole numbers without ".0", as spreadsheets give telephone numbers. Too long: cut."""
        value = self.value(ours, index)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return "".join(c for c in str(value) if c.isprintable())[:most] or None

    def key(self, ours: str, index: int) -> str | None:
        """An id: text of 1 to 80 characters. Raises :class:`PlaceError` for a longer one."""
        text = self.text(ours, index, 1000)
        if text is not None and len(text) > 80:
            raise PlaceError(
                f"{self.table.where(index)}: {self.found[ours]} is {text[:40]!r}...; an id has at most 80 characters"
            )
        return text

    def number(self, ours: str, index: int, what: str, least: float, most: float) -> float | None:
        """The cell as a number above ``least`` and below ``most``. Raises :class:`PlaceError`."""
        value = self.value(ours, index)
        if value is None:
            return None
        number = math.nan
        if isinstance(value, str):
            match = _NUMBER.fullmatch(unicodedata.normalize("NFKC", value))
            number = float(match[1]) if match else math.nan
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value) if abs(value) < 1e15 else math.nan
        if not least < number < most:
            shown, where = repr(value)[:40], f"{self.table.where(index)}: {self.found[ours]}"
            within = f" between {least:g} and {most:g}" if most < ANY_NUMBER else ""
            raise PlaceError(f"{where} is {shown}; expected {what}{within}")
        return number

    def day(self, ours: str, index: int) -> date | None:
        """The cell as a civil day. Raises :class:`PlaceError`."""
        value = self.value(ours, index)
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        match = _DATE.fullmatch(self.text(ours, index) or "")
        try:
            if match is None:
                raise ValueError
            year, month, day = (int(part) for part in match.groups() if part is not None)
            return date(year, month, day)
        except ValueError:
            raise PlaceError(
                f"{self.table.where(index)}: {self.found[ours]} is {str(value)[:40]!r}; expected a date like 2026-11-15"
            ) from None

    def valid(self, index: int, zone: ZoneInfo) -> tuple[str | None, str | None]:
        """First and end moment, as stored: both days count, in the town's own time. Raises :class:`PlaceError`."""
        first, last = self.day("valid_from", index), self.day("valid_to", index)
        if first is not None and last is not None and last < first:
            raise PlaceError(f"{self.table.where(index)}: is valid to {last}, which is before {first}")
        try:
            end = None if last is None else last + timedelta(days=1)
            return tuple(None if day is None else _midnight(day, zone) for day in (first, end))  # type: ignore[return-value]
        except OverflowError as error:
            raise PlaceError(f"{self.table.where(index)}: {last} is no date that a notice can have") from error


def _midnight(day: date, zone: ZoneInfo) -> str:
    return to_wire(datetime(day.year, day.month, day.day, tzinfo=zone))
