"""Signed commands of the cloud to one gateway: built purely, numbered by a counter that only rises, published once."""

from __future__ import annotations

import fcntl
import os
import ssl
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_ingest.identity.ledger import replace_file
from smokesentry.clock import to_wire
from smokesentry.identity import Identity
from smokesentry.messages.control import Command
from smokesentry.messages.envelope import COMMAND_TYPE, seal
from smokesentry.messages.topics import Address, is_name

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

_NO_SUBSCRIBER = 0x10
_ANSWER_TIMEOUT_S = 15.0
LIFETIME = timedelta(hours=1)  # of a command for a gateway that is offline


class OrderError(RuntimeError):
    """The command did not reach the broker, or nobody was there to hear it; the message says what to do."""


def build_command(
    gateway: str,
    counter: int,
    kind: str,
    args: dict[str, Any],
    *,
    command_id: str,
    now: datetime,
    lifetime: timedelta,
) -> Command:
    """A checked command. Raises ``ValueError`` (``msgspec.ValidationError``) when it breaks the wire's limits."""
    command = Command(
        command_id=command_id,
        gateway=gateway,
        counter=counter,
        issued_at=to_wire(now),
        expires_at=to_wire(now + lifetime),
        kind=kind,
        args=args,
    )
    return msgspec.convert(msgspec.to_builtins(command), Command)


def sign_command(command: Command, key: Ed25519PrivateKey) -> bytes:
    """The envelope that goes to ``…/down/command``."""
    return seal(msgspec.json.encode(command), COMMAND_TYPE, key)


class Counters:
    """The last number given to each gateway, in one small JSON file. A number is on the disk before it is used."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def next(self, gateway: str) -> int:
        """One more than ever before, from 1; safe among several processes. Raises :class:`OrderError`."""
        if not is_name(gateway):
            raise OrderError(f"gateway {gateway!r}: names have 1 to 40 of a-z, 0-9 and '-'")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            numbers = self._read()
            numbers[gateway] = numbers.get(gateway, 0) + 1
            replace_file(self._path, msgspec.json.format(msgspec.json.encode(numbers), indent=1))
            return numbers[gateway]
        finally:
            os.close(lock)

    def _read(self) -> dict[str, int]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            # Starting again from 1 would make every gateway refuse every command from now on.
            raise OrderError(
                f"{self._path}: is damaged ({error}); restore it, or write the last counters in"
            ) from error


def publish_command(
    address: Address,
    kind: str,
    args: dict[str, Any],
    *,
    identity: Identity,
    counters: Path,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    now: datetime,
    lifetime: timedelta = LIFETIME,
) -> Command:
    """Numbers, signs and publishes one command (QoS 1) and returns it once the broker has it for the gateway.

    ``identity`` is the cloud's; ``counters`` the file of :class:`Counters`; ``tls`` None only for a broker without TLS.
    Raises :class:`OrderError` (broker not reached, refused, or the gateway never subscribed) and ``ValueError``.
    """
    command = number_command(address, kind, args, counters=counters, now=now, lifetime=lifetime)
    client_id = f"{identity.name}-command-{command.command_id[:8]}"
    _deliver(host, port, tls, client_id, address.command, sign_command(command, identity.key), lifetime)
    return command


def number_command(
    address: Address, kind: str, args: dict[str, Any], *, counters: Path, now: datetime, lifetime: timedelta = LIFETIME
) -> Command:
    """A checked command with the gateway's next number, which is spent by this. Raises as :func:`publish_command`."""
    if not timedelta(0) < lifetime <= timedelta(days=30):
        raise ValueError(f"a command lives for up to 30 days, not {lifetime}")
    command_id = uuid4().hex

    def numbered(counter: int) -> Command:
        return build_command(address.gateway, counter, kind, args, command_id=command_id, now=now, lifetime=lifetime)

    numbered(1)  # what cannot be sent must not spend a number
    return numbered(Counters(counters).next(address.gateway))


def _deliver(
    host: str, port: int, tls: ssl.SSLContext | None, client_id: str, topic: str, payload: bytes, lifetime: timedelta
) -> None:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    where = f"broker {host}:{port}"
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5)
    if tls is not None:
        client.tls_set_context(tls)
    connected, answered = _Answer(), _Answer()
    client.on_connect = lambda _c, _u, _f, reason, _p: connected.give(reason)
    # TLS 1.3 lets a client finish its handshake before the broker looks at the certificate: a refusal is a hang-up.
    client.on_disconnect = lambda _c, _u, _f, reason, _p: connected.give(reason)
    client.on_publish = lambda _c, _u, _mid, reason, _p: answered.give(reason)
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = int(lifetime.total_seconds())
    try:
        client.connect(host, port, keepalive=30)
    except (OSError, ValueError) as error:
        raise OrderError(f"{where}: cannot be reached ({error})") from error
    client.loop_start()
    try:
        connected.expect(f"{where}: did not let us in (certificate revoked, or of another authority?)")
        client.publish(topic, payload, qos=1, properties=properties)
        reason = answered.expect(f"{where}: did not take the command for {topic}")
        if reason.value == _NO_SUBSCRIBER:
            raise OrderError(
                f"{topic}: nobody listens; the gateway has never connected to {where}, so nothing waits for it"
            )
    finally:
        client.disconnect()
        client.loop_stop()


class _Answer:
    """Hands the first reason code from paho's thread to ours."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason: ReasonCode | None = None

    def give(self, reason: ReasonCode) -> None:
        if not self._event.is_set():
            self._reason = reason
            self._event.set()

    def expect(self, complaint: str) -> ReasonCode:
        """The code, unless it is a failure or does not come in time."""
        if not self._event.wait(_ANSWER_TIMEOUT_S) or self._reason is None:
            raise OrderError(f"{complaint}: no answer within {_ANSWER_TIMEOUT_S:.0f} s")
        if self._reason.is_failure:
            raise OrderError(f"{complaint}: {self._reason}")
        return self._reason
