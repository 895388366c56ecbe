"""``smokesentry cloud import KIND FILE``: what a town's offices know, put in force as a version or refused."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from cloud_ingest.settings import CloudSettings
    from cloud_ingest.store.imports import Report, Wish

WORD = "import"
KINDS = ("footprints", "chimneys", "grids", "responsible", "zones", "stations", "areas", "exemptions", "terrain")
_TOLD = 30  # warnings that are written out

_log = logging.getLogger(__name__)


def add(words: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the word to the parser of ``smokesentry cloud``."""
    text = "take in a file of footprints, grids, zones, ... (docs/places.md) as a new version"
    command = words.add_parser(WORD, help=text, description=text)
    command.add_argument("--config", type=Path, required=True, help="the cloud's TOML file (docs/cloud_ingest.md)")
    command.add_argument("--tenant", help="the town; may be left out when the file names only one")
    command.add_argument("--crs", help="what its coordinates are, where the file does not say or says it wrongly")
    command.add_argument("--swapped", action="store_true", help="its two coordinates stand in the other order")
    command.add_argument("--layer", help="of a GeoPackage, or sheet of a workbook, where it has several")
    command.add_argument("--dry-run", action="store_true", help="say what would be taken in, and change nothing")
    command.add_argument("--picture", type=Path, metavar="SVG", help="draw what was read, with the gateways, and look")
    command.add_argument("kind", choices=KINDS)
    command.add_argument("file", type=Path, nargs="?", help="default for footprints: [town] footprints")


def run(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    """Imports, and says what was done. Raises ``SettingsError`` and ``PlaceError``."""
    from cloud_ingest.store.database import open_store
    from cloud_ingest.store.imports import Wish

    path, tenant = arguments.file, arguments.tenant
    if path is None and arguments.kind == "footprints":
        path = settings.town.footprints
    if path is None:
        also = ", and [town] footprints is not set" if arguments.kind == "footprints" else ""
        raise SettingsError(f"no file given{also}")
    if tenant is None and len(settings.cloud.tenants) > 1:
        raise SettingsError(f"--tenant is needed: the file serves {', '.join(settings.cloud.tenants)}")
    if tenant is not None and tenant not in settings.cloud.tenants:
        raise SettingsError(f"--tenant {tenant}: not in [cloud] tenants ({', '.join(settings.cloud.tenants)})")
    tenant = tenant or settings.cloud.tenants[0]
    wish = Wish(arguments.kind, path, arguments.crs, arguments.swapped, arguments.layer)
    engine = open_store(settings.database_url)
    try:
        report = _take_in(engine, tenant, wish, settings.console.zone, dry=arguments.dry_run)
        print("\n".join(_told(report, tenant, arguments.dry_run)))
        if arguments.picture is not None:
            _draw(engine, tenant, report, arguments.picture)
    finally:
        engine.dispose()
    return 0


def take_in_configured(engine: Engine, settings: CloudSettings) -> None:
    """Puts ``[town] footprints`` in force, unless the file was imported before: then something newer may be. Raises
    ``SettingsError`` and ``PlaceError``."""
    from cloud_ingest.store.database import reading
    from cloud_ingest.store.footprints import was_imported
    from cloud_ingest.store.imports import Wish, digest_of

    if settings.town.footprints is None:
        return
    tenant, wish = settings.cloud.tenants[0], Wish("footprints", settings.town.footprints)
    _need(wish)
    with reading(engine) as connection:
        known = was_imported(connection, tenant, digest_of(wish))
    if not known:
        for line in _told(_take_in(engine, tenant, wish, settings.console.zone, dry=False), tenant, False):
            _log.info("%s", line)


def check(engine: Engine, settings: CloudSettings) -> list[str]:
    """What is configured and what is in force, in lines; with what the gateways' places say of the footprints now.

    Raises ``SettingsError`` and ``PlaceError`` for a configured file that cannot be used.
    """
    from cloud_ingest.store.database import reading
    from cloud_ingest.store.imports import Wish

    lines = []
    if settings.town.footprints is not None:
        wish = Wish("footprints", settings.town.footprints)
        report = _take_in(engine, settings.cloud.tenants[0], wish, settings.console.zone, dry=True)
        lines += [f"footprints: {report.summary}", *(f"  {warning}" for warning in report.warnings)]
    with reading(engine) as connection:
        for tenant in settings.cloud.tenants:
            lines += [f"{tenant}: {line}" for line in _in_force(connection, tenant)]
    return lines


def _in_force(connection: Connection, tenant: str) -> list[str]:
    from sqlalchemy import func, select

    from cloud_ingest.store.footprints import current_version
    from cloud_ingest.store.places import doubts_about_footprints, versions_in_force
    from cloud_ingest.store.places_schema import place_versions
    from cloud_ingest.store.schema import footprint_versions, rooftops

    lines, version = [], current_version(connection, tenant)
    if version is None:
        lines.append("no footprints are in force; alerts will name no rooftops until some are imported")
    else:
        query = select(footprint_versions).where(footprint_versions.c.version == version)
        row = connection.execute(query).one()
        count = connection.execute(select(func.count()).where(rooftops.c.version == row.roofs_version)).scalar_one()
        lines.append(f"footprints: version {version}, {count} roofs, from {row.source}, {row.imported_at}")
        doubts = doubts_about_footprints(connection, tenant)
        lines += [f"  {doubt}" for doubt in doubts]
    for kind, newest in sorted(versions_in_force(connection, tenant).items()):
        row = connection.execute(select(place_versions).where(place_versions.c.version == newest)).one()
        lines.append(f"{kind}: version {newest}, from {row.source}, {row.imported_at}")
    return lines


def _take_in(engine: Engine, tenant: str, wish: Wish, zone: str, *, dry: bool) -> Report:
    from cloud_ingest.places.table import PlaceError
    from cloud_ingest.store.database import reading, writing
    from cloud_ingest.store.imports import prepare
    from smokesentry.clock import SystemClock

    _need(wish)
    try:
        with reading(engine) as connection:  # minutes for a city: nobody who stores waits for it
            prepared = prepare(connection, tenant, wish, ZoneInfo(zone), _log.info)
        if dry or prepared.report.unchanged:
            return prepared.report
        with writing(engine) as connection:
            return prepared.put_in_force(connection, SystemClock().now().captured_at)
    except PlaceError as error:
        raise PlaceError(f"{wish.path}: {error}") from error


def _need(wish: Wish) -> None:
    if not wish.path.is_file():
        raise SettingsError(f"{wish.path}: cannot be read (is no file)")


def _told(report: Report, tenant: str, dry: bool) -> list[str]:
    """A report in lines, the summary last."""
    lines = [f"doubtful: {warning}" for warning in report.warnings[:_TOLD]]
    if len(report.warnings) > _TOLD:
        lines.append(f"and {len(report.warnings) - _TOLD} more")
    if report.columns:
        used = ", ".join(f"{ours} from {theirs!r}" for ours, theirs in sorted(report.columns.items()))
        lines.append(f"columns: {used}")
    if report.unused:
        lines.append(f"columns that nothing is taken from: {', '.join(report.unused[:30])}")
    if report.crs:
        lines.append(f"coordinates: {report.crs}")
    if report.unchanged:
        state = f"version {report.version} already, nothing changed"
    else:
        state = "would be a new version; nothing was changed" if dry else f"version {report.version}"
    return [*lines, f"{report.kind} of {tenant}: {report.summary}; {state}"]


def _draw(engine: Engine, tenant: str, report: Report, path: Path) -> None:
    from cloud_ingest.places.drawing import draw
    from cloud_ingest.store.database import reading
    from cloud_ingest.store.places import gateways_of

    if report.shapes is None:
        raise SettingsError("--picture draws shapes; an elevation model has none")
    with reading(engine) as connection:
        picture = draw(report.shapes, gateways_of(connection, tenant), f"{tenant}: {report.kind}, {report.summary}")
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from error
    print(f"drawn in {path}")
