"""Any known sensor on a pseudo-terminal, with faults to order: what one plugs in while the real one is in the post.

The pure part makes frames and answers; :func:`serve` owns the pseudo-terminal and the clock.
"""

from __future__ import annotations

import contextlib
import math
import os
import pty
import random
import select
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from firmware_bridge.driver import Driver

Fault = Literal["none", "noise", "bad-checksum", "stuck", "drift", "unplug"]
FAULTS: tuple[Fault, ...] = get_args(Fault)

_EVERY_NTH = 4  # frames between two that noise or a bad checksum hits
_DRIFT_PER_HOUR = 0.5
_PLUGGED_S, _UNPLUGGED_S = 20.0, 5.0
_BURST_PERIOD_S, _BURST_AT_S, _BURST_WIDTH_S = 900.0, 300.0, 120.0


def plausible_values(t_s: float, *, pm_factor: float = 1.0) -> dict[str, float]:
    """Every quantity that some driver encodes: a winter evening with one burst of smoke every quarter of an hour."""
    burst = math.exp(-((((t_s % _BURST_PERIOD_S) - _BURST_AT_S) / _BURST_WIDTH_S) ** 2))
    pm25 = pm_factor * (22 + 3 * math.sin(t_s / 37) + 70 * burst)
    shares = {"pm1": 0.66, "pm25": 1.0, "pm4": 1.06, "pm10": 1.18, "pm100": 1.5}
    masses = {
        f"{size}_{column}ug_m3": round(share * pm25, 1)
        for size, share in shares.items()
        for column in ("", "atm_", "cf1_", "tsi_")
    }
    bins = {"n0_3": 1.74, "n0_5": 0.51, "n1_0": 0.13, "n2_5": 0.12, "n4_0": 0.11, "n5_0": 0.002, "n10_0": 0.001}
    counts = {f"{name}_per_cm3": min(round(per_ug * pm25, 2), 655.0) for name, per_ug in bins.items()}
    rest = {
        "typical_size_um": 0.5, "hcho_mg_m3": 0.02, "sensor_id": 0xA160, "co_ppm": round(0.4 + 2 * burst, 1),
        "co2_ppm": round(430 + 40 * burst), "temp_c": round(-3 + math.sin(t_s / 600), 1),
        "rh_percent": round(62 + 5 * math.sin(t_s / 800), 1), "wind_speed_m_s": round(1.8 + math.sin(t_s / 11), 1),
        "wind_from_deg": round(315 + 20 * math.sin(t_s / 23)), "pressure_hpa": 1024.5, "iaq": 60,
        "gas_resistance_kohm": 120.0, "altitude_m": 45, "register_0": 18,
    }  # fmt: skip
    return masses | counts | rest


@dataclass(slots=True)
class EmulatedSensor:
    """What the sensor would put on the line. ``random`` decides about noise only."""

    driver: Driver
    fault: Fault = "none"
    random: random.Random = field(default_factory=lambda: random.Random(0))
    awake: bool = True
    _frames: int = 0

    def frame(self, t_s: float) -> bytes:
        """The measurement at ``t_s`` seconds, with the ordered fault on it."""
        drift = 1 + _DRIFT_PER_HOUR * t_s / 3600 if self.fault == "drift" else 1.0
        data = self.driver.encode(plausible_values(0.0 if self.fault == "stuck" else t_s, pm_factor=drift))
        self._frames += 1
        if self._frames % _EVERY_NTH == 0 and self.fault == "noise":
            return self.random.randbytes(self.random.randint(1, 40)) + data
        if self._frames % _EVERY_NTH == 0 and self.fault == "bad-checksum":
            middle = len(data) // 2
            return data[:middle] + bytes((data[middle] ^ 0x04,)) + data[middle + 1 :]
        return data

    def answer(self, heard: bytes, t_s: float) -> bytes:
        """What it says to bytes from the host: a measurement when asked; ``sleep`` and ``wake`` are obeyed silently."""
        commands = self.driver.commands
        for name, awake in (("sleep", False), ("wake", True)):
            if name in commands and commands[name] in heard:
                self.awake = awake
        asked = any(commands[name] in heard for name in self.driver.polls)
        return self.frame(t_s) if asked and self.awake else b""


class _Line:
    """A pseudo-terminal whose far end stays open, so that clients may come and go. ``link`` points at it."""

    def __init__(self, link: Path | None) -> None:
        self._link = link
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self._slave)
        if link is not None:
            link.unlink(missing_ok=True)
            link.symlink_to(self.path)

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody listens and the buffer is full: a sensor does not wait
            os.write(self.master, data)

    def heard(self, wait_s: float) -> bytes:
        if select.select([self.master], [], [], wait_s)[0]:
            return os.read(self.master, 1024)
        return b""


def serve(
    sensor: EmulatedSensor,
    stop: threading.Event,
    *,
    link: Path | None,
    every_s: float,
    on_plugged: Callable[[str], None],
) -> None:
    """Speaks until ``stop``; ``on_plugged`` gets the device's path each time that it appears."""
    started = time.monotonic()
    while not stop.is_set():
        line = _Line(link)
        on_plugged(line.path)
        try:
            _speak(sensor, line, stop, started, every_s)
        finally:
            line.close()
        if sensor.fault == "unplug":
            stop.wait(_UNPLUGGED_S)


def _speak(sensor: EmulatedSensor, line: _Line, stop: threading.Event, started: float, every_s: float) -> None:
    plugged = next_push = time.monotonic()
    while not stop.is_set():
        now = time.monotonic()
        if sensor.fault == "unplug" and now - plugged > _PLUGGED_S:
            return
        if not sensor.driver.polls and sensor.awake and now >= next_push:
            line.write(sensor.frame(now - started))
            next_push = now + every_s
        heard = line.heard(max(0.0, min(0.2, next_push - now)) if not sensor.driver.polls else 0.2)
        if heard:
            line.write(sensor.answer(heard, time.monotonic() - started))
