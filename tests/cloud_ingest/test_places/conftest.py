"""Files as other people's programs write them: GDAL by pyogrio and rasterio, Excel files by openpyxl."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import shapely

LAT, LON = 38.4700, 106.2900  # Yinchuan


@pytest.fixture
def squares():
    """Forty houses in a village street, WGS-84."""
    i = np.arange(40)
    x, y = LON + (i % 8) * 2.4e-4, LAT + (i // 8) * 2.2e-4
    return shapely.box(x, y, x + 1.2e-4, y + 0.9e-4)


@pytest.fixture
def written(tmp_path):
    """Writes shapes and columns by GDAL; zips a Shapefile's parts where the name ends in .zip."""

    def write(name, shapes, columns, crs="EPSG:4326", **options):
        path = tmp_path / name
        target = path.with_suffix(".shp") if path.suffix == ".zip" else path
        kind = {"Polygon": "Polygon", "Point": "Point", "MultiPolygon": "MultiPolygon"}[shapes[0].geom_type]
        fields = [
            np.asarray(values, dtype=object if isinstance(values[0], str) else None) for values in columns.values()
        ]
        pyogrio.raw.write(target, shapely.to_wkb(shapes), fields, list(columns), geometry_type=kind, crs=crs, **options)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for part in sorted(Path(target).parent.glob(f"{target.stem}.*")):
                    if part != path:
                        archive.write(part, f"图层/{part.name}")
        return path

    return write
