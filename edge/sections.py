"""Parts of the gateway's configuration that say where it stands, when it watches, and what it keeps."""

from __future__ import annotations

import re
from datetime import time
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import Field, PlainValidator, field_validator

from edge.schedule import Schedule, Window
from smokesentry.place import Place
from smokesentry.settings import Section

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def _read_place(value: Any) -> Place | None:
    if value is None or isinstance(value, Place):
        return value
    try:
        return msgspec.convert(value, Place)
    except msgspec.ValidationError as error:
        raise ValueError(f"a place is {{ lat = 39.9, lon = 116.4 }} in WGS-84: {error}".replace("$.", "")) from error


class SiteSection(Section):
    """Where the gateway stands. Without a place the first camera's pose says it."""

    place: Annotated[Place | None, PlainValidator(_read_place)] = None
    zone: str = "Asia/Shanghai"  # of the local times in this file

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                'no such time zone; expected a name like "Asia/Shanghai" (is tzdata installed?)'
            ) from error
        return value


class ScheduleSection(Section):
    """When cameras watch: at night, and in windows of local time. Without this section they always do."""

    night: bool = True
    before_sunset_min: Annotated[float, Field(ge=-720, le=720)] = 30.0
    after_sunrise_min: Annotated[float, Field(ge=-720, le=720)] = 30.0
    windows: list[str] = Field(default_factory=list, max_length=12)

    @field_validator("windows")
    @classmethod
    def _readable(cls, value: list[str]) -> list[str]:
        for text in value:
            if not _WINDOW.fullmatch(text) or text[:5] == text[6:]:
                raise ValueError(f'{text!r} is no window; expected "17:00-22:00", from and to differing')
        return value

    def schedule(self, zone: str, place: Place | None) -> Schedule:
        """As the gateway asks it. ``place`` is needed for the night."""
        windows = tuple(Window(time.fromisoformat(text[:5]), time.fromisoformat(text[6:])) for text in self.windows)
        where = place if self.night else None
        return Schedule(ZoneInfo(zone), where, self.before_sunset_min, self.after_sunrise_min, windows)


class RecorderSection(Section):
    """Clips of detections. ``upload``: what travels without being asked for, the short preview or everything."""

    ring_mb: Annotated[int, Field(ge=4, le=1000)] = 32  # of memory, each camera: the last 75 s
    max_mb: Annotated[int, Field(ge=50, le=1_000_000)] = 2000  # of disk
    upload: Literal["preview", "all"] = "preview"


class InstallerSection(Section):
    """The installer's local page. Beyond loopback it opens only to a one-time PIN (``smokesentry gateway pin``)."""

    listen: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8780  # 0: any free one, said in the log

    @field_validator("listen")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            return str(ip_address(value))
        except ValueError as error:
            raise ValueError('expected an address in digits: "127.0.0.1", or "0.0.0.0" for the whole LAN') from error
