"""A town's register in the store: an import is one transaction and one version; old versions stay for old alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from cloud_ingest.geotag.register import Circle, Entry, Register
from cloud_ingest.store.footprints import current_version
from cloud_ingest.store.register_schema import register_entries, register_versions
from cloud_ingest.store.schema import footprint_versions, rooftops

_AT_ONCE = 1000


def store_register(
    connection: Connection, tenant: str, source: str, digest: str, entries: Sequence[Entry], at: str
) -> Register:
    """Puts a file's entries in force as the tenant's new version, in the whole register's place; a file that is in
    force already (by its digest, ``store.imports.digest_of``) changes nothing."""
    table = register_versions
    current = current_register(connection, tenant)
    if current is not None:
        held = connection.execute(select(table.c.digest).where(table.c.version == current)).scalar_one()
        if held == digest:
            return Register(current, entries)
    version = int(connection.execute(select(func.coalesce(func.max(table.c.version), 0))).scalar_one()) + 1
    row = {"version": version, "tenant": tenant, "imported_at": at, "source": source, "digest": digest}
    connection.execute(insert(table).values(**row))
    for start in range(0, len(entries), _AT_ONCE):
        some = [_row(version, entry) for entry in entries[start : start + _AT_ONCE]]
        connection.execute(insert(register_entries), some)
    return Register(version, entries)


def current_register(connection: Connection, tenant: str) -> int | None:
    """The version in force, None when nothing was imported."""
    query = select(func.max(register_versions.c.version)).where(register_versions.c.tenant == tenant)
    found = connection.execute(query).scalar_one()
    return None if found is None else int(found)


def load_register(connection: Connection, version: int) -> Register:
    """All of a version, in the file's order."""
    table = register_entries
    rows = connection.execute(select(table).where(table.c.version == version).order_by(table.c.row))
    return Register(version, [_entry(row) for row in rows])


def unknown_rooftops(connection: Connection, tenant: str, register: Register) -> list[Entry]:
    """Entries of rooftops that the footprints in force do not have; none when no footprints are imported."""
    version = current_version(connection, tenant)
    if version is None:
        return []
    table = footprint_versions
    roofs = select(table.c.roofs_version).where(table.c.version == version).scalar_subquery()
    known = set(connection.execute(select(rooftops.c.rooftop).where(rooftops.c.version == roofs)).scalars())
    return [entry for entry in register.entries if entry.rooftop is not None and entry.rooftop not in known]


def _row(version: int, entry: Entry) -> dict[str, Any]:
    circle = entry.circle
    return {
        "version": version, "row": entry.row, "kind": entry.kind, "rooftop": entry.rooftop,
        "lat": circle.lat if circle else None, "lon": circle.lon if circle else None,
        "radius_m": circle.radius_m if circle else None, "fuel": entry.fuel,
        "from_day": entry.from_day.isoformat(), "to_day": entry.to_day.isoformat() if entry.to_day else None,
        "from_hour": entry.from_hour, "to_hour": entry.to_hour, "note": entry.note,
    }  # fmt: skip


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row=row.row,
        kind=row.kind,
        from_day=date.fromisoformat(row.from_day),
        to_day=date.fromisoformat(row.to_day) if row.to_day else None,
        rooftop=row.rooftop,
        circle=Circle(row.lat, row.lon, row.radius_m) if row.lat is not None else None,
        fuel=row.fuel,
        from_hour=row.from_hour,
        to_hour=row.to_hour,
        note=row.note,
    )
