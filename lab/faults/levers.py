"""Carries out one fault on a running stand, and ends it again."""

from __future__ import annotations

import os
import signal
import time

from lab.faults.devices import CameraMood, SensorMood
from lab.faults.orders import Fault
from lab.faults.stand import Roof, Stand
from lab.processes import port_answers

_CAMERA: dict[str, CameraMood] = {"camera_freeze": "freeze", "camera_black": "black", "camera_gone": "gone"}
_SENSOR: dict[str, SensorMood] = {
    "sensor_unplug": "unplug",
    "sensor_garbage": "garbage",
    "sensor_freeze": "freeze",
}


class Levers:
    """``begin`` and ``end`` one fault each. Both return at once, or as soon as a process that they end has ended."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand

    def begin(self, fault: Fault) -> str | None:
        """Breaks something; a text says why it cannot be broken here."""
        what, processes = fault.what, self._stand.processes
        if what in ("broker_kill", "ingest_kill"):
            processes.kill(what.partition("_")[0])
            return None
        if what == "broker_stop":
            os.kill(processes.pid("broker"), signal.SIGSTOP)
            return None
        roof = self._roof(fault)
        if what == "power":
            processes.kill(roof.name)
        elif what.startswith("network_"):
            self._network(roof, fault)
        elif what == "clock_jump":
            return self._clock(roof, fault.measure or 0.0)
        elif what.startswith("disk_"):
            return self._disk(roof, what)
        elif what in _CAMERA:
            _cameras(roof, _CAMERA[what])
        else:
            _sensors(roof, _SENSOR[what])
        return None

    def end(self, fault: Fault) -> None:
        """Mends it."""
        what, processes = fault.what, self._stand.processes
        if what in ("broker_kill", "ingest_kill"):
            processes.restart(what.partition("_")[0])
            if what == "broker_kill":
                processes.wait_for("the broker", lambda: port_answers(self._stand.town.broker_port), 120)
            return
        if what == "broker_stop":
            os.kill(processes.pid("broker"), signal.SIGCONT)
            return
        roof = self._roof(fault)
        if what == "power":
            processes.restart(roof.name)
        elif what.startswith("network_"):
            roof.proxy.heal()
        elif what == "clock_jump":
            self._clock(roof, 0.0)
        elif what == "disk_full" and roof.disk is not None:
            roof.disk.relieve()
        elif what == "disk_read_only" and roof.disk is not None:
            processes.kill(roof.name)
            roof.disk.read_only(False)
            processes.restart(roof.name)
        elif what in _CAMERA:
            _cameras(roof, "well")
        elif what in _SENSOR:
            _sensors(roof, "well")

    def _roof(self, fault: Fault) -> Roof:
        """A fault of cameras or sensors is one of all that a gateway has."""
        roofs = self._stand.roofs
        if fault.target is None and len(roofs) == 1:
            return next(iter(roofs.values()))
        if fault.target not in roofs:
            raise ValueError(f"{fault.what} at {fault.at_s:g} s: target {fault.target!r}; there are {', '.join(roofs)}")
        return roofs[fault.target]

    def _network(self, roof: Roof, fault: Fault) -> None:
        proxy = roof.proxy
        if fault.what == "network_cut":
            proxy.is_cut = True
        elif fault.what == "network_silence":
            proxy.is_silent = True
        elif fault.what == "network_delay":
            proxy.delay_s = (fault.measure or 0.0) / 1000
        else:
            proxy.loss = fault.measure or 0.0

    def _clock(self, roof: Roof, by_s: float) -> str | None:
        if roof.clock_file is None:
            return roof.lacks["clock"]
        fresh = roof.clock_file.with_suffix(".new")
        fresh.write_text(f"{by_s:+.0f}")
        fresh.replace(roof.clock_file)  # read anew at each look at the clock: never half of it
        return None

    def _disk(self, roof: Roof, what: str) -> str | None:
        if roof.disk is None:
            return roof.lacks["disk"]
        if what == "disk_full":
            roof.disk.fill()
            return None
        self._stand.processes.kill(roof.name)
        time.sleep(0.2)
        roof.disk.read_only(True)
        self._stand.processes.restart(roof.name)
        return None


def _cameras(roof: Roof, mood: CameraMood) -> None:
    for camera in roof.cameras:
        camera.mood = mood


def _sensors(roof: Roof, mood: SensorMood) -> None:
    for sensor in roof.sensors:
        sensor.mood = mood
