"""The gateway process put together: its threads, what flows between them, a clean start and a clean stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from edge.camera import Camera
from edge.clockwatch import WatchedClock
from edge.coverage import CoverageBook
from edge.downlink import Downlink
from edge.events import close
from edge.facts import Fact
from edge.frames import Frame
from edge.fusion import AirView, SiteAir
from edge.housekeeping import Housekeeping
from edge.in_force import InForce
from edge.installer.server import InstallerPage
from edge.judge import Outcome
from edge.maintenance import Maintenance, Order
from edge.notify import notify
from edge.recorder import Recorder
from edge.schedule import OFF_DUTY, Schedule
from edge.settings import GatewaySettings
from edge.spool import Spool
from edge.supervise import Pulse, Supervisor
from edge.uplink import Uplink
from edge.upload import Uploader
from edge.watchdog import Watchdog
from edge.writer import Writer
from firmware_bridge.link import SerialSensor
from firmware_bridge.reading import Reading
from smokesentry.clock import Stamp, from_unix
from smokesentry.messages.records import Body, PoseNotice

_log = logging.getLogger("edge.gateway")
_STOP_PATIENCE_S = 12.0
_COVERAGE_EVERY_S = 60.0


@dataclass(slots=True)
class Gateway:
    """Built by ``edge.assembly``; :meth:`run` holds until ``stop`` is set."""

    settings: GatewaySettings
    clock: WatchedClock
    spool: Spool
    writer: Writer
    uplink: Uplink
    downlink: Downlink
    cameras: list[Camera]
    sensors: list[SerialSensor]
    house: Housekeeping
    air: SiteAir
    schedule: Schedule
    coverage: CoverageBook
    maintenance: Maintenance
    recorder: Recorder
    supervisor: Supervisor
    watchdog: Watchdog
    installer: InstallerPage | None
    lock_file: IO[str]
    started: Stamp
    in_force: InForce | None = None  # None: nothing is ordered from afar
    uploader: Uploader | None = None  # None: clips stay here until somebody fetches them
    more_loops: dict[str, Callable[[threading.Event], None]] = field(default_factory=dict)
    begin_anew: bool = False  # when it has ended, the process is to start again
    _air_guard: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Starts everything, says that it is ready, and ends cleanly when ``supervisor.stop`` is set."""
        stop = self.supervisor.stop
        # What the others told last is still stored: the writer ends after them.
        self.supervisor.start("writer", self._store, last=True)
        self._announce_poses()
        self._close_orphans()
        self.supervisor.start("watchdog", self.watchdog.run)
        self.supervisor.start("uplink", self._deliver)
        self.supervisor.start("housekeeping", self.house.run)
        self.supervisor.start("coverage", self._keep_coverage)
        self.supervisor.start("recorder", self.recorder.run)
        for name, body in self.more_loops.items():
            self.supervisor.start(name, body)
        if self.installer is not None:
            self.supervisor.start("installer page", self.installer.run)
        for sensor in self.sensors:
            self.supervisor.start(f"sensor {sensor.name}", partial(_read_sensor, sensor, self.take_reading))
        for camera in self.cameras:
            name = camera.section.name
            self.supervisor.start(f"inference {name}", camera.inference.run)
            # A read that hangs in a driver ends no thread; another one takes its place.
            self.supervisor.start(f"capture {name}", camera.capture.run, replaceable=True)
        notify("READY=1")
        _log.info("gateway %s runs: %d cameras, %d sensors", self.name, len(self.cameras), len(self.sensors))
        stop.wait()
        self._end()

    def _end(self) -> None:
        if not self.begin_anew:  # systemd would kill what goes on after that under the same process id
            notify("STOPPING=1")
        self.house.ask_health()  # wakes housekeeping out of its pause
        self.uplink.stop()
        left = self.supervisor.join(_STOP_PATIENCE_S)
        if left:
            _log.warning("did not end in time and is left behind: %s", ", ".join(left))
        self.house.finish()
        self.coverage.save(self.settings.gateway.folder)
        self.writer.stop()
        self.supervisor.stop_last.set()
        self.supervisor.join(_STOP_PATIENCE_S, last=True)
        self.spool.close()
        self.lock_file.close()
        _log.info("gateway %s has stopped", self.name)

    @property
    def name(self) -> str:
        """The gateway's name."""
        return self.settings.gateway.name

    # -- what flows between the threads ------------------------------------------------------------------------------

    def put(self, lane: str, body: Body, stamp: Stamp) -> None:
        """One fact of its own."""
        self.writer.put([self.fact(lane, body, stamp)])

    def fact(self, lane: str, body: Body, stamp: Stamp) -> Fact:
        """A body with the time and clock that belong to it."""
        return Fact(lane, body, stamp, self.clock.boot_id, self.clock.state())

    def take_reading(self, sensor: SerialSensor, reading: Reading) -> None:
        """A sensor's thread gives a reading."""
        t_s = (reading.arrived_mono_ns or self.clock.now().mono_ns) / 1e9
        with self._air_guard:
            reading = self.air.add(sensor.name, t_s, reading)
        with self.house.guard():
            self.house.intervals[sensor.name].add(reading)
        self.recorder.readings.add(sensor.name, reading, self.clock.now().unix_s)

    def look_at_air(self, stamp: Stamp) -> AirView:
        """A camera's thread asks for weather and cues."""
        with self._air_guard:
            return self.air.look(stamp.mono_ns / 1e9, stamp)

    def tell(self, frame: Frame, outcome: Outcome) -> None:
        """A camera's thread gives detections and their pictures: one commit, the detection first."""
        facts = [self.fact("detection", detection, frame.stamp) for detection in outcome.detections]
        facts += [self.fact("evidence", evidence, frame.stamp) for evidence in outcome.evidence]
        self.writer.put(facts)
        self.recorder.note(outcome.detections, frame.t_s)
        for detection in outcome.detections:
            _log.info(
                "camera %s: %s %s at (%.0f, %.0f), confidence %.2f, revision %d, %s",
                detection.camera, detection.phase, detection.plume_class, *detection.origin_px,
                detection.confidence, detection.revision, detection.detection_id,
            )  # fmt: skip

    # -- start ---------------------------------------------------------------------------------------------------------

    def _announce_poses(self) -> None:
        now = self.clock.now()
        for camera in self.settings.cameras:
            if camera.pose is not None:
                self.put("health", PoseNotice(pose=camera.pose), now)

    def _close_orphans(self) -> None:
        """Open events of cameras that the configuration no longer has: nobody will follow them."""
        known = {camera.name for camera in self.settings.cameras}
        for camera in self.spool.cameras_with_open_events():
            for event in self.spool.open_events(camera) if camera not in known else []:
                closed = close(event, "closed: its camera is no longer configured; when it really ended is not known")
                self.put("detection", closed, self.clock.now())

    # -- duty ----------------------------------------------------------------------------------------------------------

    def off_duty(self, stamp: Stamp) -> str | None:
        """Why the schedule wants no frames now; None while cameras watch."""
        moment = from_unix(stamp.unix_s)
        return None if self.schedule.watches(moment) else OFF_DUTY

    def order(self) -> Order | None:
        """The maintenance that goes on now."""
        return self.maintenance.now(self.clock.now())

    def excused(self) -> str | None:
        """Why nothing shall be judged now."""
        order = self.order()
        return None if order is None else f"maintenance: {order.reason}"

    def covered(self, camera: str, now: Stamp, step_s: float, cause: str | None) -> None:
        """A camera's thread counts the time since its last look."""
        self.coverage.note(camera, self.schedule.night_of(from_unix(now.unix_s)), step_s, cause)

    def _store(self, pulse: Pulse) -> None:
        self.writer.rests = pulse.rest
        self.writer.run()

    def _deliver(self, pulse: Pulse) -> None:
        self.uplink.rests = pulse.rest
        self.uplink.run()

    def _keep_coverage(self, stop: Pulse) -> None:
        while not stop.wait(_COVERAGE_EVERY_S):
            self.coverage.save(self.settings.gateway.folder)


def _read_sensor(sensor: SerialSensor, take: Callable[[SerialSensor, Reading], None], stop: Pulse) -> None:
    sensor.run(stop, partial(take, sensor))
