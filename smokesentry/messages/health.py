"""How a gateway is, as it tells the cloud: cameras, sensors, coverage, orders in force, the computer itself."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from smokesentry.clock import from_wire
from smokesentry.messages.fields import FrameWidth, Lane, Name, NotNegative, ShortText, Text, UtcTime, Verdict


class Displaced(msgspec.Struct, frozen=True, kw_only=True):
    """How far a camera's picture lies from its reference view, once so far that pixels no longer mean the places that
    they were surveyed as: the middle's way in pixels of frames ``frame_width`` wide, and the turn about it."""

    moved_px: NotNegative | None  # null: it shows another view altogether
    turned_deg: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    frame_width: FrameWidth


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a camera can say now, and why not when it cannot judge."""

    camera: Name
    verdict: Verdict
    cause: Text | None = None
    frames: Annotated[int, Meta(ge=0)] = 0
    unreadable: Annotated[int, Meta(ge=0)] = 0
    frame_age_s: NotNegative | None = None
    judged_s: NotNegative = 0.0  # coverage since the process began
    not_judged_s: NotNegative = 0.0
    displaced: Displaced | None = None  # older gateways say it in words only (``cause``)


class SensorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a serial line gave: counts, never one message a byte."""

    sensor: Name
    model: ShortText
    connected: bool
    frames: Annotated[int, Meta(ge=0)] = 0
    rejected: Annotated[int, Meta(ge=0)] = 0
    skipped_bytes: Annotated[int, Meta(ge=0)] = 0
    causes: dict[ShortText, int] = {}


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's night, from local noon to noon: how long it was to watch, how long it could judge, why not."""

    camera: Name
    night: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]  # the evening's local date
    scheduled_s: NotNegative
    judged_s: NotNegative
    causes: Annotated[dict[ShortText, NotNegative], Meta(max_length=16)] = {}  # seconds not judged, by cause

    def __post_init__(self) -> None:
        date.fromisoformat(self.night)


class Maintenance(msgspec.Struct, frozen=True, kw_only=True):
    """While it lasts the gateway judges nothing, on a person's order."""

    until: UtcTime
    reason: Text

    def __post_init__(self) -> None:
        from_wire(self.until)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The computer itself; null where it does not tell."""

    temperature_c: float | None = None
    throttled: Annotated[list[ShortText], Meta(max_length=16)] = []  # what holds it back now or has since it started
    disk_free_mb: NotNegative | None = None
    disk_total_mb: NotNegative | None = None
    memory_mb: NotNegative | None = None  # of this process
    load: NotNegative | None = None  # runnable processes, mean of a minute
    clock_offset_ms: float | None = None  # ahead of the cloud's clock


class ManagedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What the cloud has ordered to be in force, version by kind (``configuration``, ``model``). Versions on trial come
    back as confirmed or failed."""

    confirmed: dict[ShortText, Annotated[int, Meta(ge=1)]] = {}
    trial: dict[ShortText, Annotated[int, Meta(ge=1)]] = {}
    failed: dict[ShortText, Annotated[int, Meta(ge=1)]] = {}  # the last that was taken back


class Health(msgspec.Struct, frozen=True, kw_only=True, tag="health"):
    """How a gateway is."""

    software: ShortText
    uptime_s: NotNegative
    spool_depth: dict[Lane, Annotated[int, Meta(ge=0)]]
    cameras: Annotated[list[CameraHealth], Meta(max_length=16)] = []
    sensors: Annotated[list[SensorHealth], Meta(max_length=32)] = []
    counts: dict[ShortText, Annotated[int, Meta(ge=0)]] = {}  # what was refused, restarted, not stored: since the start
    notices: Annotated[list[Text], Meta(max_length=20)] = []  # the newest of these in words
    verdict: Verdict | None = None  # of the whole site: all cameras and the air together
    verdict_reasons: Annotated[list[Text], Meta(max_length=20)] = []
    coverage: Annotated[list[Coverage], Meta(max_length=64)] = []  # the newest nights
    maintenance: Maintenance | None = None
    managed: ManagedHealth | None = None
    machine: Machine | None = None
