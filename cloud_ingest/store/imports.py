"""One file into the store: read, brought to WGS-84, checked against the gateways, in force as a version, or refused.

Everything happens in the caller's transaction: a refusal leaves what was in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud_ingest.geotag.footprints import CHIMNEY_COLUMNS, FOOTPRINT_COLUMNS, chimneys_of, footprints_of
from cloud_ingest.places.columns import Columns
from cloud_ingest.places.crs import to_wgs84
from cloud_ingest.places.datum import check_bounds, check_chimneys, check_under_gateways
from cloud_ingest.places.kinds import KINDS, read_places, wanted
from cloud_ingest.places.raster import read_terrain
from cloud_ingest.places.read import read_table
from cloud_ingest.places.table import PlaceError, Shapes, bounds_of, object_array
from cloud_ingest.store import footprints as roofs_store
from cloud_ingest.store.places import TERRAIN, gateways_of, is_in_force, store_places, store_terrain

ALL_KINDS = ("footprints", "chimneys", *KINDS, TERRAIN)
_BESIDE_SHP = (".shp", ".dbf", ".prj", ".cpg")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for: which kind of file, and what they say of its coordinates."""

    kind: str
    path: Path
    crs: str | None = None
    swapped: bool = False
    layer: str | None = None


@dataclass(slots=True)
class Report:
    """What was found; ``version`` is None before it is put in force, ``unchanged`` when it was so already."""

    kind: str
    summary: str
    crs: str
    warnings: list[str]
    columns: dict[str, str] = field(default_factory=dict)  # our name -> the file's
    unused: list[str] = field(default_factory=list)
    shapes: Shapes | None = None  # WGS-84
    version: int | None = None
    unchanged: bool = False


def import_file(
    connection: Connection, tenant: str, wish: Wish, zone: ZoneInfo, at: str, say: Say, *, dry: bool = False
) -> Report:
    """Takes a file in. ``dry``: everything but the writing. Raises ``PlaceError``, whose message says where."""
    say(f"reading {wish.path.name}")
    digest = digest_of(wish)
    if wish.kind == TERRAIN:
        return _terrain(connection, tenant, wish, digest, at, dry)
    if wish.kind in KINDS:
        return _places(connection, tenant, wish, digest, zone, at, dry)
    return _roofs(connection, tenant, wish, digest, at, say, dry)


def digest_of(wish: Wish) -> str:
    """Over the file, all parts of a Shapefile, and what was said of its coordinates."""
    total = hashlib.sha256()
    parts = [wish.path]
    if wish.path.suffix.lower() == ".shp":
        parts = [one for end in _BESIDE_SHP if (one := wish.path.with_suffix(end)).is_file()] or parts
    try:
        for part in parts:
            with part.open("rb") as stream:
                while block := stream.read(1 << 20):
                    total.update(block)
    except OSError as error:
        raise PlaceError(f"cannot be read ({error.strerror})") from error
    if wish.crs or wish.swapped or wish.layer:
        total.update(repr((wish.crs, wish.swapped, wish.layer)).encode())
    return f"sha256:{total.hexdigest()}"


def _roofs(connection: Connection, tenant: str, wish: Wish, digest: str, at: str, say: Say, dry: bool) -> Report:
    names = FOOTPRINT_COLUMNS if wish.kind == "footprints" else CHIMNEY_COLUMNS
    table = read_table(wish.path, names, wish.layer)
    placed = to_wgs84(table, wish.crs, wish.swapped)
    columns = Columns.of(table, names)
    gateways = gateways_of(connection, tenant)
    warnings = [*table.notes, *placed.warnings, *check_bounds(placed.shapes, gateways)]
    say(f"{len(table)} features read")
    current = roofs_store.current_version(connection, tenant)
    if wish.kind == "footprints":
        found = footprints_of(table, placed.shapes)
        shapes = object_array([roof.polygon for roof in found.roofs])
        warnings += [*found.warnings, *check_under_gateways(shapes, gateways, wish.crs is not None)]
        known = sum(roof.height_known for roof in found.roofs)
        summary = f"{len(found.roofs)} roofs, {len(found.chimneys)} chimneys; {known} roofs with a height"
    else:
        if current is None:
            raise PlaceError("chimneys stand on roofs: import the footprints first")
        roofs = roofs_store.load_roofs(connection, current)
        warnings += check_chimneys(placed.shapes, object_array([roof.polygon for roof in roofs]))
        mouths, doubts = chimneys_of(table, placed.shapes, roofs)
        if not mouths:
            raise PlaceError("has no rows")
        shapes, summary = placed.shapes, f"{len(mouths)} chimneys"
        warnings += doubts
    report = Report(wish.kind, summary, placed.crs, warnings, columns.found, columns.unused, shapes)
    if current is not None and roofs_store.digest_of(connection, current) == digest:
        report.version, report.unchanged = current, True
    elif not dry and wish.kind == "footprints":
        report.version = roofs_store.store_footprints(connection, tenant, wish.path.name, digest, found, at, say)
    elif not dry:
        report.version = roofs_store.store_chimneys(connection, tenant, wish.path.name, digest, mouths, at)
    return report


def _places(connection: Connection, tenant: str, wish: Wish, digest: str, zone: ZoneInfo, at: str, dry: bool) -> Report:
    table = read_table(wish.path, wanted(wish.kind), wish.layer)
    placed = to_wgs84(table, wish.crs, wish.swapped)
    gateways = gateways_of(connection, tenant)
    found, doubts = read_places(wish.kind, table, placed.shapes, zone)
    warnings = [*table.notes, *placed.warnings, *check_bounds(placed.shapes, gateways), *doubts]
    columns = Columns.of(table, wanted(wish.kind))
    report = Report(
        wish.kind, f"{len(found)} entries", placed.crs, warnings, columns.found, columns.unused, placed.shapes
    )
    same = is_in_force(connection, tenant, wish.kind, digest)
    if same is not None:
        report.version, report.unchanged = same, True
    elif not dry:
        report.version = store_places(
            connection, tenant, wish.kind, found,
            source=wish.path.name, digest=digest, crs=placed.crs, warnings=warnings, at=at,
        )  # fmt: skip
    return report


def _terrain(connection: Connection, tenant: str, wish: Wish, digest: str, at: str, dry: bool) -> Report:
    current = roofs_store.current_version(connection, tenant)
    around = None
    if current is not None:
        polygons = [roof.polygon for roof in roofs_store.load_roofs(connection, current)]
        around = bounds_of(object_array(polygons))
    terrain, crs, warnings = read_terrain(wish.path, wish.crs, around)
    rows, columns = terrain.heights_m.shape
    summary = (
        f"{rows} x {columns} samples, {terrain.west:.4f}-{terrain.east:.4f} east, "
        f"{terrain.south:.4f}-{terrain.north:.4f} north"
    )
    report = Report(TERRAIN, summary, crs, warnings)
    same = is_in_force(connection, tenant, TERRAIN, digest)
    if same is not None and current is None:
        report.version, report.unchanged = same, True
    elif not dry:
        report.version = store_terrain(
            connection, tenant, terrain, source=wish.path.name, digest=digest, crs=crs, warnings=warnings, at=at
        )
    return report
