"""Layers of places and terrain in the store: an import is one transaction and one version; old versions stay."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from sqlalchemy import Connection, Text, cast, func, insert, select

from cloud_ingest.geotag.lies import Layer
from cloud_ingest.geotag.terrain import Terrain
from cloud_ingest.places.datum import Gateway, check_under_gateways
from cloud_ingest.places.kinds import KINDS, Place
from cloud_ingest.places.table import PlaceError
from cloud_ingest.store.bulk import encoded, insert_rows
from cloud_ingest.store.database import bump
from cloud_ingest.store.footprints import current_version, outlines_within
from cloud_ingest.store.places_schema import place_versions, places, terrains
from cloud_ingest.store.schema import camera_poses, gateways

TERRAIN = "terrain"
_AROUND_DEG = 0.02  # about 2 km
_MOST_ASKED = 40


class LayerCache:
    """The layers in force, read again only when a newer version of one is there; older ones are dropped."""

    def __init__(self) -> None:
        self._layers: dict[tuple[str, str], Layer] = {}  # by tenant and kind

    def of(self, connection: Connection, tenant: str) -> dict[str, Layer]:
        """Kind -> layer, of the kinds that were ever imported."""
        found: dict[str, Layer] = {}
        for kind, version in versions_in_force(connection, tenant).items():
            if kind not in KINDS:
                continue
            layer = self._layers.get((tenant, kind))
            if layer is None or layer.version != version:
                layer = self._layers[tenant, kind] = Layer.of(version, load_places(connection, version))
            found[kind] = layer
        return found


def versions_in_force(connection: Connection, tenant: str) -> dict[str, int]:
    """Kind -> version."""
    table = place_versions
    newest = select(table.c.kind, func.max(table.c.version)).where(table.c.tenant == tenant).group_by(table.c.kind)
    return {str(kind): int(version) for kind, version in connection.execute(newest)}


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a version came from: the file's name and digest, the reference system its coordinates were read in, what was
    doubtful about it, and when it was put in force (on the wire's form)."""

    source: str
    digest: str
    crs: str
    warnings: Sequence[str]
    at: str


def store_places(connection: Connection, tenant: str, kind: str, found: Sequence[Place], provenance: Provenance) -> int:
    """Puts a layer in force as a new version."""
    version = _new_version(connection, tenant, kind, provenance)
    rows = [
        (
            *(version, one.place, one.name, None if one.shape is None else shapely.to_geojson(one.shape)),
            *(one.valid_from, one.valid_until, encoded(one.about)),
        )
        for one in found
    ]
    columns = ("version", "place", "name", "geometry", "valid_from", "valid_until", "about")
    insert_rows(connection, places, columns, rows)
    bump(connection, "footprints")
    return version


def load_places(connection: Connection, version: int) -> list[Place]:
    """The entries of a version, in the order of their ids."""
    outline = cast(places.c.geometry, Text).label("outline")  # as text: shapely reads it many times faster
    query = select(places, outline).where(places.c.version == version).order_by(places.c.place)
    rows = connection.execute(query).all()
    shapes = shapely.from_geojson([None if row.geometry is None else row.outline for row in rows]) if rows else []
    return [
        Place(row.place, row.name, shape, row.valid_from, row.valid_until, row.about)
        for row, shape in zip(rows, shapes, strict=True)
    ]


def store_terrain(connection: Connection, tenant: str, terrain: Terrain, provenance: Provenance) -> int:
    """Puts an elevation model in force as a new version."""
    version = _new_version(connection, tenant, TERRAIN, provenance)
    rows, columns = terrain.heights_m.shape
    connection.execute(
        insert(terrains).values(
            version=version, west=terrain.west, north=terrain.north, step_lon=terrain.step_lon,
            step_lat=terrain.step_lat, rows=rows, columns=columns,
            heights=zlib.compress(terrain.heights_m.astype("<f4").tobytes(), 6),
        )
    )  # fmt: skip
    bump(connection, "footprints")
    return version


def load_terrain(connection: Connection, version: int) -> Terrain:
    """The elevation model of a version."""
    row = connection.execute(select(terrains).where(terrains.c.version == version)).one()
    heights = np.frombuffer(zlib.decompress(row.heights), "<f4").reshape(row.rows, row.columns).astype(np.float32)
    return Terrain(heights, row.west, row.north, row.step_lon, row.step_lat)


def gateways_of(connection: Connection, tenant: str) -> list[Gateway]:
    """Where a town's gateways stand, as their cameras' newest poses say; several cameras of one are one."""
    newest = select(func.max(camera_poses.c.id)).group_by(camera_poses.c.gateway)
    query = (
        select(camera_poses.c.gateway, camera_poses.c.pose)
        .join(gateways, gateways.c.gateway == camera_poses.c.gateway)
        .where(gateways.c.tenant == tenant, camera_poses.c.id.in_(newest))
        .order_by(camera_poses.c.gateway)
    )
    rows = connection.execute(query)
    return [Gateway(row.gateway, row.pose["place"]["lat"], row.pose["place"]["lon"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against the footprints in force; ``wrong``: beyond doubt in the wrong place."""

    text: str
    wrong: bool

    def __str__(self) -> str:
        return f"IN THE WRONG PLACE: {self.text}" if self.wrong else self.text


def doubts_about_footprints(connection: Connection, tenant: str) -> tuple[Doubt, ...]:
    """What the gateways' places say, now, of the footprints in force; only roofs around gateways are read."""
    version, gateways = current_version(connection, tenant), gateways_of(connection, tenant)[:_MOST_ASKED]
    if version is None:
        return ()
    if not gateways:
        text = "no gateway has announced its place yet: whether they are really WGS-84 could not be checked"
        return (Doubt(text, False),)
    boxes = [(one.lon, one.lat, one.lon, one.lat) for one in gateways]
    outlines = outlines_within(connection, version, boxes, _AROUND_DEG)
    if not len(outlines):
        return (Doubt("no roof of them lies within 2 km of any gateway: is it this town's file?", True),)
    try:
        return tuple(Doubt(text, False) for text in check_under_gateways(outlines, gateways, vouched=True))
    except PlaceError as error:
        return (Doubt(str(error), True),)


class FootprintDoubts:
    """:func:`doubts_about_footprints`, worked out again only when footprints or gateways' places are newer."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[tuple[int | None, int | None], tuple[Doubt, ...]]] = {}  # by tenant

    def of(self, connection: Connection, tenant: str) -> tuple[Doubt, ...]:
        """Those of a town's footprints in force."""
        newest = connection.execute(select(func.max(camera_poses.c.id))).scalar_one()
        made_of = (current_version(connection, tenant), newest)
        held = self._held.get(tenant)
        if held is None or held[0] != made_of:
            held = self._held[tenant] = made_of, doubts_about_footprints(connection, tenant)
        return held[1]


def is_in_force(connection: Connection, tenant: str, kind: str, digest: str) -> int | None:
    """The version in force, if it came from the very same file."""
    table = place_versions
    version = versions_in_force(connection, tenant).get(kind)
    held = connection.execute(select(table.c.digest).where(table.c.version == version)).scalar_one_or_none()
    return version if held == digest else None


def _new_version(connection: Connection, tenant: str, kind: str, provenance: Provenance) -> int:
    table = place_versions
    version = int(connection.execute(select(func.coalesce(func.max(table.c.version), 0))).scalar_one()) + 1
    connection.execute(
        insert(table).values(
            version=version, tenant=tenant, kind=kind, imported_at=provenance.at, source=provenance.source,
            digest=provenance.digest, crs=provenance.crs, warnings=list(provenance.warnings),
        )
    )  # fmt: skip
    return version
