"""``smokesentry cloud command`` and ``rollout``: signed orders to one gateway, or to a town's, a few first."""

from __future__ import annotations

import argparse
import json
import ssl
import sys
from typing import TYPE_CHECKING, Any

from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from cloud_ingest.settings import Broker, CloudSettings
    from smokesentry.messages.control import Command


def command(settings: CloudSettings, tenant: str, gateway: str, kind: str, pairs: list[str]) -> int:
    """Sends one command; ``pairs`` are its arguments as key=value."""
    sent = _send(settings, tenant, gateway, kind, _arguments_of(pairs))
    said = json.dumps(sent.args, ensure_ascii=False)
    print(f"sent to {gateway}: command {sent.counter}, {kind} {said}, good until {sent.expires_at}")
    return 0


def rollout(settings: CloudSettings, arguments: argparse.Namespace) -> int:
    """Orders it group by group and watches; exit status 1 when it was stopped."""
    from cloud_ingest.identity.rollout import RolloutStopped
    from cloud_ingest.identity.rollout_command import roll_out
    from cloud_ingest.store.database import open_store

    def send(gateway: str, kind: str, args: dict[str, Any]) -> None:
        _send(settings, arguments.tenant, gateway, kind, args)

    try:
        percents = [int(part) for part in arguments.percent.split(",")]
    except ValueError as error:
        raise SettingsError(f"--percent: {error}") from error
    engine = open_store(settings.database_url)
    try:
        roll_out(
            engine, arguments.tenant, arguments.kind, arguments.version, arguments.source, percents=percents,
            patience_s=arguments.patience, period_s=arguments.period, send=send, say=print,
        )  # fmt: skip
    except RolloutStopped as stopped:
        print(f"stopped: {stopped}", file=sys.stderr)
        return 1
    finally:
        engine.dispose()
    print(f"{arguments.kind} {arguments.version} is in force everywhere")
    return 0


def _send(settings: CloudSettings, tenant: str, gateway: str, kind: str, args: dict[str, Any]) -> Command:
    from cloud_ingest.identity.orders import LIFETIME, OrderError, number_command, publish_command, sign_command
    from smokesentry.clock import SystemClock, from_unix
    from smokesentry.identity import load_identity
    from smokesentry.messages.topics import Address

    if tenant not in settings.cloud.tenants:
        raise SettingsError(f"--tenant {tenant}: not in [cloud] tenants ({', '.join(settings.cloud.tenants)})")
    signer = load_identity(settings.signing.key, settings.signing.certificate)
    now = from_unix(SystemClock().now().unix_s)
    counters = settings.cloud.folder / "command-counters.json"
    try:
        address = Address(tenant, gateway)
        if settings.cluster is not None:
            from cloud_ingest.ingest.cluster_source import publish_once

            command = number_command(address, kind, args, counters=counters, now=now)
            if not publish_once(settings.cluster, address.command, sign_command(command, signer.key), LIFETIME):
                raise OrderError(f"{address.command}: nobody listens; the gateway has never connected to this cluster")
        else:
            assert settings.broker is not None  # the settings demand one of the two
            host, port, tls = settings.broker.host, settings.broker.port, _tls(settings.broker)
            where: dict[str, Any] = {"host": host, "port": port, "tls": tls, "now": now}
            command = publish_command(address, kind, args, identity=signer, counters=counters, **where)
    except OSError as error:
        raise OrderError(str(error)) from error
    except ValueError as error:
        raise SettingsError(f"command {kind!r}: {error}") from error
    return command


def _arguments_of(pairs: list[str]) -> dict[str, Any]:
    import msgspec

    args: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals or name in args:
            raise SettingsError(f"argument {pair!r}: expected key=value, each key once")
        try:
            args[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            args[name] = value
    return args


def _tls(broker: Broker) -> ssl.SSLContext | None:
    if broker.plaintext:
        return None
    assert broker.certificate is not None  # the settings demand all three where there is TLS
    try:
        context = ssl.create_default_context(cafile=broker.ca)
        context.load_cert_chain(broker.certificate, broker.key)
    except OSError as error:  # an SSLError is one, too
        raise SettingsError(f"[broker] ca, certificate, key: cannot be used ({error})") from error
    return context
