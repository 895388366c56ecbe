"""One file into the store: read, brought to WGS-84, checked against the gateways, in force as a version, or refused.

Reading and checking only read the store and may take minutes; what is written then is one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud_ingest.geotag.footprints import CHIMNEY_COLUMNS, FOOTPRINT_COLUMNS, chimneys_of, footprints_of
from cloud_ingest.places.borders import check_against_held, check_borders, check_points
from cloud_ingest.places.columns import Columns
from cloud_ingest.places.crs import to_wgs84
from cloud_ingest.places.datum import check_bounds, check_on_roofs, check_under_gateways
from cloud_ingest.places.kinds import KINDS, Place, read_places, wanted
from cloud_ingest.places.raster import read_terrain
from cloud_ingest.places.read import read_table
from cloud_ingest.places.table import PlaceError, Shapes, bounds_of, object_array
from cloud_ingest.store import footprints as roofs_store
from cloud_ingest.store.places import (
    TERRAIN,
    Provenance,
    gateways_of,
    is_in_force,
    load_places,
    load_terrain,
    store_places,
    store_terrain,
    versions_in_force,
)

ALL_KINDS = ("footprints", "chimneys", *KINDS, TERRAIN)
_BESIDE_SHP = (".shp", ".dbf", ".prj", ".cpg")
_SHOWN = 10
_AROUND_DEG = 0.02  # about 2 km: roofs that borders would cut under another reading

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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that was read and found good, ready to be written."""

    report: Report
    _write: Callable[[Connection, str], int]

    def put_in_force(self, connection: Connection, at: str) -> Report:
        """Writes it as a new version, unless it is in force already. Raises ``PlaceError`` when the roofs under it
        were renewed since it was checked."""
        if not self.report.unchanged:
            self.report.version = self._write(connection, at)
        return self.report


def prepare(connection: Connection, tenant: str, wish: Wish, zone: ZoneInfo, say: Say) -> Prepared:
    """Reads and checks a file; ``zone``: the town's, for its days. Raises ``PlaceError``, whose message says where."""
    say(f"reading {wish.path.name}")
    digest = digest_of(wish)
    if wish.kind == TERRAIN:
        return _terrain(connection, tenant, wish, digest)
    if wish.kind in KINDS:
        return _places(connection, tenant, wish, digest, zone)
    return _roofs(connection, tenant, wish, digest, say)


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


def _roofs(connection: Connection, tenant: str, wish: Wish, digest: str, say: Say) -> Prepared:
    names = FOOTPRINT_COLUMNS if wish.kind == "footprints" else CHIMNEY_COLUMNS
    table = read_table(wish.path, names, wish.layer)
    say(f"{len(table)} features read")
    placed = to_wgs84(table, wish.crs, wish.swapped)
    gateways = gateways_of(connection, tenant)
    doubts = [*table.notes, *placed.warnings, *check_bounds(placed.shapes, gateways)]
    current = roofs_store.current_version(connection, tenant)
    source = wish.path.name
    if wish.kind == "footprints":
        found = footprints_of(table, placed.shapes)
        shapes = object_array([roof.polygon for roof in found.roofs])
        doubts += [*found.warnings, *check_under_gateways(shapes, gateways, wish.crs is not None)]
        known = sum(roof.height_known for roof in found.roofs)
        summary = f"{len(found.roofs)} roofs, {len(found.chimneys)} chimneys; {known} roofs with a height"
    else:
        if current is None:
            raise PlaceError("chimneys stand on roofs: import the footprints first")
        roofs = roofs_store.load_roofs(connection, current)
        doubts += check_on_roofs(placed.shapes, object_array([roof.polygon for roof in roofs]), "chimneys")
        mouths, more = chimneys_of(table, placed.shapes, roofs)
        if not mouths:
            raise PlaceError("has no rows")
        shapes, summary, doubts = placed.shapes, f"{len(mouths)} chimneys", [*doubts, *more]
    columns = Columns.of(table, names)
    report = Report(wish.kind, summary, placed.crs, doubts, columns.found, columns.unused, shapes)
    if current is not None and roofs_store.digest_of(connection, current) == digest:
        report.version, report.unchanged = current, True
    elif wish.kind == "footprints":
        report.warnings = [*doubts, *roofs_store.chimneys_kept(connection, tenant, found)[1]]

    def write(connection: Connection, at: str) -> int:
        if wish.kind == "footprints":
            # Workers that start together on a new store all find the configured file missing from it.
            meanwhile = roofs_store.version_of(connection, tenant, digest)
            if meanwhile is not None:
                report.unchanged = True
                return meanwhile
            version, dropped = roofs_store.store_footprints(connection, tenant, source, digest, found, at, say)
            report.warnings = [*doubts, *dropped]  # of what is in force by now
            return version
        if roofs_store.current_version(connection, tenant) != current:
            raise PlaceError("the footprints were renewed meanwhile: import it again")
        return roofs_store.store_chimneys(connection, tenant, source, digest, mouths, at)

    return Prepared(report, write)


def _places(connection: Connection, tenant: str, wish: Wish, digest: str, zone: ZoneInfo) -> Prepared:
    table = read_table(wish.path, wanted(wish.kind), wish.layer)
    placed = to_wgs84(table, wish.crs, wish.swapped)
    found, mended = read_places(wish.kind, table, placed.shapes, zone)
    doubts = [*table.notes, *placed.warnings, *check_bounds(placed.shapes, gateways_of(connection, tenant)), *mended]
    doubts += _shifted(connection, tenant, wish, found)
    if wish.kind == "responsible":
        doubts += _unknown_cells(connection, tenant, found)
    columns = Columns.of(table, wanted(wish.kind))
    report = Report(
        wish.kind, f"{len(found)} entries", placed.crs, doubts, columns.found, columns.unused, placed.shapes
    )
    same = is_in_force(connection, tenant, wish.kind, digest)
    if same is not None:
        report.version, report.unchanged = same, True

    def write(connection: Connection, at: str) -> int:
        return store_places(
            connection, tenant, wish.kind, found, Provenance(wish.path.name, digest, placed.crs, doubts, at)
        )

    return Prepared(report, write)


def _shifted(connection: Connection, tenant: str, wish: Wish, found: Sequence[Place]) -> list[str]:
    """What speaks for another system than the file says: roofs along its borders or under its points, and the layer in
    force. Raises ``PlaceError``."""
    shapes = object_array([one.shape for one in found])
    bounds, vouched = bounds_of(shapes), wish.crs is not None
    if bounds[0] != bounds[0]:  # nothing of it has a place
        return []
    version = versions_in_force(connection, tenant).get(wish.kind)
    before = [] if version is None else load_places(connection, version)
    here, there = ({one.place: one.shape for one in some} for some in (found, before))
    held = check_against_held(here, there, vouched)
    current = roofs_store.current_version(connection, tenant)
    roofs = object_array([])
    if current is not None:
        roofs = roofs_store.outlines_within(connection, current, [bounds], _AROUND_DEG)
    doubts = [*(held or ()), *check_borders(shapes, roofs, vouched)]
    if wish.kind == "exemptions" and len(roofs) and any(one.geom_type == "Point" for one in shapes if one is not None):
        households = object_array([one for one in shapes if one is not None and one.geom_type == "Point"])
        return [*doubts, *check_on_roofs(households, roofs, "exempt households")]
    return [*doubts, *check_points(shapes, held)]


def _unknown_cells(connection: Connection, tenant: str, people: Sequence[Place]) -> list[str]:
    """Persons of cells that the grids in force do not have: nobody would ever be asked."""
    version = versions_in_force(connection, tenant).get("grids")
    if version is None:
        return ["no grids are in force yet: who is responsible shows when they are imported"]
    cells = {name for place in load_places(connection, version) for name in (place.place, place.name)}
    unknown = sorted({str(one.about["grid"]) for one in people} - cells)
    shown = ", ".join(unknown[:_SHOWN]) + (" ..." if len(unknown) > _SHOWN else "")
    return [f"{len(unknown)} of its cells are not in the grids in force: {shown}"] if unknown else []


def _terrain(connection: Connection, tenant: str, wish: Wish, digest: str) -> Prepared:
    current = roofs_store.current_version(connection, tenant)
    around = None
    if current is not None:
        polygons = [roof.polygon for roof in roofs_store.load_roofs(connection, current)]
        around = bounds_of(object_array(polygons))
    terrain, crs, doubts = read_terrain(wish.path, wish.crs, around)
    rows, columns = terrain.heights_m.shape
    summary = (
        f"{rows} x {columns} samples, {terrain.west:.4f}-{terrain.east:.4f} east, "
        f"{terrain.south:.4f}-{terrain.north:.4f} north"
    )
    report = Report(TERRAIN, summary, crs, doubts)
    same = is_in_force(connection, tenant, TERRAIN, digest)
    if same is not None:  # the same file may be cut anew, for other roofs
        held = load_terrain(connection, same)
        if (held.west, held.north, held.heights_m.shape) == (terrain.west, terrain.north, terrain.heights_m.shape):
            report.version, report.unchanged = same, True

    def write(connection: Connection, at: str) -> int:
        return store_terrain(connection, tenant, terrain, Provenance(wish.path.name, digest, crs, doubts, at))

    return Prepared(report, write)
