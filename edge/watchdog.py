"""Tells systemd, and a hardware watchdog where one is configured, that the gateway lives: only while every loop moves.

A process whose loops stand still for minutes is ended by its service manager and begins anew; the spool and the open
events survive that. Maintenance keeps it alive whatever stands still.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.notify import notify
from edge.supervise import Supervisor

_log = logging.getLogger("edge.watchdog")
_ROUND_S = 1.0
_WDIOC_SETTIMEOUT = 0xC0045706  # linux/watchdog.h
_TIMEOUT_S = 60
_MAGIC_CLOSE = b"V"  # a clean end: the device must not reset the machine


@dataclass(slots=True)
class HardwareWatchdog:
    """A watchdog device: once opened it resets the machine unless it is fed. Never opened unless configured."""

    path: Path
    problem: str | None = None
    _device: int | None = None

    def open(self) -> None:
        """Begins the watch. A device that cannot be opened is said once, and the gateway runs without it."""
        try:
            self._device = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            self.problem = f"hardware watchdog {self.path}: {error.strerror}; the gateway runs without it"
            _log.error("%s", self.problem)
            return
        try:
            fcntl.ioctl(self._device, _WDIOC_SETTIMEOUT, struct.pack("i", _TIMEOUT_S))
        except OSError:
            _log.warning("%s keeps its own time limit; it takes none", self.path)

    def feed(self) -> None:
        """Another minute."""
        self._write(b"\0")

    def close(self) -> None:
        """Ends the watch in order."""
        self._write(_MAGIC_CLOSE)
        if self._device is not None:
            os.close(self._device)
            self._device = None

    def _write(self, data: bytes) -> None:
        if self._device is None:
            return
        try:
            os.write(self._device, data)
        except OSError as error:
            self.problem = f"hardware watchdog {self.path}: {error.strerror}"


@dataclass(slots=True)
class Watchdog:
    """One round a second by :meth:`run`. ``excused``: maintenance goes on, nothing may be restarted."""

    supervisor: Supervisor
    excused: Callable[[], bool]
    hardware: HardwareWatchdog | None = None
    lost: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Feeds the watchdogs until ``stop`` is set."""
        if self.hardware is not None:
            self.hardware.open()
        try:
            while not stop.is_set():
                self.turn()
                stop.wait(_ROUND_S)
        finally:
            if self.hardware is not None:
                self.hardware.close()

    def turn(self) -> None:
        """One look at all loops."""
        self.supervisor.tend()
        lost = self.supervisor.lost()
        if lost != self.lost and lost:
            _log.critical("nothing brings back %s but a new process; the watchdog is left hungry", ", ".join(lost))
        self.lost = lost
        if lost and not self.excused():
            return
        notify("WATCHDOG=1")
        if self.hardware is not None:
            self.hardware.feed()
