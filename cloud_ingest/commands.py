"""The cloud's processes and jobs: ``smokesentry cloud ingest|console|check|command|...``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cloud_ingest import place_commands, register_command, upkeep_commands
from cloud_ingest.geotag.polar import command as polar_command
from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from cloud_ingest.ingest.source import Source
    from cloud_ingest.settings import CloudSettings
    from smokesentry.identity import Identity


def main(argv: list[str]) -> int:
    """Take in messages, serve the console, import footprints, order gateways, look after what is stored."""
    parser = argparse.ArgumentParser(prog="smokesentry cloud", description=main.__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    for word, text in (
        ("ingest", "take in messages until stopped (SIGTERM)"),
        ("console", "serve the web page until stopped (SIGTERM)"),
        ("evidence", "take in uploads of clips until stopped (SIGTERM)"),
        ("check", "say whether everything the processes need is there"),
        ("command", "send one signed command to a gateway, for example ping"),
        ("rollout", "a new configuration or model for a town's gateways, a few first, stopped when one takes it back"),
    ):
        command = words.add_parser(word, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, help="the cloud's TOML file (docs/cloud_ingest.md)")
        if word == "console":
            command.add_argument("--tenant", help="show this town only; default: all of the file, with a chooser")
        if word == "rollout":
            command.add_argument("--tenant", required=True)
            command.add_argument("--percent", default="10,50,100", help="groups, as rising shares of all (10,50,100)")
            command.add_argument("--patience", type=float, default=3600.0, metavar="S", help="for each group (3600)")
            command.add_argument("--period", type=float, default=600.0, metavar="S", help="of a gateway's trial (600)")
            command.add_argument("kind", choices=("configuration", "model"))
            command.add_argument("version", type=int, help="a number above every one before")
            command.add_argument("source", type=Path, help="a folder: GATEWAY.toml each, or manifest.json and weights")
        if word == "command":
            command.add_argument("--tenant", required=True, help="the gateway's town")
            command.add_argument("--gateway", required=True)
            command.add_argument("kind", metavar="KIND", help="what to do: ping, resend")
            command.add_argument("pairs", metavar="key=value", nargs="*", help="arguments; JSON values, else text")
    place_commands.add(words)
    upkeep_commands.add(words)
    register_command.add(words)
    polar_command.add(words)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it announces its plugins at every opening
    try:
        from cloud_ingest.settings import load_cloud_settings

        settings = load_cloud_settings(arguments.config)
        return _run(arguments, settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    from cloud_ingest.identity.authority import AuthorityError
    from cloud_ingest.identity.orders import OrderError
    from cloud_ingest.places.table import PlaceError
    from cloud_ingest.store.backup import BackupError
    from cloud_ingest.store.database import StoreError
    from smokesentry.identity import IdentityError

    try:
        if arguments.word == "ingest":
            return _ingest(settings)
        if arguments.word == "console":
            return _console(settings, arguments.tenant)
        if arguments.word == "evidence":
            from cloud_ingest.evidence.command import serve

            return serve(settings)
        if arguments.word == "check":
            return _check(settings)
        if arguments.word == place_commands.WORD:
            return place_commands.run(arguments, settings)
        if arguments.word == "rollout":
            from cloud_ingest.order_commands import rollout

            return rollout(settings, arguments)
        if arguments.word == "command":
            from cloud_ingest.order_commands import command

            return command(settings, arguments.tenant, arguments.gateway, arguments.kind, arguments.pairs)
        if arguments.word == "polar":
            return polar_command.run(arguments, settings)
        if arguments.word == register_command.WORD:
            return register_command.run(arguments, settings)
        return upkeep_commands.run(arguments, settings)
    except (StoreError, BackupError, IdentityError, AuthorityError, PlaceError) as error:
        print(f"{arguments.config}: {error}", file=sys.stderr)
        return 2
    except OrderError as error:
        print(f"{arguments.config}: not sent: {error}", file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        print(f"{arguments.config}: [cloud] database does not answer: {error}", file=sys.stderr)
        return 1


def _ingest(settings: CloudSettings) -> int:
    from cloud_ingest.identity.registry import Registry
    from cloud_ingest.ingest.housekeeping import Housekeeper
    from cloud_ingest.ingest.worker import Worker
    from cloud_ingest.store.database import open_store
    from smokesentry.identity import load_identity

    signer = load_identity(settings.signing.key, settings.signing.certificate)
    keys = Registry(settings.ca.folder)
    engine = open_store(settings.database_url)
    place_commands.take_in_configured(engine, settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keep = upkeep_commands.keep_of(settings.retention)
    housekeeping = Housekeeper(engine, keep, settings.console.zone).start(stop)
    zone = ZoneInfo(settings.console.zone)
    Worker(engine, _source(settings, signer), keys, signer, frozenset(settings.cloud.tenants), zone).run(stop)
    housekeeping.join(timeout=10)
    engine.dispose()
    return 0


def _source(settings: CloudSettings, signer: Identity) -> Source:
    if settings.cluster is not None:
        from cloud_ingest.ingest.cluster_source import ClusterSource

        return ClusterSource(settings.cluster)
    from cloud_ingest.ingest.mqtt_source import MqttSource, secret_group

    assert settings.broker is not None  # the settings demand one of the two
    return MqttSource(settings.broker, secret_group(signer))


def _console(settings: CloudSettings, tenant: str | None) -> int:
    import uvicorn

    from cloud_ingest.console.app import create_app

    if tenant is not None and tenant not in settings.cloud.tenants:
        raise SettingsError(f"--tenant {tenant}: not in [cloud] tenants ({', '.join(settings.cloud.tenants)})")
    uvicorn.run(
        create_app(settings, [tenant] if tenant is not None else None),
        host=settings.console.host,
        port=settings.console.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,  # an open page holds its live stream for ever
    )
    return 0


def _check(settings: CloudSettings) -> int:
    from cloud_ingest.identity.registry import Registry
    from cloud_ingest.store.database import open_store
    from smokesentry.identity import load_identity

    signer = load_identity(settings.signing.key, settings.signing.certificate)
    print(f"signing as {signer.name}")
    Registry(settings.ca.folder)
    print(f"authority in {settings.ca.folder}: readable")
    engine = open_store(settings.database_url)
    print("database: answers, tables are there")
    for name, path in (
        ("ca", settings.link.ca),
        ("certificate", settings.link.certificate),
        ("key", settings.link.key),
    ):
        if path is not None and not path.is_file():
            raise SettingsError(f"[{'broker' if settings.broker else 'cluster'}] {name}: {path} is not a file")
    for line in place_commands.check(engine, settings):
        print(line)
    engine.dispose()
    return 0
