"""Any file that is taken in → table, by its name's ending; its reference system as the file says it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely

from cloud_ingest.places.columns import ANY_NUMBER, NAMES, Columns, normal
from cloud_ingest.places.geojson import read_geojson
from cloud_ingest.places.geopackage import read_geopackage
from cloud_ingest.places.shapefiles import read_shapefile
from cloud_ingest.places.spreadsheet import Known, read_csv, read_workbook
from cloud_ingest.places.table import PlaceError, Table, object_array

_MAX_TEXT_BYTES = 1_500_000_000
SHEETS = (".csv", ".xlsx", ".xls", ".ods")
ENDINGS = (".geojson", ".json", ".shp", ".zip", ".gpkg", *SHEETS)


def read_table(path: Path, wanted: tuple[str, ...], layer: str | None = None) -> Table:
    """Reads a file of features or rows. ``wanted``: our names of the columns that count. Raises :class:`PlaceError`."""
    names = {alias for ours in (*wanted, "lon", "lat", "wkt") for alias in NAMES[ours]}
    ending = path.suffix.lower()
    try:
        if ending in {".geojson", ".json"}:
            if path.stat().st_size > _MAX_TEXT_BYTES:
                raise PlaceError(f"has more than {_MAX_TEXT_BYTES} bytes: split it by district")
            return read_geojson(path.read_bytes())
        if not path.is_file():
            raise PlaceError("is no file")
        if ending in {".shp", ".zip"}:
            return read_shapefile(path)
        if ending == ".gpkg":
            return read_geopackage(path, layer)
        if ending in SHEETS:
            return _placed(read_rows(path, lambda name: normal(name) in names, layer))
    except OSError as error:
        raise PlaceError(f"cannot be read ({error.strerror})") from error
    raise PlaceError(f"{ending or 'a name without ending'} is not read; expected one of {', '.join(ENDINGS)}")


def read_rows(path: Path, known: Known, layer: str | None = None) -> Table:
    """Reads a file of rows, whatever they mean. ``known``: whether a column's name means something. Raises
    :class:`PlaceError`, and ``OSError`` for a file that cannot be read."""
    ending = path.suffix.lower()
    if ending == ".csv":
        return read_csv(path, known)
    if ending in SHEETS:
        return read_workbook(path, layer, known)
    raise PlaceError(f"{ending or 'a name without ending'} is no spreadsheet; expected one of {', '.join(SHEETS)}")


def _placed(table: Table) -> Table:
    """Rows' shapes from their columns: longitude and latitude, or a border in WKT. None where the cells are empty."""
    columns = Columns.of(table, ("wkt", "lon", "lat"))
    shapes: list[object] = []
    for index in range(len(table)):
        where, text = table.where(index), columns.value("wkt", index)
        if text is not None:
            try:
                shapes.append(shapely.from_wkt(str(text)))
            except (shapely.errors.ShapelyError, TypeError) as error:
                raise PlaceError(
                    f"{where}: {columns.found['wkt']} is no shape in WKT, such as POLYGON ((...))"
                ) from error
            continue
        x = columns.number("lon", index, "a longitude or easting", -ANY_NUMBER, ANY_NUMBER)
        y = columns.number("lat", index, "a latitude or northing", -ANY_NUMBER, ANY_NUMBER)
        if (x is None) != (y is None):
            raise PlaceError(f"{where}: has one coordinate of two; expected longitude and latitude")
        shapes.append(None if x is None else shapely.Point(x, y))
    used = {columns.found[name] for name in columns.found}
    rest = {name: values for name, values in table.columns.items() if name not in used}
    placed = object_array(shapes) if shapes else np.empty(0, dtype=object)
    return Table(placed, rest, table.crs, table.where, table.notes)
