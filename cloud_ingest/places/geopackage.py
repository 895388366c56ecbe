"""GeoPackage → table: an SQLite file whose shapes are WKB behind a short header (OGC 12-128, 2.1.3)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import shapely

from cloud_ingest.places.table import PlaceError, Shapes, Table, check_size, object_array

_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


def read_geopackage(path: Path, layer: str | None) -> Table:
    """Reads one layer; it must be named where there are several. Raises :class:`PlaceError`."""
    try:
        # immutable: a file that somebody mailed is read as it is, without journal and locks beside it
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            return _read(connection, layer)
    except sqlite3.Error as error:
        raise PlaceError(f"is no whole GeoPackage ({error}); export it again") from error


def _read(connection: sqlite3.Connection, layer: str | None) -> Table:
    columns = connection.execute("SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns").fetchall()
    layers = {str(name): (str(column), srs) for name, column, srs in columns}
    if layer is None and len(layers) == 1:
        (layer,) = layers
    if layer not in layers:
        listed = ", ".join(sorted(layers)) or "none"
        raise PlaceError(f"layer {layer!r} is not in it" if layer else f"say --layer NAME; its layers are: {listed}")
    geometry, srs = layers[layer]
    # A view may hide any amount of work behind its name.
    if connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (layer,)).fetchone() != ("table",):
        raise PlaceError(f"layer {layer!r} is not a table")
    table = '"' + layer.replace('"', '""') + '"'
    check_size(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    cursor = connection.execute(f"SELECT * FROM {table}")
    names = [str(description[0]) for description in cursor.description]
    if geometry not in names:
        raise PlaceError(f"layer {layer!r} has no column {geometry!r}, which should hold its shapes")
    rows = cursor.fetchall()
    at = names.index(geometry)
    key = _key(connection, table)
    numbers = [row[names.index(key)] for row in rows] if key in names else list(range(len(rows)))

    def where(index: int) -> str:
        return f"feature {numbers[index]}"

    kept = [name for name in names if name not in {geometry, key}]
    values: dict[str, list[Any]] = {name: [row[names.index(name)] for row in rows] for name in kept}
    return Table(_shapes([row[at] for row in rows], where), values, _crs(connection, srs), where)


def _key(connection: sqlite3.Connection, table: str) -> str | None:
    keys = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
    return keys[0] if len(keys) == 1 else None


def _crs(connection: sqlite3.Connection, srs: Any) -> str | None:
    if srs in {0, -1}:  # the format's numbers for "unknown"
        return None
    found = connection.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (srs,)
    ).fetchone()
    if found is None:
        return None
    organization, number, definition = found
    return f"EPSG:{number}" if str(organization).upper() == "EPSG" else str(definition)


def _shapes(blobs: list[Any], where: Any) -> Shapes:
    wkb: list[bytes | None] = []
    for index, blob in enumerate(blobs):
        if blob is None:
            wkb.append(None)
            continue
        if (
            not isinstance(blob, bytes)
            or blob[:2] != b"GP"
            or len(blob) < 8
            or (blob[3] >> 1) & 7 not in _ENVELOPE_BYTES
        ):
            raise PlaceError(f"{where(index)}: its shape is not in GeoPackage's form; export it again")
        wkb.append(blob[8 + _ENVELOPE_BYTES[(blob[3] >> 1) & 7] :])
    shapes: Shapes = shapely.from_wkb(object_array(list(wkb)), on_invalid="ignore")
    for index, data in enumerate(wkb):
        if data is not None and shapes[index] is None:
            raise PlaceError(f"{where(index)}: its coordinates cannot be read; export it again, without curves")
    return shapes
