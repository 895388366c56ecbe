"""Maintenance: for a stated time the gateway judges nothing and no watchdog restarts it; it says so, and it ends alone.

The order lies in a file in the gateway's folder, so that it survives a restart. Its length is counted on the monotonic
clock, so that a wall clock that jumps neither ends nor prolongs it. What is left is written down once a minute, for
nothing else outlives a reboot for certain: a machine without a clock of its own may come up in 1970.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from edge.files import write_whole
from smokesentry.clock import Stamp, from_unix, to_wire

_log = logging.getLogger("edge.maintenance")
FILE_NAME = "maintenance.json"
LONGEST_MINUTES = 24 * 60
_KEPT_EVERY_S = 60.0


class Order(msgspec.Struct, frozen=True):
    """What was ordered, or what is left of it: ``minutes`` count from the moment when it began or was carried on."""

    reason: str
    minutes: float
    began_unix_s: float
    began_mono_ns: int
    boot_id: str

    def gone_s(self, now: Stamp, boot_id: str) -> float:
        """Seconds of it that have passed. After a reboot only the wall clock can tell, and it may have gone back: what
        nobody had written down yet counts as passed in any case, so that no number of reboots makes it longer."""
        if boot_id == self.boot_id:
            return (now.mono_ns - self.began_mono_ns) / 1e9
        return max(_KEPT_EVERY_S, now.unix_s - self.began_unix_s)

    def left_s(self, now: Stamp, boot_id: str) -> float:
        """Seconds until it ends; 0 or less when it is over."""
        return self.minutes * 60.0 - self.gone_s(now, boot_id)

    def carried_on(self, now: Stamp, boot_id: str) -> Order:
        """What is left of it, counted from now. A wall clock that shows less than has passed since the order is wrong:
        what people read as its end is then told by the order's own clock."""
        wall_s = max(now.unix_s, self.began_unix_s + self.gone_s(now, boot_id))
        return Order(self.reason, self.left_s(now, boot_id) / 60.0, wall_s, now.mono_ns, boot_id)

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
    with _alone(folder):
        write_whole(folder / FILE_NAME, msgspec.json.encode(order))
    return order


def end(folder: Path) -> bool:
    """Takes the order back; False when there was none."""
    try:
        with _alone(folder):
            (folder / FILE_NAME).unlink()
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps a person's order and the gateway's own writing apart, or an order that was taken back could return."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Maintenance:
    """The running gateway's view; asked by several threads."""

    folder: Path
    boot_id: str
    _read_as: tuple[int, int] | None = None  # the file's change time and number when it was read
    _order: Order | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def now(self, now: Stamp) -> Order | None:
        """The order that holds at this moment; one that is over is removed."""
        with self._guard:
            self._read()
            order = self._order
            if order is not None and (order.boot_id != self.boot_id or self._due(order, now)):
                left = order.carried_on(now, self.boot_id)
                self._order = left if left.minutes > 0 else None
                try:
                    self._keep()
                except OSError as error:  # it is counted in memory all the same
                    _log.warning("%s: cannot be kept current (%s)", self.folder / FILE_NAME, error.strerror)
            return self._order

    def _due(self, order: Order, now: Stamp) -> bool:
        return order.left_s(now, self.boot_id) <= 0 or order.gone_s(now, self.boot_id) >= _KEPT_EVERY_S

    def _keep(self) -> None:
        """Brings the file to what holds now, unless a person has just written or removed it."""
        path = self.folder / FILE_NAME
        with _alone(self.folder):
            if _mark(path) != self._read_as:
                return
            if self._order is None:
                path.unlink()
            else:
                write_whole(path, msgspec.json.encode(self._order))
                self._read_as = _mark(path)

    def _read(self) -> None:
        path = self.folder / FILE_NAME
        try:
            mark = _mark(path)
            if mark == self._read_as:
                return
            self._order = msgspec.json.decode(path.read_bytes(), type=Order)
            self._read_as = mark
        except OSError:
            self._order, self._read_as = None, None
        except (msgspec.DecodeError, json.JSONDecodeError):
            self._order, self._read_as = None, mark  # no order of ours: it orders nothing


def _mark(path: Path) -> tuple[int, int]:
    """Tells one written file from the next. Raises ``OSError`` where there is none."""
    seen = path.stat()
    return seen.st_mtime_ns, seen.st_ino
