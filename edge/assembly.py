"""Puts a gateway together from its settings: opens identity, folder and spool, wires the parts; nothing runs yet."""

from __future__ import annotations

import fcntl
import logging
from functools import partial
from pathlib import Path
from typing import IO

import cv2

from edge.camera import Camera, Duty, build_camera
from edge.clockwatch import WatchedClock
from edge.coverage import load_coverage
from edge.downlink import Downlink
from edge.drawn_masks import Drawn, DrawnMasks, MasksUnreadable, Polygons, masks_in_force
from edge.evidence_store import EvidenceStore
from edge.fusion import SiteAir
from edge.gateway import Gateway
from edge.health import health_of, more_status
from edge.housekeeping import Housekeeping
from edge.installer.access import Access
from edge.installer.server import InstallerPage
from edge.judge import Judge, MakeDetector, real_detector
from edge.maintenance import Maintenance
from edge.readings_log import ReadingsLog
from edge.recorder import Recorder
from edge.refuge import come_home, usable_folder
from edge.remember import Memory
from edge.rescue import open_spool
from edge.reserve import Reserve
from edge.settings import CameraSection, GatewaySettings, SensorSection
from edge.site_memory import SiteSchool
from edge.supervise import Supervisor
from edge.telemetry import Interval
from edge.uplink import Broker, Uplink
from edge.watchdog import HardwareWatchdog, Watchdog
from edge.writer import Writer
from firmware_bridge.models import driver_for
from smokesentry.clock import Stamp, SystemClock
from smokesentry.identity import Identity, IdentityError, load_certificate, load_identity, public_key_of
from smokesentry.messages.topics import Address

_log = logging.getLogger("edge.assembly")


class GatewayError(RuntimeError):
    """The gateway cannot start; the message says what to do."""


def build_gateway(settings: GatewaySettings, make_detector: MakeDetector = real_detector) -> Gateway:
    """Opens identity and spool and puts the parts together; nothing runs yet. Raises :class:`GatewayError`,
    ``IdentityError`` or ``SpoolError``."""
    cv2.setNumThreads(1)  # several cameras share few cores; one thread each is the fairest and coolest
    clock = WatchedClock()
    identity = load_identity(settings.identity.key, settings.identity.certificate)
    if identity.name != settings.gateway.name:
        raise IdentityError(
            f"{settings.identity.certificate}: was made for {identity.name!r}, "
            f"but gateway.name is {settings.gateway.name!r}; the two must be the same"
        )
    cloud_key = public_key_of(load_certificate(settings.uplink.cloud_certificate))
    folder, broken = usable_folder(settings.gateway.folder, identity.name)
    lock_file = _lock(folder)
    spool, damaged = open_spool(folder, clock.now().unix_s)
    back = come_home(identity.name, spool)
    uplink_settings = settings.uplink
    downlink = Downlink(settings.gateway.name, spool, cloud_key, lambda: gateway.house.ask_health())
    for said in filter(None, (broken, damaged, back)):
        _log.error(said)
        downlink.notice(said)
    uplink = Uplink(
        Broker(
            uplink_settings.host,
            uplink_settings.port,
            None if uplink_settings.plaintext else uplink_settings.ca,
            settings.identity.key,
            settings.identity.certificate,
        ),
        Address(settings.gateway.tenant, settings.gateway.name),
        identity,
        spool,
        downlink,
        clock,
    )
    now = clock.now()
    air = SiteAir()
    for sensor in settings.sensors:
        air.expect(sensor.name, sensor.twin)
    house = Housekeeping(
        clock=clock,
        spool=spool,
        folder=folder,
        telemetry_interval_s=settings.gateway.telemetry_interval_s,
        health_interval_s=settings.gateway.health_interval_s,
        spool_max_bytes=settings.gateway.spool_max_mb * 1_000_000,
        keep_acknowledged_s=settings.gateway.keep_acknowledged_days * 86400,
        keep_waiting_s=settings.gateway.keep_waiting_days * 86400,
        intervals={sensor.name: _interval(sensor, now) for sensor in settings.sensors},
        put=lambda lane, body, stamp: gateway.put(lane, body, stamp),
        disk_refuses=lambda: gateway.writer.problem is not None,
        health_of=lambda: health_of(gateway),
        more_status=lambda: more_status(gateway),
        reserve=Reserve(folder),
        notice=downlink.notice,
    )
    supervisor = Supervisor()
    gateway = Gateway(
        settings=settings,
        clock=clock,
        spool=spool,
        writer=Writer(spool, uplink.wake, downlink.notice),
        uplink=uplink,
        downlink=downlink,
        cameras=[],
        sensors=[sensor.build(clock) for sensor in settings.sensors],
        house=house,
        air=air,
        schedule=settings.watching(),
        coverage=load_coverage(folder),
        maintenance=Maintenance(folder, clock.boot_id),
        recorder=_recorder(settings, identity, clock),
        supervisor=supervisor,
        watchdog=Watchdog(supervisor, lambda: gateway.order() is not None, _hardware(settings)),
        installer=None,
        lock_file=lock_file,
        started=now,
    )
    # Not the refuge in memory: what was drawn can still be read off a disk that takes nothing any more.
    drawn = DrawnMasks(settings.gateway.folder)
    gateway.cameras.extend(_camera(section, gateway, make_detector, drawn) for section in settings.cameras)
    for name in drawn.left_over([section.name for section in settings.cameras]):
        downlink.notice(f"masks were drawn for camera {name}, which is not configured; was it renamed?")
    gateway.installer = _installer(gateway, drawn)
    return gateway


def _installer(gateway: Gateway, drawn: DrawnMasks) -> InstallerPage | None:
    section = gateway.settings.installer
    if section is None:
        return None
    clock = gateway.clock
    configured = {camera.name: camera.masks for camera in gateway.settings.cameras}

    def save(camera: str, masks: Polygons) -> None:
        gateway.recorder.forget(camera)
        drawn.save(Drawn(camera, masks, configured[camera], clock.now().captured_at))

    access = Access(gateway.settings.gateway.folder, clock.boot_id)
    return InstallerPage(gateway.name, gateway.cameras, section.listen, section.port, access, clock, save)


def _interval(section: SensorSection, now: Stamp) -> Interval:
    """A sensor that sleeps by its duty cycle is silent on purpose: it counts as stale after three periods."""
    every_s = driver_for(section.model).every_s if section.duty is None else section.duty.period_s
    return Interval(section.name, section.model, now, every_s)


def _recorder(settings: GatewaySettings, identity: Identity, clock: SystemClock) -> Recorder:
    folder, section = settings.gateway.folder / "evidence", settings.recorder
    store = EvidenceStore(folder, settings.gateway.name, identity.key, clock, section.max_mb * 1_000_000)
    recorder = Recorder(store, ReadingsLog(folder / "readings"), section.ring_mb * 1_000_000, section.upload)
    for camera in settings.cameras:
        recorder.watch(camera.name, camera.pose.pose_version if camera.pose is not None else 1)
    return recorder


def _hardware(settings: GatewaySettings) -> HardwareWatchdog | None:
    path = settings.gateway.hardware_watchdog
    return None if path is None else HardwareWatchdog(path)


def _camera(section: CameraSection, gateway: Gateway, make_detector: MakeDetector, drawn: DrawnMasks) -> Camera:
    closed = None
    try:
        held = masks_in_force(section.name, section.masks, drawn.of(section.name))
        section = section.model_copy(update={"masks": held.masks})
        said = held.said
    except MasksUnreadable as error:
        closed = str(error)
        said = f"camera {section.name}: {closed}"
    if said is not None:
        _log.info(said)
        gateway.downlink.notice(said)
    pose_version = section.pose.pose_version if section.pose is not None else 1
    folder = gateway.settings.gateway.folder / "memory"
    judge = Judge(
        gateway=gateway.name,
        camera=section.name,
        pose_version=pose_version,
        settings=section.detector,
        make_detector=make_detector,
        lost=gateway.spool.open_events(section.name),
        pose=section.pose,
        memory=Memory(folder, section.name, pose_version, gateway.clock.boot_id),
        school=SiteSchool(folder / f"{section.name}.site.toml", gateway.schedule.zone),
    )
    record = partial(gateway.recorder.offer, section.name)
    duty = Duty(gateway.off_duty, gateway.excused, gateway.covered)
    camera = build_camera(section, judge, gateway.clock, gateway.look_at_air, gateway.tell, duty, record)
    camera.capture.closed = closed
    return camera


def _lock(folder: Path) -> IO[str]:
    """Two processes over one spool would give the same numbers twice."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "gateway.lock").open("a+")
    except OSError as error:
        raise GatewayError(f"{folder}: cannot be used as the gateway's folder ({error.strerror})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise GatewayError(f"{folder}: another gateway process already uses this folder; stop it first") from error
    return file
