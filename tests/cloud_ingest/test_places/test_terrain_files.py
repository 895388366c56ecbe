"""Elevation models as rasterio writes them, in degrees and in metres, compressed and tiled, to the town's terrain."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.transform import from_origin

from cloud_ingest.places.raster import read_terrain
from cloud_ingest.places.table import PlaceError

LAT, LON = 38.4700, 106.2900
TOWN = (LON, LAT, LON + 0.02, LAT + 0.02)


def _height(lon, lat):
    return 1100 + (lon - LON) * 3000 + (lat - LAT) * 2000


def _geographic(path, *, dtype="float32", step=1 / 3600, holes=False, area=0.06, **options):
    west, north = LON - area, LAT + area
    n = int(2 * area / step)
    lon, lat = west + (np.arange(n) + 0.5) * step, north - (np.arange(n) + 0.5) * step
    heights = _height(lon[None, :], lat[:, None]).astype(dtype)
    if holes:
        heights[:, : n // 3] = -9999
    with rasterio.open(
        path, "w", driver="GTiff", width=n, height=n, count=1, dtype=dtype, crs="EPSG:4326",
        transform=from_origin(west, north, step, step), nodata=-9999, **options,
    ) as file:  # fmt: skip
        file.write(heights, 1)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress": "deflate", "predictor": 3, "tiled": True},
        {"compress": "lzw", "predictor": 2, "dtype": "int16"},
        {"compress": "packbits", "BIGTIFF": "YES"},
        {"dtype": "int32"},
    ],
)
def test_degrees_in_every_packing(tmp_path, options):
    terrain, crs, warnings = read_terrain(_geographic(tmp_path / "dem.tif", **options), None, TOWN)
    assert (crs, warnings) == ("WGS 84", [])
    lon, lat = np.meshgrid(np.linspace(TOWN[0], TOWN[2], 9), np.linspace(TOWN[1], TOWN[3], 9))
    found = terrain.heights_at(lat.ravel(), lon.ravel())
    assert np.abs(found - _height(lon, lat).ravel()).max() < (1.0 if "int" in str(options.get("dtype")) else 0.02)
    assert terrain.west <= TOWN[0] - 0.029 and terrain.heights_m.size < 200_000, "cut to the town and 3 km around"


@pytest.mark.parametrize("crs", ["EPSG:32648", "EPSG:4544"])
def test_metres_are_brought_to_degrees(tmp_path, crs):
    move = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    x, y = move.transform(LON + 0.01, LAT + 0.01)
    n, step = 500, 25.0
    east, north = x - n * step / 2 + (np.arange(n) + 0.5) * step, y + n * step / 2 - (np.arange(n) + 0.5) * step
    lon, lat = move.transform(*np.meshgrid(east, north), direction="INVERSE")
    with rasterio.open(
        tmp_path / "dem.tif", "w", driver="GTiff", width=n, height=n, count=1, dtype="float32", crs=crs,
        transform=from_origin(x - n * step / 2, y + n * step / 2, step, step),
    ) as file:  # fmt: skip
        file.write(_height(lon, lat).astype("float32"), 1)
    terrain, _, _ = read_terrain(tmp_path / "dem.tif", None, TOWN)
    lon, lat = np.meshgrid(np.linspace(TOWN[0], TOWN[2], 9), np.linspace(TOWN[1], TOWN[3], 9))
    assert np.abs(terrain.heights_at(lat.ravel(), lon.ravel()) - _height(lon, lat).ravel()).max() < 0.1


def test_pixel_is_point_lies_half_a_step_elsewhere(tmp_path):
    path = _geographic(tmp_path / "dem.tif")
    with rasterio.open(path, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    area, _, _ = read_terrain(_geographic(tmp_path / "area.tif"), None, None)
    point, _, _ = read_terrain(path, None, None)
    # GDAL keeps the corner when it writes: both readings must put the same height at the same place.
    assert point.height_at(LAT, LON) == pytest.approx(area.height_at(LAT, LON), abs=0.02)


def test_what_is_doubtful_is_said(tmp_path):
    _, _, warnings = read_terrain(_geographic(tmp_path / "a.tif", holes=True), None, None)
    assert "33.3% of its samples have no height" in warnings[0]
    assert "no footprints are in force yet" in warnings[1]
    small = _geographic(tmp_path / "b.tif", area=0.015)
    assert "does not cover the whole town" in read_terrain(small, None, TOWN)[2][0]


def _tiff(path, array, **options):
    with rasterio.open(
        path, "w", driver="GTiff", width=array.shape[2], height=array.shape[1], count=array.shape[0], dtype=array.dtype,
        **{"transform": from_origin(LON, LAT, 0.001, 0.001), "crs": "EPSG:4326"} | options,
    ) as file:  # fmt: skip
        file.write(array)
    return path


@pytest.mark.parametrize(
    ("array", "options", "said"),
    [
        (np.zeros((3, 9, 9), np.uint8), {}, "has 3 bands"),
        (np.zeros((1, 9, 9), np.uint8), {}, "a picture's; expected heights in metres"),
        (np.full((1, 9, 9), 30_000, np.int16), {}, "heights reach from 30000"),
        (np.zeros((1, 9, 9), np.int16), {"crs": None}, "does not name its coordinate system"),
        (np.zeros((1, 9, 9), np.int16), {"transform": from_origin(10, 50, 0.001, 0.001)}, "is it the right tile"),
        (np.full((1, 99, 99), -9999, np.float32), {"nodata": -9999}, "has no height where the town is"),
    ],
)
def test_what_is_no_elevation_model_of_the_town_is_refused(tmp_path, array, options, said):
    with pytest.raises(PlaceError, match=said):
        read_terrain(_tiff(tmp_path / "a.tif", array, **options), None, TOWN)


@pytest.mark.parametrize("cut", [0, 7, 200, 3000, 60_000])
def test_a_damaged_file_is_refused_in_words(tmp_path, cut):
    data = _geographic(tmp_path / "a.tif", compress="deflate").read_bytes()
    (tmp_path / "b.tif").write_bytes(data[:cut])
    with pytest.raises(PlaceError, match="GeoTIFF"):
        read_terrain(tmp_path / "b.tif", None, TOWN)
