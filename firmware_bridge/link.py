"""The shell around a serial port: opens it exclusively, asks, reads, stamps arrival, comes back after every unplug."""

from __future__ import annotations

import errno
import itertools
import logging
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import serial

from firmware_bridge.driver import Driver, Reply
from firmware_bridge.models import driver_for
from firmware_bridge.quality import SensorHistory
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter
from smokesentry.clock import Stamp, SystemClock

_log = logging.getLogger(__name__)

_READ_TIMEOUT_S = 0.5
_GATHER_S = 0.02
_BETWEEN_COMMANDS_S = 0.05  # sensors answer one command at a time
_WRITE_TIMEOUT_S = 2.0
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 30.0
_READ_AT_MOST = 4096


@dataclass(frozen=True, slots=True)
class SensorStats:
    """How a serial sensor is, since the process began. ``silent_s``: since the last intact frame, None before it."""

    connected: bool
    frames: int = 0
    rejected: int = 0
    skipped_bytes: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    outages: int = 0
    silent_s: float | None = None


@dataclass(frozen=True, slots=True)
class DutyCycle:
    """Fan and light source on for the first ``on_s`` of every ``period_s``, to spare them.

    Fog condenses in a sensor that is switched off, and smoke passes unseen meanwhile: without a reason, use none.
    """

    on_s: float
    period_s: float

    def awake(self, since_start_s: float) -> bool:
        """Whether it should be on, this long after the start."""
        return since_start_s % self.period_s < self.on_s


class SerialSensor:
    """One sensor on one port, run by one thread of the gateway.

    ``port`` is a path or a glob such as ``/dev/serial/by-id/*CP2102*``, looked up anew at every attempt, so a sensor
    that comes back under another ttyUSB number is found. Raises :class:`firmware_bridge.models.UnknownModel`, and
    ``ValueError`` for a duty cycle that the model cannot follow.
    """

    def __init__(
        self, name: str, model: str, port: str, clock: SystemClock | None = None, *, duty: DutyCycle | None = None
    ) -> None:
        self.name = name
        self.model = model
        self.port = port
        self._driver: Driver = driver_for(model)
        self._clock = clock or SystemClock()
        self._hunter = FrameHunter(self._driver)
        self._history = SensorHistory(self._driver.warm_up_s)
        self._duty = duty
        if duty is not None:
            self._check(duty)
        self._awake = True
        self._lock = threading.Lock()
        self._outbox: list[str] = []
        self._connected = False
        self._in_outage = False
        self._outages = 0
        self._last_frame: Stamp | None = None

    def run(
        self,
        stop: threading.Event,
        on_reading: Callable[[Reading], None],
        on_reply: Callable[[Reply], None] | None = None,
        on_bytes: Callable[[bytes, Stamp], None] | None = None,
    ) -> None:
        """Reads until ``stop`` is set. The callbacks are called in this thread, in order of arrival; what they raise
        ends the run. ``on_bytes`` gets the raw bytes before they are understood."""

        def deliver(data: bytes | None) -> None:
            arrived = self._clock.now()
            if data and on_bytes is not None:
                on_bytes(data, arrived)
            for item in self._hunt(data, arrived):
                if isinstance(item, Reading):
                    on_reading(item)
                elif on_reply is not None:
                    on_reply(item)

        retry_s = _FIRST_RETRY_S
        while not stop.is_set():
            try:
                port = self._open()
            except (OSError, termios.error) as error:  # SerialException is an OSError
                self._note_outage(error)
                stop.wait(retry_s)
                retry_s = min(retry_s * 2, _LONGEST_RETRY_S)
                continue
            try:
                with port:
                    self._connected = True
                    heard = self._serve(port, stop, deliver)
            finally:
                self._connected = False
            deliver(None)
            # A port that opens, says nothing and fails again is one long outage, and tried ever less often.
            retry_s = _FIRST_RETRY_S if heard else min(retry_s * 2, _LONGEST_RETRY_S)
            stop.wait(retry_s)

    def send(self, command: str) -> None:
        """Queues one of the driver's commands by name (``sleep``, ``wake`` ...). Raises ``KeyError`` for any other."""
        commands = self._driver.commands
        if command not in commands:
            raise KeyError(f"{self.model} has no command {command!r}; it has: {', '.join(sorted(commands)) or 'none'}")
        with self._lock:
            self._outbox.append(command)

    def stats(self) -> SensorStats:
        """A snapshot; may be called from any thread."""
        with self._lock:
            counts = replace(self._hunter.counts, causes=dict(self._hunter.counts.causes))
            last = self._last_frame
        silent_s = None if last is None else (self._clock.now().mono_ns - last.mono_ns) / 1e9
        return SensorStats(
            self._connected,
            counts.frames,
            counts.rejected,
            counts.skipped_bytes,
            counts.causes,
            self._outages,
            silent_s,
        )

    def _open(self) -> serial.Serial:
        return serial.Serial(
            _find_port(self.port),
            self._driver.baud,
            parity=self._driver.parity,
            timeout=_READ_TIMEOUT_S,
            write_timeout=_WRITE_TIMEOUT_S,
            exclusive=True,
        )

    def _check(self, duty: DutyCycle) -> None:
        if not {"sleep", "wake"} <= set(self._driver.commands):
            raise ValueError(f"{self.model} cannot be put to sleep: it takes no duty cycle")
        if not self._driver.warm_up_s < duty.on_s < duty.period_s:
            raise ValueError(
                f"{self.model} needs {self._driver.warm_up_s:g} s to warm up: a duty cycle must be on for longer than"
                f" that, and for less than its period; got {duty.on_s:g} s of {duty.period_s:g} s"
            )

    def _serve(self, port: serial.Serial, stop: threading.Event, deliver: Callable[[bytes | None], None]) -> bool:
        """Reads and asks until ``stop`` or a failure; whether anything was heard."""
        driver, heard = self._driver, False
        with self._lock:
            self._outbox[:0] = driver.on_open or (("wake",) if self._duty is not None else ())
        started_ns, next_poll_ns, self._awake = self._clock.now().mono_ns, 0, True
        questions = itertools.cycle(driver.commands[name] for name in driver.polls)
        while not stop.is_set():
            now_ns = self._clock.now().mono_ns
            self._follow_duty((now_ns - started_ns) / 1e9)
            poll_due = bool(driver.polls) and self._awake and now_ns >= next_poll_ns
            if poll_due:
                next_poll_ns = now_ns + int(driver.every_s / len(driver.polls) * 1e9)
                deliver(None)
            try:
                self._send_queued(port)
                if poll_due:
                    # A late answer to the question before would look like the answer to this one.
                    port.reset_input_buffer()
                    port.write(next(questions))
                data = _read_burst(port)
            except (OSError, termios.error) as error:  # in_waiting raises plain OSError on hang-up
                self._note_outage(error)
                return heard
            if data:
                heard = True
                self._note_heard(port)
                deliver(data)
        return heard

    def _follow_duty(self, since_start_s: float) -> None:
        if self._duty is not None and self._duty.awake(since_start_s) != self._awake:
            self._awake = not self._awake
            self.send("wake" if self._awake else "sleep")

    def _send_queued(self, port: serial.Serial) -> None:
        with self._lock:
            outbox, self._outbox = self._outbox, []
        for name in outbox:
            port.write(self._driver.commands[name])
            if name == "wake":
                self._history.woken(self._clock.now().mono_ns)
            time.sleep(_BETWEEN_COMMANDS_S)

    def _hunt(self, data: bytes | None, arrived: Stamp) -> list[Reading | Reply]:
        """Frames that ``data`` completes, stamped and judged; None: nothing more will come for what waits."""
        with self._lock:
            found = self._hunter.finish() if data is None else self._hunter.feed(data)
            if found:
                self._last_frame = arrived
            for item in found:
                if isinstance(item, Reply):
                    self._outbox += self._driver.remedy(item)
        return [self._stamped(item, arrived) if isinstance(item, Reading) else item for item in found]

    def _stamped(self, reading: Reading, arrived: Stamp) -> Reading:
        stamped = replace(reading, arrived_unix_s=arrived.unix_s, arrived_mono_ns=arrived.mono_ns)
        return self._history.judge(stamped)

    def _note_outage(self, error: Exception) -> None:
        if self._in_outage:
            return
        self._in_outage = True
        self._outages += 1
        _log.warning("sensor %s on %s: %s; trying again until it is back", self.name, self.port, _in_words(error))

    def _note_heard(self, port: serial.Serial) -> None:
        if self._in_outage:
            self._in_outage = False
            _log.info("sensor %s is back on %s", self.name, port.port)


def _find_port(port: str) -> str:
    path = Path(port)
    if path.exists():
        return port
    anchor = Path(path.anchor or ".")
    matches = sorted(str(match) for match in anchor.glob(str(path.relative_to(path.anchor))))
    if not matches:
        raise FileNotFoundError(f"no port matches {port}; is the adapter plugged in?")
    return matches[0]


def _read_burst(port: serial.Serial) -> bytes:
    """What a sensor sends in one go, or nothing within the timeout. Waiting a little behind the first byte spares one
    wake-up a byte; 20 ms is the error that this adds to the time of arrival."""
    first: bytes = port.read(1)
    if not first:
        return b""
    time.sleep(_GATHER_S)
    rest: bytes = port.read(min(port.in_waiting, _READ_AT_MOST))
    return first + rest


def _in_words(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    if errno.EACCES in error.args:
        return "permission denied: the user must be in the group 'dialout'"
    if errno.EAGAIN in error.args or errno.EWOULDBLOCK in error.args:
        return "another process has the port open; only one may read a sensor"
    if errno.EIO in error.args or "returned no data" in str(reason):
        return "the device has gone"
    return str(error)
