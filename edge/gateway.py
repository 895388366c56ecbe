"""The gateway process put together: its threads, what flows between them, a clean start and a clean stop."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import IO, cast

from edge.camera import CameraWorker
from edge.downlink import Downlink
from edge.events import close
from edge.facts import Fact
from edge.frames import Frame
from edge.fusion import AirView, SiteAir
from edge.housekeeping import Housekeeping
from edge.judge import Outcome
from edge.notify import notify
from edge.settings import GatewaySettings
from edge.spool import Spool
from edge.supervise import Supervisor
from edge.uplink import Uplink
from edge.writer import Writer
from firmware_bridge.link import SerialSensor
from firmware_bridge.reading import Reading
from smokesentry import __version__
from smokesentry.clock import Stamp, SystemClock
from smokesentry.messages.records import Body, Health, Lane, PoseNotice, SensorHealth

_log = logging.getLogger("edge.gateway")
_STOP_PATIENCE_S = 12.0


@dataclass(slots=True)
class Gateway:
    """Built by ``edge.assembly``; :meth:`run` holds until ``stop`` is set."""

    settings: GatewaySettings
    clock: SystemClock
    spool: Spool
    writer: Writer
    uplink: Uplink
    downlink: Downlink
    cameras: list[CameraWorker]
    sensors: list[SerialSensor]
    house: Housekeeping
    air: SiteAir
    supervisor: Supervisor
    lock_file: IO[str]
    started: Stamp
    _air_guard: threading.Lock = field(default_factory=threading.Lock)
    _writer_thread: threading.Thread | None = None

    def run(self) -> None:
        """Starts everything, says that it is ready, and ends cleanly when ``supervisor.stop`` is set."""
        stop = self.supervisor.stop
        # The writer ends after all others: what they told last is still stored.
        self._writer_thread = threading.Thread(target=self.writer.run, name="writer", daemon=True)
        self._writer_thread.start()
        self._announce_poses()
        self._close_orphans()
        self.supervisor.start("uplink", self.uplink.run)
        self.supervisor.start("housekeeping", partial(self.house.run, stop))
        for sensor in self.sensors:
            self.supervisor.start(
                f"sensor {sensor.name}", partial(sensor.run, stop, partial(self.take_reading, sensor))
            )
        for camera in self.cameras:
            self.supervisor.start(f"camera {camera.section.name}", partial(camera.run, stop))
        notify("READY=1")
        _log.info("gateway %s runs: %d cameras, %d sensors", self.name, len(self.cameras), len(self.sensors))
        stop.wait()
        self._end()

    def _end(self) -> None:
        notify("STOPPING=1")
        self.house.ask_health()  # wakes housekeeping out of its pause
        self.uplink.stop()
        left = self.supervisor.join(_STOP_PATIENCE_S)
        if left:
            _log.warning("did not end in time and is left behind: %s", ", ".join(left))
        self.house.close_intervals()
        self.writer.stop()
        if self._writer_thread is not None:
            self._writer_thread.join(_STOP_PATIENCE_S)
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

    def look_at_air(self, stamp: Stamp) -> AirView:
        """A camera's thread asks for weather and cues."""
        with self._air_guard:
            return self.air.look(stamp.mono_ns / 1e9, stamp)

    def tell(self, frame: Frame, outcome: Outcome) -> None:
        """A camera's thread gives detections and their pictures: one commit, the detection first."""
        facts = [self.fact("detection", detection, frame.stamp) for detection in outcome.detections]
        facts += [self.fact("evidence", evidence, frame.stamp) for evidence in outcome.evidence]
        self.writer.put(facts)
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

    # -- health --------------------------------------------------------------------------------------------------------

    def health(self) -> Health:
        """How everything is now."""
        counts: Counter[str] = Counter(self.downlink.counts)
        counts.update(self.writer.counts)
        counts.update({f"restarts {name}": count for name, count in self.supervisor.restarts.items()})
        counts.update({f"outages {camera.section.name}": camera.outages for camera in self.cameras if camera.outages})
        notices = list(self.downlink.notices)
        if self.writer.problem is not None:
            notices.append(self.writer.problem[:400])
        return Health(
            software=f"smoke-sentry {__version__}",
            uptime_s=round((self.clock.now().mono_ns - self.started.mono_ns) / 1e9, 1),
            spool_depth=cast(dict[Lane, int], self.spool.depth()),
            cameras=[camera.health() for camera in self.cameras],
            sensors=[_sensor_health(sensor, counts) for sensor in self.sensors],
            counts={name[:80]: count for name, count in counts.items()},
            notices=notices[-20:],
        )

    def more_status(self) -> dict[str, object]:
        """What only the person in front of the machine needs."""
        uplink = self.uplink.state
        return {
            "gateway": self.name,
            "tenant": self.settings.gateway.tenant,
            "pid": os.getpid(),
            "clock": {"state": self.clock.state().state, "source": self.clock.state().source},
            "uplink": {
                "broker": f"{self.uplink.broker.host}:{self.uplink.broker.port}",
                "connected": uplink.connected,
                "connections": uplink.connections,
                "last_problem": uplink.last_problem,
                "last_acknowledged_unix_s": uplink.last_ack_unix_s,
            },
            "spool_bytes": self.spool.used_bytes(),
        }


def _sensor_health(sensor: SerialSensor, counts: Counter[str]) -> SensorHealth:
    stats = sensor.stats()
    if stats.outages:
        counts[f"outages {sensor.name}"] = stats.outages
    return SensorHealth(
        sensor=sensor.name,
        model=sensor.model,
        connected=stats.connected,
        frames=stats.frames,
        rejected=stats.rejected,
        skipped_bytes=stats.skipped_bytes,
        causes={name[:80]: count for name, count in stats.causes.items()},
    )
