"""Footprints in the store: an import is one transaction and one version; old versions stay for old alerts."""

from __future__ import annotations

import hashlib

from shapely.geometry import shape
from sqlalchemy import Connection, func, insert, select

from cloud_ingest.geotag.footprints import Chimney, Footprints, Roof, read_footprints, roof_geojson
from cloud_ingest.store.database import bump
from cloud_ingest.store.schema import chimneys, footprint_versions, rooftops


def import_footprints(connection: Connection, tenant: str, source: str, text: str, at: str) -> tuple[int, Footprints]:
    """Reads, checks and stores a file as the tenant's new version; a file that is in force already changes nothing.

    Returns version and contents. Raises ``geotag.footprints.FootprintError``.
    """
    footprints = read_footprints(text)
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    current = current_version(connection, tenant)
    if current is not None:
        held = connection.execute(
            select(footprint_versions.c.digest).where(footprint_versions.c.version == current)
        ).scalar_one()
        if held == digest:
            return current, footprints
    version = int(connection.execute(select(func.coalesce(func.max(footprint_versions.c.version), 0))).scalar_one()) + 1
    connection.execute(
        insert(footprint_versions).values(
            version=version, tenant=tenant, imported_at=at, source=source, digest=digest, roofs_version=version
        )
    )
    connection.execute(insert(rooftops), [_roof_row(version, roof) for roof in footprints.roofs])
    if footprints.chimneys:
        connection.execute(insert(chimneys), [_chimney_row(version, chimney) for chimney in footprints.chimneys])
    bump(connection, "footprints")
    return version, footprints


def current_version(connection: Connection, tenant: str) -> int | None:
    """The version in force, None when nothing was imported."""
    found = connection.execute(
        select(func.max(footprint_versions.c.version)).where(footprint_versions.c.tenant == tenant)
    ).scalar_one()
    return None if found is None else int(found)


def load_footprints(connection: Connection, version: int) -> tuple[list[Roof], list[Chimney]]:
    """Roofs and chimneys of a version, in the order of their ids."""
    roofs = [
        Roof(row.rooftop, row.name, shape(row.polygon), row.height_m, row.height_known)
        for row in connection.execute(
            select(rooftops).where(rooftops.c.version == version).order_by(rooftops.c.rooftop)
        )
    ]
    flues = [
        Chimney(row.chimney, row.rooftop, row.lat, row.lon, row.height_m)
        for row in connection.execute(
            select(chimneys).where(chimneys.c.version == version).order_by(chimneys.c.chimney)
        )
    ]
    return roofs, flues


def _roof_row(version: int, roof: Roof) -> dict[str, object]:
    inside = roof.polygon.representative_point()
    return {
        "version": version, "rooftop": roof.rooftop, "name": roof.name, "polygon": roof_geojson(roof),
        "height_m": roof.height_m, "height_known": roof.height_known, "lat": inside.y, "lon": inside.x,
    }  # fmt: skip


def _chimney_row(version: int, chimney: Chimney) -> dict[str, object]:
    return {
        "version": version, "chimney": chimney.chimney, "rooftop": chimney.rooftop,
        "lat": chimney.lat, "lon": chimney.lon, "height_m": chimney.height_m,
    }  # fmt: skip
