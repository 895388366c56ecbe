"""Tries what a configuration names: keys, certificates, cameras, sensors' ports, the broker. One line a problem."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from edge.frames import UnreadableFrame
from edge.settings import GatewaySettings
from edge.tls import client_context, try_broker
from smokesentry.identity import IdentityError, load_certificate, load_identity, public_key_of


def problems_of(settings: GatewaySettings, config: Path) -> list[str]:
    """Every problem, with the key that names the thing, what was found and what was expected."""
    return [f"{config}: {problem}" for problem in _problems(settings)]


def _problems(settings: GatewaySettings) -> Iterator[str]:
    yield from _identity(settings)
    yield from _uplink(settings)
    yield from _cameras(settings)
    yield from _sensors(settings)


def _identity(settings: GatewaySettings) -> Iterator[str]:
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


def _uplink(settings: GatewaySettings) -> Iterator[str]:
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


def _cameras(settings: GatewaySettings) -> Iterator[str]:
    from edge.capture import read_frame
    from edge.sources import open_source
    from edge.taken import SourceError
    from smokesentry.clock import SystemClock

    for at, camera in enumerate(settings.cameras):
        key = f"cameras.{at}.source ({camera.name})"
        try:
            source = open_source(camera)
            try:
                frame = read_frame(source.read(), camera.masks, SystemClock().now(), 0.0)
            finally:
                source.close()
        except (SourceError, UnreadableFrame) as error:
            yield f"{key}: gives no usable frame: {error}"
            continue
        if camera.pose is not None and tuple(camera.pose.frame_size) != frame.size:
            yield (
                f"cameras.{at}.pose.frame_size ({camera.name}): is {list(camera.pose.frame_size)}, but the camera gives"
                f" {list(frame.size)}; directions would be wrong"
            )


def _sensors(settings: GatewaySettings) -> Iterator[str]:
    from firmware_bridge.models import UnknownModel, driver_for

    for at, sensor in enumerate(settings.sensors):
        try:
            driver_for(sensor.model)
        except UnknownModel as error:
            yield f"sensors.{at}.model ({sensor.name}): {error}"
        port = Path(sensor.port)
        anchor = Path(port.anchor or ".")
        if not port.exists() and not any(anchor.glob(str(port.relative_to(port.anchor)))):
            yield f"sensors.{at}.port ({sensor.name}): {sensor.port} is not there; is the adapter plugged in?"
