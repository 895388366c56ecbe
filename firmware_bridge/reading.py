"""A reading as every driver gives it: named values with units, what to think of them, and when the bytes arrived."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Quality = Literal[
    "ok", "warming_up", "zero", "ceiling", "stuck", "spike", "disagrees", "out_of_range", "stale", "sensor_error"
]
#: Data marks of HJ 212: normal, stopped, maintenance, manual, fault, calibration, over range, communication fault.
Mark = Literal["N", "F", "M", "S", "D", "C", "T", "B"]


@dataclass(frozen=True, slots=True)
class Reading:
    """``values`` are raw, as the sensor sent them, under names that carry their unit (``pm25_atm_ug_m3``).

    ``arrived_unix_s`` and ``arrived_mono_ns`` are stamped by the link when the last byte came in; a decoder that works
    on stored bytes leaves them None.
    """

    model: str
    values: dict[str, float]
    quality: Quality = "ok"
    mark: Mark = "N"
    reason: str | None = None  # in words, when quality is not "ok"
    corrected: dict[str, float] = field(default_factory=dict)  # beside the raw values, never instead of them
    arrived_unix_s: float | None = None
    arrived_mono_ns: int | None = None
