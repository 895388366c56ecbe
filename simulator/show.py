"""The running street: renders, answers, sends bytes and keeps the truth until it is told to stop; owns the clock."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

from simulator.camera import to_jpeg
from simulator.lines import Line
from simulator.papers import FPS, footprints, frame_truth, offer, write_json
from simulator.ports import Port
from simulator.sensors import moment
from simulator.snapshots import Snapshots
from simulator.stage import CAMERA, Stage
from smokesentry.clock import SystemClock, from_unix, to_wire

_TRUTH_EVERY_S = 5.0


class Show:
    """One scene, live. ``quiet_s`` passes between the first look through every camera and the lighting of the stove."""

    def __init__(self, stage: Stage, folder: Path, quiet_s: float) -> None:
        self._stage, self._folder, self._quiet_s = stage, folder, quiet_s
        self._clock = SystemClock()
        self._stopping = False
        self._started_unix_s = 0.0
        self._watched_since: float | None = None
        self._frames = 0
        self._burned: list[dict[str, Any]] = []

    def run(self) -> None:
        """Blocks until SIGTERM or SIGINT; then closes the truth and everything else."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        (self._folder / "street.json").unlink(missing_ok=True)
        ports = {key: Port(self._folder / "ports" / "-".join(key)) for key in self._stage.units}
        wires = [Line(port, self._stage.units[key]) for key, port in ports.items()]
        snapshots = Snapshots()
        try:
            with (self._folder / "truth.jsonl").open("w", encoding="utf-8", buffering=1) as lines:
                self._loop(snapshots, ports, wires, lines.write)
        finally:
            if self._burned and self._burned[-1]["to"] is None:
                self._burned[-1]["to"] = self._clock.now().captured_at
            self._write_truth()
            snapshots.close()
            for port in ports.values():
                port.close()

    def _loop(
        self, snapshots: Snapshots, ports: dict[tuple[str, str], Port], wires: list[Line], write_line: Any
    ) -> None:
        began, next_truth = time.monotonic(), 0.0
        self._started_unix_s = self._clock.now().unix_s
        while not self._stopping:
            t = time.monotonic() - began
            self._stage.night.advance(t)
            self._film(snapshots, t, write_line)
            self._sense(wires, t)
            if self._frames == 1:
                write_json(self._folder / "footprints.geojson", footprints(self._stage.street))
                urls = {gateway: f"{snapshots.base}/{gateway}/{CAMERA}.jpg" for gateway in self._stage.eyes}
                self._write_truth()
                links = {key: port.link for key, port in ports.items()}
                write_json(self._folder / "street.json", offer(self._stage, urls, links))
            changed = self._tend_stove(snapshots, t)
            if changed or t >= next_truth:
                self._write_truth()
                next_truth = t + _TRUTH_EVERY_S
            # the next frame's moment on a fixed grid; a slow machine leaves frames out instead of falling behind
            due = (int(t * FPS) + 1) / FPS
            time.sleep(max(due - (time.monotonic() - began), 0.0))

    def _film(self, snapshots: Snapshots, t: float, write_line: Any) -> None:
        self._frames += 1
        unix_s = self._started_unix_s + t
        for gateway, eye in self._stage.eyes.items():
            shot = eye.shoot(self._stage.night)
            snapshots.put(f"/{gateway}/{CAMERA}.jpg", to_jpeg(shot.frame), unix_s)
            write_line(frame_truth(gateway, self._frames, to_wire(from_unix(unix_s)), shot))

    def _sense(self, wires: list[Line], t: float) -> None:
        weather = self._stage.night.weather
        for wire in wires:
            true = self._stage.air.pm25_ug_m3(wire.unit.place, t)
            wire.tend(moment(true, weather.temp_c or 0.0, weather.rh_percent or 50.0), 0, t)

    def _tend_stove(self, snapshots: Snapshots, t: float) -> bool:
        """Lights the stove when it is time and notes when it went out. Says whether the truth has changed."""
        night = self._stage.night
        if night.burner is None:
            return False
        if not self._burned:
            paths = {f"/{gateway}/{CAMERA}.jpg" for gateway in self._stage.eyes}
            if self._watched_since is None and paths <= snapshots.fetched:
                self._watched_since = t
            if self._watched_since is None or t - self._watched_since < self._quiet_s:
                return False
            night.light_stove()
            since = to_wire(from_unix(self._started_unix_s + t))
            self._burned.append({"rooftop": night.burner.rooftop, "from": since, "to": None})
            return True
        if self._burned[-1]["to"] is None and not night.burning(t):
            self._burned[-1]["to"] = to_wire(from_unix(self._started_unix_s + t))
            return True
        return False

    def _write_truth(self) -> None:
        night = self._stage.night
        truth = {
            "scene": night.scene,
            "seed": night.street.seed,
            "burned": self._burned,
            "steamed": night.steamer.rooftop if night.steamer is not None else None,
            "frames": self._frames,
        }
        write_json(self._folder / "truth.json", truth)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
