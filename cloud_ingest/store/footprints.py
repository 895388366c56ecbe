"""Footprints in the store: an import is one transaction and one version; old versions stay for old alerts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import shapely
from sqlalchemy import Connection, Text, cast, func, insert, or_, select

from cloud_ingest.geotag.footprints import Chimney, Footprints, Roof, read_footprints
from cloud_ingest.geotag.town import Frame
from cloud_ingest.places.table import Shapes, object_array
from cloud_ingest.store.bulk import insert_rows
from cloud_ingest.store.database import bump
from cloud_ingest.store.schema import changes, chimneys, footprint_versions, rooftops

_AT_ONCE = 20_000  # roofs written or read in one go: bounds the memory beside the roofs themselves
_BESIDE_M = 5.0  # of its roof's outline: a flue may stand at the wall, and outlines are redrawn

Say = Callable[[str], None]


def import_footprints(connection: Connection, tenant: str, source: str, text: str, at: str) -> tuple[int, Footprints]:
    """Reads, checks and stores GeoJSON as the tenant's new version; what is in force already changes nothing.

    Returns version and contents. Raises ``places.table.PlaceError``.
    """
    footprints = read_footprints(text)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    current = current_version(connection, tenant)
    if current is not None and digest_of(connection, current) == digest:
        return current, footprints
    return store_footprints(connection, tenant, source, digest, footprints, at)[0], footprints


def store_footprints(
    connection: Connection,
    tenant: str,
    source: str,
    digest: str,
    footprints: Footprints,
    at: str,
    say: Say = lambda _: None,
) -> tuple[int, list[str]]:
    """Puts roofs and chimneys in force as a new version; gives it. A file without chimneys leaves those of the version
    before that are still on their roofs, and what is to be said of the others is given, too (:func:`chimneys_kept`)."""
    kept, dropped = chimneys_kept(connection, tenant, footprints)
    version = _new_version(connection, tenant, source, digest, at, None)
    columns = ("version", "rooftop", "name", "polygon", "height_m", "height_known", "lat", "lon")
    for start in range(0, len(footprints.roofs), _AT_ONCE):
        some = footprints.roofs[start : start + _AT_ONCE]
        polygons = [roof.polygon for roof in some]
        texts, inside = shapely.to_geojson(polygons), shapely.get_coordinates(shapely.point_on_surface(polygons))
        rows = [
            (version, roof.rooftop, roof.name, text, roof.height_m, roof.height_known, float(lat), float(lon))
            for roof, text, (lon, lat) in zip(some, texts, inside, strict=True)
        ]
        insert_rows(connection, rooftops, columns, rows)
        say(f"{start + len(some)} of {len(footprints.roofs)} roofs written")
    _write_chimneys(connection, version, kept)
    bump(connection, "footprints")
    return version, dropped


def chimneys_kept(connection: Connection, tenant: str, footprints: Footprints) -> tuple[Sequence[Chimney], list[str]]:
    """A file's own chimneys; without any, those in force that lie on or beside their roofs' outlines in it. And what is
    to be said of the others: roofs that were redrawn elsewhere would look for their smoke where they were."""
    current = None if footprints.chimneys else current_version(connection, tenant)
    held = [] if current is None else _load_chimneys(connection, current)
    if not held:
        return footprints.chimneys, []
    roofs = {roof.rooftop: roof.polygon for roof in footprints.roofs}
    there = [mouth for mouth in held if mouth.rooftop in roofs]
    frame = Frame(held[0].lat, held[0].lon)
    outlines = shapely.transform(object_array([roofs[mouth.rooftop] for mouth in there]), frame.lon_lat_to_xy)
    points = shapely.points([one.lon for one in there], [one.lat for one in there])
    mouths = shapely.transform(points, frame.lon_lat_to_xy)
    near = shapely.distance(outlines, mouths) <= _BESIDE_M
    kept, said = [mouth for mouth, stays in zip(there, near, strict=True) if stays], []
    if gone := len(held) - len(there):
        said.append(f"{gone} of the {len(held)} chimneys in force go with their roofs, which are not in this file")
    if astray := len(there) - len(kept):
        said.append(
            f"{astray} of the {len(held)} chimneys in force lie more than {_BESIDE_M:g} m off the roofs of this file "
            "that they were registered on and are dropped: import the chimneys again, with the --crs that is right "
            "for them"
        )
    return kept, said


def store_chimneys(
    connection: Connection, tenant: str, source: str, digest: str, mouths: Sequence[Chimney], at: str
) -> int:
    """Puts chimneys in force on the roofs that are in force, as a new version that shares them."""
    current = current_version(connection, tenant)
    version = _new_version(connection, tenant, source, digest, at, current)
    _write_chimneys(connection, version, mouths)
    bump(connection, "footprints")
    return version


def outlines_within(
    connection: Connection, version: int, boxes: Sequence[tuple[float, float, float, float]], more_deg: float
) -> Shapes:
    """Outlines of a version's roofs whose middle lies in any of the boxes (west, south, east, north), widened."""
    around = [
        rooftops.c.lon.between(west - more_deg, east + more_deg)
        & rooftops.c.lat.between(south - more_deg, north + more_deg)
        for west, south, east, north in boxes
    ]
    query = select(cast(rooftops.c.polygon, Text)).where(rooftops.c.version == roofs_version(version), or_(*around))
    outlines = connection.execute(query).scalars().all()
    return np.asarray(shapely.from_geojson(outlines), object) if outlines else object_array([])


def current_version(connection: Connection, tenant: str) -> int | None:
    """The version in force, None when nothing was imported."""
    found = connection.execute(
        select(func.max(footprint_versions.c.version)).where(footprint_versions.c.tenant == tenant)
    ).scalar_one()
    return None if found is None else int(found)


def version_of(connection: Connection, tenant: str, digest: str) -> int | None:
    """The version in force, if this very file made it. In a transaction that writes; first waits for whoever is putting
    another one in force, and holds up the next until the transaction ends."""
    connection.execute(select(changes.c.counter).where(changes.c.subject == "footprints").with_for_update())
    current = current_version(connection, tenant)
    return current if current is not None and digest_of(connection, current) == digest else None


def digest_of(connection: Connection, version: int) -> str:
    """Of the file that made a version."""
    query = select(footprint_versions.c.digest).where(footprint_versions.c.version == version)
    return str(connection.execute(query).scalar_one())


def was_imported(connection: Connection, tenant: str, digest: str) -> bool:
    """Whether a file ever was a version of the tenant's."""
    table = footprint_versions
    query = select(table.c.version).where(table.c.tenant == tenant, table.c.digest == digest)
    return connection.execute(query).first() is not None


def load_footprints(connection: Connection, version: int) -> tuple[list[Roof], list[Chimney]]:
    """Roofs and chimneys of a version, in the order of their ids."""
    return load_roofs(connection, version), _load_chimneys(connection, version)


def load_roofs(connection: Connection, version: int) -> list[Roof]:
    """Roofs of a version, in the order of their ids."""
    rows = connection.execute(
        select(
            *(rooftops.c[name] for name in ("rooftop", "name", "height_m", "height_known")),
            cast(rooftops.c.polygon, Text).label("outline"),  # as text: shapely reads it many times faster
        )
        .where(rooftops.c.version == roofs_version(version))
        .order_by(rooftops.c.rooftop)
        .execution_options(yield_per=_AT_ONCE)
    )
    roofs: list[Roof] = []
    for some in rows.partitions():
        polygons = shapely.from_geojson([row.outline for row in some])
        roofs += [
            Roof(row.rooftop, row.name, polygon, row.height_m, row.height_known)
            for row, polygon in zip(some, polygons, strict=True)
        ]
    return roofs


def roofs_version(version: int | None) -> object:
    """As part of a query: the version whose rows in ``rooftops`` a version of footprints uses."""
    return select(footprint_versions.c.roofs_version).where(footprint_versions.c.version == version).scalar_subquery()


def _load_chimneys(connection: Connection, version: int) -> list[Chimney]:
    query = select(chimneys).where(chimneys.c.version == version).order_by(chimneys.c.chimney)
    return [Chimney(row.chimney, row.rooftop, row.lat, row.lon, row.height_m) for row in connection.execute(query)]


def _new_version(connection: Connection, tenant: str, source: str, digest: str, at: str, roofs_of: int | None) -> int:
    version = int(connection.execute(select(func.coalesce(func.max(footprint_versions.c.version), 0))).scalar_one()) + 1
    if roofs_of is not None:
        query = select(footprint_versions.c.roofs_version).where(footprint_versions.c.version == roofs_of)
        roofs_of = int(connection.execute(query).scalar_one())
    connection.execute(
        insert(footprint_versions).values(
            version=version, tenant=tenant, imported_at=at, source=source, digest=digest,
            roofs_version=version if roofs_of is None else roofs_of,
        )
    )  # fmt: skip
    return version


def _write_chimneys(connection: Connection, version: int, mouths: Sequence[Chimney]) -> None:
    columns = ("version", "chimney", "rooftop", "lat", "lon", "height_m")
    rows = [(version, one.chimney, one.rooftop, one.lat, one.lon, one.height_m) for one in mouths]
    insert_rows(connection, chimneys, columns, rows)
