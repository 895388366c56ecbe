"""Raw bytes with their times of arrival, one JSON object a line, and back into judged readings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from firmware_bridge.driver import Driver, Reply
from firmware_bridge.quality import SensorHistory
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter
from smokesentry.clock import Stamp


class CaptureError(ValueError):
    """The file is no capture; the message says which line and what was expected."""


def to_line(data: bytes, arrived: Stamp) -> str:
    """One burst as one line."""
    return json.dumps({"unix_s": arrived.unix_s, "mono_ns": arrived.mono_ns, "hex": data.hex()}) + "\n"


def from_line(line: str, number: int) -> tuple[bytes, Stamp]:
    """The inverse. Raises :class:`CaptureError`."""
    try:
        item: Any = json.loads(line)
        return bytes.fromhex(item["hex"]), Stamp(float(item["unix_s"]), int(item["mono_ns"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CaptureError(
            f'line {number}: expected {{"unix_s": …, "mono_ns": …, "hex": "…"}} as written by `sensors capture`,'
            f" found {line.strip()[:60]!r}"
        ) from error


def replay(driver: Driver, lines: Iterable[str], hunter: FrameHunter) -> Iterator[Reading]:
    """The readings as a gateway would have seen them, with the recorded times. Raises :class:`CaptureError`."""
    history = SensorHistory(driver.warm_up_s)
    arrived: Stamp | None = None
    for number, line in enumerate(lines, 1):
        data, arrived = from_line(line, number)
        yield from _judged(hunter.feed(data), arrived, history)
    if arrived is not None:
        yield from _judged(hunter.finish(), arrived, history)


def _judged(found: list[Reading | Reply], arrived: Stamp, history: SensorHistory) -> Iterator[Reading]:
    for item in found:
        if isinstance(item, Reading):
            yield history.judge(replace(item, arrived_unix_s=arrived.unix_s, arrived_mono_ns=arrived.mono_ns))
