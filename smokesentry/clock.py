"""Times as the wire and the records carry them (WIRE, "Time"): UTC with milliseconds, and how far to trust them.

Pure code gets its time with the frame or reading; only shells call :class:`SystemClock`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


def to_wire(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, ``2026-11-22T18:04:05.678Z``. Raises ``ValueError`` for a zoneless time."""
    if moment.tzinfo is None:
        raise ValueError("a time on the wire must say its zone; got one without tzinfo")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_wire(text: str) -> datetime:
    """The inverse of :func:`to_wire`; raises ``ValueError`` for anything that is not that form or not a real date."""
    if len(text) != 24 or not text.endswith("Z") or text[19] != ".":
        raise ValueError(f"expected a UTC time like 2026-11-22T18:04:05.678Z, got {text[:40]!r}")
    return datetime.fromisoformat(text[:-1] + "+00:00")


def from_unix(seconds: float) -> datetime:
    """Unix seconds to an aware UTC time."""
    return datetime.fromtimestamp(seconds, UTC)


class ClockState(msgspec.Struct, frozen=True):
    """How far a wall-clock time can be trusted, said beside every time on the wire."""

    source: str = "none"  # "ntp", "rtc", "gnss", "none"
    state: str = "unsynchronised"  # "synchronised", "holdover", "unsynchronised"
    error_ms: float | None = None  # estimated bound; null when unknown


@dataclass(frozen=True, slots=True)
class Stamp:
    """One moment at the gateway: ``unix_s`` can jump, ``mono_ns`` (CLOCK_MONOTONIC) cannot within one ``boot_id``."""

    unix_s: float
    mono_ns: int

    @property
    def captured_at(self) -> str:
        """Wall clock in wire form."""
        return to_wire(from_unix(self.unix_s))


class SystemClock:
    """The machine's clocks; the one place where shells read the time."""

    def __init__(self) -> None:
        self.boot_id = _BOOT_ID_FILE.read_text().strip() if _BOOT_ID_FILE.exists() else str(uuid4())

    def now(self) -> Stamp:
        """Wall clock and monotonic clock, read together."""
        return Stamp(time.time(), time.monotonic_ns())

    def state(self) -> ClockState:
        """Asks the kernel (``adjtimex``) whether a time service disciplines the clock: ntpd, chrony, timesyncd."""
        return _kernel_clock_state()


def _kernel_clock_state() -> ClockState:
    import ctypes

    class _Timex(ctypes.Structure):
        # struct timex, linux/timex.h: only the head is read, the padding keeps the kernel from writing past it.
        _fields_ = (
            ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
            ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("rest", ctypes.c_long * 40),
        )  # fmt: skip

    timex = _Timex()
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return ClockState()
    time_error, sta_unsync = 5, 0x0040
    if answer < 0 or answer == time_error or timex.status & sta_unsync:
        return ClockState()
    return ClockState("ntp", "synchronised", timex.maxerror / 1000.0)
