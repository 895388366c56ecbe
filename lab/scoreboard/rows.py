"""What one played window leaves behind: plain data, one JSON line each, from which every figure is made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec


class CameraView(msgspec.Struct, frozen=True):
    """How one camera saw one event. Times in seconds of the night; ``alarm_s`` None where it never alarmed."""

    gateway: str
    judgeable_s: float
    first_judgeable_s: float | None
    contrast_to_noise: float  # median over judgeable frames, else the best of all frames
    across_px: float  # the same
    opacity: float  # at the mouth, the highest of ten-second means
    distance_m: float
    light: str
    alarm_s: float | None


class Event(msgspec.Struct, frozen=True):
    """One thing that really burned, and what came of it."""

    kind: str
    fuel: str
    rooftop: str
    t0_s: float
    views: list[CameraView]
    alert_s: float | None  # when the first alert on it was raised
    rank: int | None  # of the right roof among the alert's candidates at the window's end, 1 is first; 0 not named
    particulates: bool  # whether a rise of PM2.5 was attached to it anywhere

    @property
    def judgeable(self) -> bool:
        """Whether any camera could have been asked for a verdict (limits in ``simulator.truth``)."""
        return any(view.first_judgeable_s is not None for view in self.views)


class Alert(msgspec.Struct, frozen=True):
    """One alert at the window's end. ``cause``: what really was there: "burning", a confuser's kind, or "nothing"."""

    at_s: float
    state: str
    cause: str
    confidence: float
    first_probability: float | None
    first_right: bool | None  # None where nothing burned at its place
    particulates: bool
    picture: str = ""  # of a false one: what the camera showed, a file below the run's folder of pictures


class Claim(msgspec.Struct, frozen=True):
    """One detection's last revision."""

    gateway: str
    alarm_s: float
    plume_class: str
    confidence: float
    cause: str


class Watch(msgspec.Struct, frozen=True):
    """One camera's seconds after the lead-in, by whether its light was judgeable and whether it judged."""

    gateway: str
    light: str
    judged_s: float
    refused_s: float  # "cannot judge" in judgeable light: a miss of coverage
    blind_refused_s: float  # "cannot judge" in light that allows none: right
    blind_judged_s: float  # a verdict there: earns nothing


class Row(msgspec.Struct, frozen=True):
    """One window of one night, both cameras."""

    night: int
    from_s: float
    to_s: float
    counted_from_s: float
    stratum: str
    weight: float  # how many windows of the suite's nights this one stands for
    weather: str
    temp_c: float | None
    present: list[str]  # kinds that went on in it
    frames: int
    cpu_s: float
    events: list[Event]
    alerts: list[Alert]
    claims: list[Claim]
    watches: list[Watch]

    @property
    def counted_s(self) -> float:
        """Seconds of each camera that count for false alerts."""
        return self.to_s - self.counted_from_s


def save(rows: Iterable[Row], path: Path) -> None:
    """One line a window."""
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


def load(path: Path) -> list[Row]:
    """The inverse of :func:`save`."""
    return [msgspec.convert(json.loads(line), Row) for line in path.read_bytes().splitlines()]
