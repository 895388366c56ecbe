"""Maintenance: for a stated time the gateway judges nothing and no watchdog restarts it; it says so, and it ends alone.

The order lies in a file in the gateway's folder, so that it survives a restart. Its length is counted on the monotonic
clock while the machine stays up, so that a wall clock that jumps neither ends nor prolongs it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.files import write_whole
from smokesentry.clock import Stamp, from_unix, to_wire

FILE_NAME = "maintenance.json"
LONGEST_MINUTES = 24 * 60


class Order(msgspec.Struct, frozen=True):
    """What was ordered. ``minutes`` count from the moment of the order."""

    reason: str
    minutes: float
    began_unix_s: float
    began_mono_ns: int
    boot_id: str

    def left_s(self, now: Stamp, boot_id: str) -> float:
        """Seconds until it ends; 0 or less when it is over. After a reboot only the wall clock can tell, and one that
        went back does not make it longer than it was ordered."""
        if boot_id == self.boot_id:
            gone_s = (now.mono_ns - self.began_mono_ns) / 1e9
        else:
            gone_s = max(0.0, now.unix_s - self.began_unix_s)
        return self.minutes * 60.0 - gone_s

    @property
    def until(self) -> str:
        """When it ends, UTC in wire form."""
        return to_wire(from_unix(self.began_unix_s + self.minutes * 60.0))


def begin(folder: Path, minutes: float, reason: str, now: Stamp, boot_id: str) -> Order:
    """Writes the order (a running gateway takes it within a second). Raises ``ValueError`` or ``OSError``."""
    if not 0 < minutes <= LONGEST_MINUTES:
        raise ValueError(f"--minutes: is {minutes:g}; maintenance lasts more than 0 and at most {LONGEST_MINUTES}")
    if not reason.strip():
        raise ValueError("--reason: is empty; say in a few words why the gateway shall not judge")
    order = Order(reason.strip()[:200], minutes, now.unix_s, now.mono_ns, boot_id)
    write_whole(folder / FILE_NAME, msgspec.json.encode(order))
    return order


def end(folder: Path) -> bool:
    """Takes the order back; False when there was none."""
    try:
        (folder / FILE_NAME).unlink()
    except FileNotFoundError:
        return False
    return True


@dataclass(slots=True)
class Maintenance:
    """The running gateway's view; asked by several threads."""

    folder: Path
    boot_id: str
    _read_ns: int = -1  # the file's change time when it was read
    _order: Order | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def now(self, now: Stamp) -> Order | None:
        """The order that holds at this moment; one that is over is removed."""
        with self._guard:
            self._read()
            if self._order is not None and self._order.left_s(now, self.boot_id) <= 0:
                end(self.folder)
                self._order = None
            return self._order

    def _read(self) -> None:
        path = self.folder / FILE_NAME
        try:
            changed_ns = path.stat().st_mtime_ns
            if changed_ns == self._read_ns:
                return
            self._order = msgspec.json.decode(path.read_bytes(), type=Order)
            self._read_ns = changed_ns
        except OSError:
            self._order, self._read_ns = None, -1
        except (msgspec.DecodeError, json.JSONDecodeError):
            self._order, self._read_ns = None, changed_ns  # no order of ours: it orders nothing
