"""Tries what a configuration names: keys, certificates, broker, folder, cameras, sensors. Answers name their key."""

from __future__ import annotations

import fcntl
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge.drawn_masks import Drawn, DrawnMasks, MasksUnreadable, masks_in_force
from edge.frames import UnreadableFrame
from edge.settings import CameraSection, GatewaySettings, SensorSection
from edge.tls import client_context, try_broker
from firmware_bridge.reading import Reading
from smokesentry.clock import SystemClock
from smokesentry.identity import IdentityError, load_certificate, load_identity, public_key_of

_LEAST_FREE_BYTES = 500_000_000
_SENSOR_PATIENCE_S = 6.0
Say = Callable[[str], None]


def problems_of(settings: GatewaySettings, config: Path, say: Say = lambda _: None) -> list[str]:
    """Every problem, with the key that names the thing, what was found and what was expected. ``say`` hears what went
    well."""
    return [f"{config}: {problem}" for problem in _problems(settings, say)]


def _problems(settings: GatewaySettings, say: Say) -> Iterator[str]:
    yield from _identity(settings, say)
    yield from _uplink(settings, say)
    yield from _folder(settings, say)
    yield from _installer(settings)
    change = settings.watching().next_change(datetime.now(UTC))
    if change is not None:
        watches = settings.watching().watches(datetime.now(UTC))
        say(f"schedule: cameras {'watch' if watches else 'rest'} now, until {change.astimezone(UTC):%H:%M} UTC")
    if _is_running(settings):
        say("cameras, sensors: a gateway runs with this folder and holds them; `smokesentry gateway status` tells")
        return
    drawn = DrawnMasks(settings.gateway.folder)
    for at, camera in enumerate(settings.cameras):
        try:
            held = masks_in_force(camera.name, camera.masks, _drawn(drawn, camera.name))
        except MasksUnreadable as error:
            yield f"cameras.{at} ({camera.name}): {error}"
            continue
        if held.said is not None:
            say(held.said)
        yield from _camera(at, camera.model_copy(update={"masks": held.masks}), say)
    for name in drawn.left_over([camera.name for camera in settings.cameras]):
        yield f"cameras: masks were drawn for {name!r}, which is not configured; was it renamed? ({drawn.folder})"
    for at, sensor in enumerate(settings.sensors):
        yield from _sensor(at, sensor, say)


def _identity(settings: GatewaySettings, say: Say) -> Iterator[str]:
    try:
        identity = load_identity(settings.identity.key, settings.identity.certificate)
    except IdentityError as error:
        yield f"identity: {error}"
        return
    if identity.name != settings.gateway.name:
        yield (
            f"gateway.name: is {settings.gateway.name!r}, but identity.certificate was made for {identity.name!r};"
            " the two must be the same"
        )
        return
    say(f"identity: {identity.name}, certificate good until {identity.certificate.not_valid_after_utc:%Y-%m-%d}")


def _uplink(settings: GatewaySettings, say: Say) -> Iterator[str]:
    uplink = settings.uplink
    try:
        public_key_of(load_certificate(uplink.cloud_certificate))
    except IdentityError as error:
        yield f"uplink.cloud_certificate: {error}"
    context = None
    if not uplink.plaintext and uplink.ca is not None:
        try:
            load_certificate(uplink.ca)
            context = client_context(uplink.ca, settings.identity.certificate, settings.identity.key)
        except IdentityError as error:
            yield f"uplink.ca: {error}"
            return
        except OSError:
            return  # the key or certificate, which has been told already
    try:
        try_broker(uplink.host, uplink.port, context)
    except ssl.SSLError as error:
        yield f"uplink: {uplink.host}:{uplink.port} answers, but it and this gateway do not trust each other ({error})"
    except OSError as error:
        yield (
            f"uplink.host, uplink.port: {uplink.host}:{uplink.port} does not answer ({error});"
            " a gateway also starts without it and delivers later"
        )
    else:
        say(f"uplink: {uplink.host}:{uplink.port} answers{'' if context is None else ', encrypted'}")


def _folder(settings: GatewaySettings, say: Say) -> Iterator[str]:
    folder = settings.gateway.folder
    if not folder.exists() and folder.parent.is_dir():
        say(f"folder: {folder} is made at the first start")
        return
    try:
        probe = folder / "check.tmp"
        probe.write_bytes(b"check")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield f"gateway.folder: {folder} cannot be written ({error.strerror}); expected a folder of the gateway's own"
        return
    if free < _LEAST_FREE_BYTES:
        least = f"at least {_LEAST_FREE_BYTES / 1e6:.0f}"
        yield f"gateway.folder: {folder} has {free / 1e6:.0f} MB free; expected {least} for spool and evidence"
    else:
        say(f"folder: {folder}, {free / 1e9:.1f} GB free")
    device = settings.gateway.hardware_watchdog
    if device is not None and not device.exists():
        yield f"gateway.hardware_watchdog: {device} is not there; is its kernel module loaded? (dtparam=watchdog=on)"


def _installer(settings: GatewaySettings) -> Iterator[str]:
    page = settings.installer
    if page is None or _is_running(settings):
        return
    family = socket.AF_INET6 if ":" in page.listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((page.listen, page.port))
        except OSError as error:
            where = f"{page.listen}:{page.port}"
            yield f"installer.listen, installer.port: {where} cannot be used ({error.strerror}); name another port"


def _is_running(settings: GatewaySettings) -> bool:
    try:
        # Only read: whoever checks as root must not leave files that the gateway's own user cannot write.
        with (settings.gateway.folder / "gateway.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _drawn(drawn: DrawnMasks, camera: str) -> Drawn | None:
    """Before its first start a gateway has no folder, and nobody has drawn anything; one that is no folder is told."""
    return drawn.of(camera) if drawn.folder.parent.is_dir() else None


def _camera(at: int, camera: CameraSection, say: Say) -> Iterator[str]:
    from edge.capture import read_frame
    from edge.sources import open_source
    from edge.taken import SourceError

    began_s = time.monotonic()
    try:
        source = open_source(camera)
        try:
            frame = read_frame(source.read(), camera.masks, SystemClock().now(), 0.0)
        finally:
            source.close()
    except (SourceError, UnreadableFrame) as error:
        yield f"cameras.{at}.source ({camera.name}): gives no usable frame: {error}"
        return
    if camera.pose is not None and tuple(camera.pose.frame_size) != frame.size:
        yield (
            f"cameras.{at}.pose.frame_size ({camera.name}): is {list(camera.pose.frame_size)}, but the camera gives"
            f" {list(frame.size)}; directions would be wrong"
        )
    corners = [corner for polygon in camera.masks for corner in polygon]
    if any(x > frame.size[0] or y > frame.size[1] for x, y in corners):
        yield (
            f"cameras.{at}.masks ({camera.name}): reach beyond the frame, which is {list(frame.size)};"
            " they were drawn for another one and would hide something else"
        )
    size = f"{frame.size[0]}x{frame.size[1]}"
    say(
        f"camera {camera.name}: {size}, first frame after {time.monotonic() - began_s:.1f} s, {len(camera.masks)} masks"
    )


def _sensor(at: int, section: SensorSection, say: Say) -> Iterator[str]:
    from firmware_bridge.models import UnknownModel

    try:
        sensor = section.build(SystemClock())
    except UnknownModel as error:
        yield f"sensors.{at}.model ({section.name}): {error}"
        sensor = None
    port = Path(section.port)
    anchor = Path(port.anchor or ".")
    if not port.exists() and not any(anchor.glob(str(port.relative_to(port.anchor)))):
        yield f"sensors.{at}.port ({section.name}): {section.port} is not there; is the adapter plugged in?"
        return
    if sensor is None:
        return
    stop, readings = threading.Event(), list[Reading]()

    def heard(reading: Reading) -> None:
        readings.append(reading)
        stop.set()

    timer = threading.Timer(_SENSOR_PATIENCE_S, stop.set)
    timer.start()
    sensor.run(stop, heard)
    timer.cancel()
    stats = sensor.stats()
    if readings:
        values = ", ".join(f"{name} {value:g}" for name, value in list(readings[0].values.items())[:4])
        say(f"sensor {section.name}: {values}")
    elif stats.outages and not stats.frames:
        yield f"sensors.{at}.port ({section.name}): {section.port} cannot be used; does another program hold it?"
    else:
        causes = ", ".join(f"{cause} {count}" for cause, count in stats.causes.items())
        strange = f"bytes that are no {section.model}'s ({causes or 'no frame begins'})"
        yield (
            f"sensors.{at} ({section.name}): {section.port} gave {strange if stats.skipped_bytes else 'nothing'} within"
            f" {_SENSOR_PATIENCE_S:.0f} s; expected a reading of a {section.model}: is it powered, are RX and TX the"
            " right way round, is the model right?"
        )
