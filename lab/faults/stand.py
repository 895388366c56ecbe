"""A test stand: real broker, real ingestor, real gateway processes over bad networks, small disks and a clock that can
be moved. What breaks is held by :class:`Stand`; ``levers`` breaks it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge.refuge import refuge_of
from lab.faults.devices import MODEL, Camera, Sensor
from lab.faults.disk import Disk, DiskError
from lab.faults.proxy import Proxy
from lab.processes import Processes
from lab.town import Town

DISK_MB = 256
_COMES_UP_S = 600.0  # a loaded machine may take minutes to load a gateway
_TENANT = "demo-town"
_FAKETIME = "faketime/libfaketime.so.1"
_LAT, _LON = 39.9, 116.4
#: Where the cameras stand, and one roof that they see: enough for the cloud to make alerts of the metronome's ticks.
_POSE = {
    "place": {"lat": _LAT, "lon": _LON}, "height_m": 20.0, "heading_deg": 90.0, "tilt_deg": -5.0, "hfov_deg": 60.0,
    "frame_size": [320, 180], "pose_version": 1,
}  # fmt: skip
_RING = [
    [_LON + east, _LAT + north] for east, north in ((2e-3, 0), (2.1e-3, 0), (2.1e-3, 1e-4), (2e-3, 1e-4), (2e-3, 0))
]
_ROOF = {"kind": "rooftop", "rooftop": "R-1", "height_m": 6.0}
_FOOTPRINTS = {
    "type": "FeatureCollection",
    "features": [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [_RING]}, "properties": _ROOF}],
}


@dataclass(slots=True)
class Roof:
    """One gateway and what belongs to it. ``disk`` is None where no disk of its own can be had, ``clock_file`` where
    nothing can move its clock; ``lacks`` says why."""

    name: str
    state: Path  # spool and status
    proxy: Proxy
    cameras: list[Camera]
    sensors: list[Sensor]
    disk: Disk | None
    clock_file: Path | None
    lacks: dict[str, str]


class Stand:
    """Brings everything up by :meth:`start`; use as a context manager."""

    def __init__(self, folder: Path, names: list[str], cameras: int = 1, sensors: int = 1) -> None:
        self.folder = folder.resolve()
        self.processes = Processes(self.folder / "log")
        self.town = Town(self.folder / "town", self.processes)
        self.names = names
        self._cameras, self._sensors = cameras, sensors  # a gateway each
        self.roofs: dict[str, Roof] = {}

    def __enter__(self) -> Stand:
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.stop()
        for roof in self.roofs.values():
            roof.proxy.close()
            for camera in roof.cameras:
                camera.close()
            for sensor in roof.sensors:
                sensor.close()
            if roof.disk is not None:
                roof.disk.unmount()

    def start(self, say: Callable[[str], None], *, ticking: bool = True, health_s: float | None = None) -> None:
        """Broker, ingestor and gateways, all of them running when this returns. ``ticking``: the gateways see plumes;
        ``health_s``: how often they say how they are."""
        say("cloud and broker come up")
        for name in self.names:  # what an earlier stand that was cut off may have left in memory
            shutil.rmtree(refuge_of(name), ignore_errors=True)
        self._write_street()
        self.town.start_cloud(console=False)
        for number, offer in enumerate(self.town.street.offer()["gateways"]):
            roof = self._build_roof(offer, number)
            self.roofs[roof.name] = roof
            for camera, device in zip(offer["cameras"], roof.cameras, strict=True):
                camera["url"] = device.url
            config = self.town.configure_gateway(offer, state=roof.state, broker_port=roof.proxy.port)
            if health_s is not None:
                text = config.read_text(encoding="utf-8")
                config.write_text(re.sub(r"(health_interval_s) = \S+", rf"\1 = {health_s}", text), encoding="utf-8")
            self.processes.start(roof.name, [*self._clock_words(roof), *_python(config, ticking)])
        for roof in self.roofs.values():
            self.processes.wait_for(f"{roof.name} delivers", partial(self.is_connected, roof.name), _COMES_UP_S)
            for what, why in roof.lacks.items():
                say(f"{roof.name}: no fault of its {what} here: {why}")

    def is_connected(self, name: str) -> bool:
        """Whether a gateway says that it is connected, in its status file."""
        with suppress(OSError, ValueError):
            status = json.loads((self.roofs[name].state / "status.json").read_text(encoding="utf-8"))
            return bool(status["uplink"]["connected"])
        return False

    def _write_street(self) -> None:
        gateways = [
            {
                "gateway": name,
                "cameras": [
                    {"camera": camera, "url": "", "fps": 2, "pose": _POSE}
                    for camera in (f"cam-{number + 1}" for number in range(self._cameras))
                ],
                "sensors": [
                    {"sensor": sensor, "model": MODEL, "port": str(self._port_link(name, sensor))}
                    for sensor in (f"pm-{number + 1}" for number in range(self._sensors))
                ],
            }
            for name in self.names
        ]
        street = self.town.street.folder
        street.mkdir(parents=True)
        (street / "footprints.geojson").write_text(json.dumps(_FOOTPRINTS), encoding="utf-8")
        offer = {"tenant": _TENANT, "footprints": "footprints.geojson", "gateways": gateways}
        (street / "street.json").write_text(json.dumps(offer), encoding="utf-8")

    def _build_roof(self, offer: dict[str, Any], number: int) -> Roof:
        name = str(offer["gateway"])
        lacks: dict[str, str] = {}
        disk: Disk | None = Disk(self.folder / "disks" / name, DISK_MB)
        try:
            assert disk is not None
            disk.mount()
        except DiskError as error:
            disk, lacks["disk"] = None, str(error)
        clock_file = self.folder / f"{name}.clock" if find_faketime() else None
        if clock_file is None:
            lacks["clock"] = "libfaketime is not installed (Debian package libfaketime)"
        else:
            clock_file.write_text("+0")
        state = disk.folder if disk is not None else self.folder / "disks" / name
        state.mkdir(parents=True, exist_ok=True)
        proxy = Proxy(self.town.broker_port, seed=number)
        cameras = [Camera() for _ in offer["cameras"]]
        sensors = [Sensor(Path(sensor["port"])) for sensor in offer["sensors"]]
        return Roof(name, state, proxy, cameras, sensors, disk, clock_file, lacks)

    def _clock_words(self, roof: Roof) -> list[str]:
        """libfaketime moves only what this one process reads of the wall clock; the monotonic clock stays true."""
        library = find_faketime()
        if library is None or roof.clock_file is None:
            return []
        return [
            "/usr/bin/env", f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={roof.clock_file}",
            "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
        ]  # fmt: skip

    def _port_link(self, name: str, sensor: str) -> Path:
        return self.folder / "ports" / f"{name}-{sensor}"


def find_faketime() -> Path | None:
    """libfaketime as Debian installs it."""
    return next(iter(sorted(Path("/usr/lib").glob(f"*/{_FAKETIME}"))), None)


def _python(config: Path, ticking: bool) -> list[str]:
    return [sys.executable, "-m", "lab.faults.gateway", str(config), *([] if ticking else ["quiet"])]
