"""The cloud's processes and jobs: ``smokesentry cloud ingest|console|check|command|...``."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cloud_ingest import upkeep_commands
from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
        ("import-footprints", "put a GeoJSON file of footprints and chimneys in force"),
        ("command", "send one signed command to a gateway, for example ping"),
        ("rollout", "a new configuration or model for a town's gateways, a few first, stopped when one takes it back"),
    ):
        command = words.add_parser(word, help=text, description=text)
        command.add_argument("--config", type=Path, required=True, help="the cloud's TOML file (docs/cloud_ingest.md)")
        if word == "import-footprints":
            command.add_argument("--tenant", help="the town; may be left out when the file names only one")
            command.add_argument("file", type=Path, nargs="?", help="GeoJSON; default: [town] footprints")
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
    upkeep_commands.add(words)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        from cloud_ingest.settings import load_cloud_settings

        settings = load_cloud_settings(arguments.config)
        return _run(arguments, settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    from cloud_ingest.geotag.footprints import FootprintError
    from cloud_ingest.identity.authority import AuthorityError
    from cloud_ingest.identity.orders import OrderError
    from cloud_ingest.store.backup import BackupError
    from cloud_ingest.store.database import StoreError
    from smokesentry.identity import IdentityError

    try:
        if arguments.word == "ingest":
            return _ingest(settings)
        if arguments.word == "console":
            return _console(settings)
        if arguments.word == "evidence":
            from cloud_ingest.evidence.command import serve

            return serve(settings)
        if arguments.word == "check":
            return _check(settings)
        if arguments.word == "import-footprints":
            return _import(settings, arguments.file, arguments.tenant)
        if arguments.word == "rollout":
            from cloud_ingest.order_commands import rollout

            return rollout(settings, arguments)
        if arguments.word == "command":
            from cloud_ingest.order_commands import command

            return command(settings, arguments.tenant, arguments.gateway, arguments.kind, arguments.pairs)
        return upkeep_commands.run(arguments, settings)
    except (StoreError, BackupError, IdentityError, AuthorityError, FootprintError) as error:
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
    if settings.town.footprints is not None:
        _import_into(engine, settings.cloud.tenants[0], settings.town.footprints)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keep = upkeep_commands.keep_of(settings.retention)
    housekeeping = Housekeeper(engine, keep, settings.console.zone).start(stop)
    Worker(engine, _source(settings, signer), keys, signer, frozenset(settings.cloud.tenants)).run(stop)
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


def _console(settings: CloudSettings) -> int:
    import uvicorn

    from cloud_ingest.console.app import create_app

    uvicorn.run(
        create_app(settings),
        host=settings.console.host,
        port=settings.console.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,  # an open page holds its live stream for ever
    )
    return 0


def _check(settings: CloudSettings) -> int:
    from cloud_ingest.geotag.footprints import read_footprints
    from cloud_ingest.identity.registry import Registry
    from cloud_ingest.store.database import open_store
    from smokesentry.identity import load_identity

    signer = load_identity(settings.signing.key, settings.signing.certificate)
    print(f"signing as {signer.name}")
    Registry(settings.ca.folder)
    print(f"authority in {settings.ca.folder}: readable")
    open_store(settings.database_url).dispose()
    print("database: answers, tables are there")
    for name, path in (
        ("ca", settings.link.ca),
        ("certificate", settings.link.certificate),
        ("key", settings.link.key),
    ):
        if path is not None and not path.is_file():
            raise SettingsError(f"[{'broker' if settings.broker else 'cluster'}] {name}: {path} is not a file")
    if settings.town.footprints is not None:
        found = read_footprints(_text_of(settings.town.footprints))
        print(f"footprints: {len(found.roofs)} roofs, {len(found.chimneys)} chimneys")
        for warning in found.warnings:
            print(f"  {warning}")
    else:
        print("footprints: none configured; alerts will name no rooftops until some are imported")
    return 0


def _import(settings: CloudSettings, file: Path | None, tenant: str | None) -> int:
    from cloud_ingest.store.database import open_store

    path = file if file is not None else settings.town.footprints
    if path is None:
        raise SettingsError("no file given, and [town] footprints is not set")
    if tenant is None and len(settings.cloud.tenants) > 1:
        raise SettingsError(f"--tenant is needed: the file serves {', '.join(settings.cloud.tenants)}")
    if tenant is not None and tenant not in settings.cloud.tenants:
        raise SettingsError(f"--tenant {tenant}: not in [cloud] tenants ({', '.join(settings.cloud.tenants)})")
    engine = open_store(settings.database_url)
    _import_into(engine, tenant or settings.cloud.tenants[0], path)
    engine.dispose()
    return 0


def _import_into(engine: Engine, tenant: str, path: Path) -> None:
    from cloud_ingest.geotag.footprints import FootprintError
    from cloud_ingest.store.database import writing
    from cloud_ingest.store.footprints import import_footprints
    from smokesentry.clock import SystemClock

    try:
        with writing(engine) as connection:
            at = SystemClock().now().captured_at
            version, found = import_footprints(connection, tenant, path.name, _text_of(path), at)
    except FootprintError as error:
        raise FootprintError(f"{path}: {error}") from error
    for warning in found.warnings:
        logging.warning("%s: %s", path, warning)
    logging.info(
        "footprints of %s: version %d, %d roofs, %d chimneys", tenant, version, len(found.roofs), len(found.chimneys)
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (byte {error.start})") from error
