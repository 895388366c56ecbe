"""Looking after what is stored: dead letters, backup and restore, the time-series database, quality, maintenance."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from cloud_ingest.ingest.retention import Keep
    from cloud_ingest.settings import CloudSettings, Retention

_COUNTERS = "command-counters.json"  # in the cloud's folder; a backup without it would repeat old numbers


def add(words: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds these commands to ``smokesentry cloud``."""
    letters = _word(words, "dead-letters", "what was set aside: list it, or take it in once more after a fix")
    letters.add_argument("what", nargs="?", choices=("list", "replay"), default="list")
    letters.add_argument("--cause", "--reason", metavar="CAUSE", help="only these, for example unknown_key")
    letters.add_argument("--gateway", help="only those that this gateway signed")
    letters.add_argument("--limit", type=int, default=50, help="list: so many, the newest first")
    letters.add_argument("--json", action="store_true", help="one JSON object a line")
    backup = _word(words, "backup", "write a consistent copy of the store while it is used")
    backup.add_argument("folder", type=Path, help="a new folder")
    restore = _word(words, "restore", "bring a backup into an empty database and verify every table")
    restore.add_argument("folder", type=Path)
    restore.add_argument("--check", action="store_true", help="only say whether the backup is whole")
    influx = _word(words, "influx", "copy telemetry to the time-series database until stopped (SIGTERM)")
    influx.add_argument("--once", action="store_true", help="stop when nothing is left to copy")
    quality = _word(words, "quality", "how good each device's days were")
    quality.add_argument("--days", type=int, default=7, help="so many, today included")
    quality.add_argument("--flagged", action="store_true", help="only days below 90 %% or with a hint of tampering")
    quality.add_argument("--json", action="store_true", help="one JSON object a line")
    work = _word(words, "maintenance", "note when a gateway or sensor is worked on: nothing is expected of it then")
    work.add_argument("--gateway", required=True)
    work.add_argument("--sensor", help="left out: the whole gateway")
    work.add_argument("--from", dest="begin", required=True, metavar="TIME", help="UTC, as in 2026-11-22T18:00:00.000Z")
    work.add_argument("--to", dest="end", required=True, metavar="TIME")
    work.add_argument("--reason", required=True, help="for people")


def run(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    """Does the command that :func:`add` offered. Raises what ``commands`` turns into words."""
    jobs: dict[str, Callable[[argparse.Namespace, CloudSettings], int]] = {
        "dead-letters": _dead_letters,
        "backup": _backup,
        "restore": _restore,
        "influx": _influx,
        "quality": _quality,
        "maintenance": _maintenance,
    }
    return jobs[arguments.word](arguments, settings)


def keep_of(section: Retention) -> Keep:
    """The configured retention, as housekeeping wants it."""
    from cloud_ingest.ingest.retention import Keep

    return Keep(section.telemetry_days, section.minutes_days, section.health_days, section.dead_letters_days)


def _word(words: argparse._SubParsersAction[argparse.ArgumentParser], word: str, text: str) -> argparse.ArgumentParser:
    command = words.add_parser(word, help=text, description=text)
    command.add_argument("--config", type=Path, required=True, help="the cloud's TOML file (docs/cloud_ingest.md)")
    return command


def _now() -> str:
    from smokesentry.clock import SystemClock

    return SystemClock().now().captured_at


def _dead_letters(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from cloud_ingest.ingest.letters import Choice, list_letters, tallies
    from cloud_ingest.store.database import open_store, reading

    choice = Choice(arguments.cause, arguments.gateway)
    engine = open_store(settings.database_url)
    try:
        if arguments.what == "replay":
            from cloud_ingest.identity.registry import Registry
            from cloud_ingest.ingest.replay import replay

            keys, tenants = Registry(settings.ca.folder), frozenset(settings.cloud.tenants)
            done = replay(engine, keys, tenants, choice, _now())
            print(
                f"taken in: {done.taken} letters with {done.records} new records; "
                f"refused again: {done.refused}; kept only in part: {done.cut}"
            )
            return 0
        with reading(engine) as connection:
            letters = list_letters(connection, arguments.limit, choice)
            gone = {cause: tally["gone"] for cause, tally in tallies(connection).items() if tally["gone"]}
    finally:
        engine.dispose()
    for letter in letters:
        if arguments.json:
            print(json.dumps(letter, ensure_ascii=False))
        else:
            who = letter["gateway"] or "-"
            print(f"{letter['received_at']}  {letter['cause']:<16} {who:<20} {letter['size']:>8} B  {letter['reason']}")
    if not arguments.json:
        if not letters:
            print("nothing was set aside" if choice == Choice() else "nothing of the kind was set aside")
        for cause, count in sorted(gone.items()):
            print(f"{count} of {cause} went, because as many as are kept had been reached")
    return 0


def _backup(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from cloud_ingest.store.backup import backup
    from cloud_ingest.store.database import open_store

    engine = open_store(settings.database_url)
    try:
        beside = {_COUNTERS: settings.cloud.folder / _COUNTERS}
        manifest = backup(engine, arguments.folder, _now(), beside, _say)
    finally:
        engine.dispose()
    rows = sum(table["rows"] for table in manifest["tables"].values())
    print(f"{arguments.folder}: {len(manifest['tables'])} tables with {rows} rows, revision {manifest['revision']}")
    return 0


def _restore(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from cloud_ingest.store.backup import read_manifest, restore

    if arguments.check:
        manifest = read_manifest(arguments.folder)
        print(f"{arguments.folder}: whole; made at {manifest['made_at']} of {manifest['database']}")
        return 0
    manifest = restore(arguments.folder, settings.database_url, _say)
    counters, kept = arguments.folder / _COUNTERS, settings.cloud.folder / _COUNTERS
    if counters.is_file() and not kept.exists():
        kept.write_bytes(counters.read_bytes())
    rows = sum(table["rows"] for table in manifest["tables"].values())
    print(f"restored and verified: {len(manifest['tables'])} tables with {rows} rows, as of {manifest['made_at']}")
    print("gateways keep acknowledged detections for some days: ask for what came since with")
    print("  smokesentry cloud command --tenant T --gateway G resend lane=detection from_seq=N to_seq=M")
    return 0


def _influx(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from cloud_ingest.ingest.influx import Feed
    from cloud_ingest.store.database import open_store

    if settings.influx is None:
        raise SettingsError("[influx] is not in the configuration; it needs at least url (docs/cloud_ingest.md)")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = open_store(settings.database_url)
    try:
        return Feed(engine, settings.influx).run(stop, once=arguments.once)
    finally:
        engine.dispose()


def _quality(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from zoneinfo import ZoneInfo

    from cloud_ingest.ingest.quality_store import list_days
    from cloud_ingest.store.database import open_store, reading
    from smokesentry.clock import from_wire

    today = from_wire(_now()).astimezone(ZoneInfo(settings.console.zone)).date()
    first = today - timedelta(days=max(1, arguments.days) - 1)
    engine = open_store(settings.database_url)
    try:
        with reading(engine) as connection:
            days = list_days(connection, settings.cloud.tenants, str(first), str(today), flagged=arguments.flagged)
    finally:
        engine.dispose()
    for day in days:
        print(json.dumps(day, ensure_ascii=False) if arguments.json else _line(day))
    if not days and not arguments.json:
        print("no day was judged yet" if not arguments.flagged else "no day is flagged")
    return 0


def _line(day: dict[str, Any]) -> str:
    report = day["report"]
    rate = "    -" if report["rate"] is None else f"{report['rate']:5.0%}"
    said = [f"{report['valid']:.0f} valid of {report['expected']} expected" if report["expected"] else ""]
    if report["gap_s"]:
        said.append(f"gaps {report['gap_s'] / 60:.0f} min")
    if report["maintenance_s"]:
        said.append(f"maintenance {report['maintenance_s'] / 60:.0f} min")
    if report["late"]:
        said.append(f"{report['late']} late, by {report['worst_late_s'] / 60:.0f} min at most")
    doubtful = sum(count for state, count in report["clock"].items() if state != "synchronised")
    if doubtful:
        said.append(f"{doubtful} under a doubtful clock")
    said += [f"{hint['kind']}? {hint['text']}" for hint in report["hints"]]
    flag = "!" if report["flagged"] else " "
    who = f"{day['gateway']}/{day['sensor']}" if day["sensor"] else day["gateway"]
    return f"{day['day']} {flag} {rate}  {who:<32} {'; '.join(part for part in said if part)}"


def _maintenance(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    from sqlalchemy import insert

    from cloud_ingest.store.database import open_store, writing
    from cloud_ingest.store.telemetry_schema import maintenance
    from smokesentry.clock import from_wire
    from smokesentry.messages.topics import is_name

    for what, name in (("--gateway", arguments.gateway), ("--sensor", arguments.sensor)):
        if name is not None and not is_name(name):
            raise SettingsError(f"{what} {name!r}: names have 1 to 40 of a-z, 0-9 and '-'")
    try:
        if from_wire(arguments.begin) >= from_wire(arguments.end):
            raise ValueError("--from must come before --to")
    except ValueError as error:
        raise SettingsError(f"--from, --to: {error}") from error
    engine = open_store(settings.database_url)
    try:
        with writing(engine) as connection:
            connection.execute(
                insert(maintenance).values(
                    gateway=arguments.gateway, sensor=arguments.sensor, from_at=arguments.begin, to_at=arguments.end,
                    reason=arguments.reason, entered_at=_now(),
                )
            )  # fmt: skip
    finally:
        engine.dispose()
    print(f"noted: {arguments.gateway} {arguments.sensor or ''} from {arguments.begin} to {arguments.end}")
    return 0


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
