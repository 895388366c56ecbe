"""GeoTIFF → :class:`~cloud_ingest.geotag.terrain.Terrain`: an elevation model in WGS-84 degrees, cut to the town."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pyproj.exceptions import ProjError

from cloud_ingest.geotag.terrain import Terrain
from cloud_ingest.places.table import PlaceError

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]  # west, south, east, north in degrees

_SCALE, _TIEPOINT, _MATRIX, _KEYS, _NODATA = 33550, 33922, 34264, 34735, 42113  # tags of GeoTIFF 1.1 and of GDAL
_GEOGRAPHIC, _PROJECTED, _RASTER_TYPE, _USER_DEFINED, _PIXEL_IS_POINT = 2048, 3072, 1025, 32767, 2
_MAX_FILE_CELLS = 50_000_000
_MAX_CELLS = 9_000_000  # kept; at 30 m a town of 90 by 90 km
_LOWEST_M, _HIGHEST_M = -450.0, 8900.0
_MARGIN_DEG = 0.03  # about 3 km around the roofs: hills beside the town may stand in the line of sight


@dataclass(frozen=True, slots=True)
class _Raster:
    heights: NDArray[np.float32]
    origin: tuple[float, float]  # x and y of the middle of the first cell
    step: tuple[float, float]  # to the next column (x, positive) and to the next row (y, negative)
    crs: pyproj.CRS


def read_terrain(path: Path, stated: str | None, around: Bounds | None) -> tuple[Terrain, str, list[str]]:
    """Elevation model, the system it was in, and doubts. ``around``: the roofs' bounds, where footprints are imported.

    Raises :class:`PlaceError`.
    """
    raster = _read(path, stated)
    if around is not None:
        west, south, east, north = around
        around = (west - _MARGIN_DEG, south - _MARGIN_DEG, east + _MARGIN_DEG, north + _MARGIN_DEG)
    terrain = _in_degrees(raster, around)
    known = np.isfinite(terrain.heights_m)
    warnings = []
    if not known.any():
        raise PlaceError("has no height where the town is: is it the right tile?")
    low, high = float(np.nanmin(terrain.heights_m)), float(np.nanmax(terrain.heights_m))
    if not _LOWEST_M <= low <= high <= _HIGHEST_M:
        raise PlaceError(f"its heights reach from {low:g} to {high:g}; expected metres above the sea")
    if not known.all():
        warnings.append(f"{1 - known.mean():.1%} of its samples have no height; the ground is taken to be flat there")
    if around is not None and not _covers(terrain, around):
        warnings.append(
            "it does not cover the whole town and 3 km around it; beyond its edge the ground is taken to be flat"
        )
    if around is None:
        warnings.append("no footprints are in force yet: the whole file was taken; import it again after them")
    return terrain, raster.crs.name, warnings


def _read(path: Path, stated: str | None) -> _Raster:
    try:
        # The size is checked before anything is decoded, by our own bound: Pillow's would warn first.
        with Image.open(path, formats=("TIFF",)) as image:
            columns, rows = image.size
            if rows * columns > _MAX_FILE_CELLS:
                raise PlaceError(f"has {columns} x {rows} cells; cut it to the town (at most {_MAX_FILE_CELLS} cells)")
            tags: dict[int, Any] = dict(image.tag_v2)  # type: ignore[attr-defined]
            bands = image.getbands()
            if len(bands) != 1:
                raise PlaceError(f"has {len(bands)} bands; an elevation model has one, of heights in metres")
            cells = np.asarray(image)
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PlaceError("is no GeoTIFF that can be read; save it as GeoTIFF with Float32 or Int16 heights") from error
    except PlaceError:
        raise
    except Exception as error:  # damaged files make Pillow raise many things
        raise PlaceError(f"is no whole GeoTIFF ({type(error).__name__}: {error}); export it again") from error
    if cells.dtype.kind not in "iuf" or cells.dtype.itemsize == 1:
        raise PlaceError(f"its cells are {cells.dtype}, a picture's; expected heights in metres (Float32 or Int16)")
    heights = cells.astype(np.float32)
    nodata = _nodata(tags)
    heights[~np.isfinite(heights) | (heights == nodata) | (heights <= -9999) | (np.abs(heights) > 1e6)] = np.nan
    keys = _geo_keys(tags)
    origin, step = _place(tags, keys)
    return _Raster(heights, origin, step, _crs(keys, stated))


def _nodata(tags: dict[int, Any]) -> float:
    try:
        return float(np.float32(float(str(tags[_NODATA]).strip("\0 "))))
    except (KeyError, ValueError, OverflowError):
        return float("nan")


def _geo_keys(tags: dict[int, Any]) -> dict[int, int]:
    """The directory's keys whose values stand in it; texts and doubles are not needed."""
    numbers = [int(number) for number in tags.get(_KEYS, ())]
    entries = (numbers[at : at + 4] for at in range(4, len(numbers) - 3, 4))
    return {key: value for key, location, _, value in entries if location == 0}


def _place(tags: dict[int, Any], keys: dict[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    scale, tie, matrix = (tuple(float(n) for n in tags.get(tag, ())) for tag in (_SCALE, _TIEPOINT, _MATRIX))
    if len(scale) >= 2 and len(tie) == 6:
        step = (scale[0], -scale[1])
        corner = (tie[3] - tie[0] * step[0], tie[4] - tie[1] * step[1])
    elif len(matrix) == 16 and matrix[1] == matrix[4] == 0:
        step, corner = (matrix[0], matrix[5]), (matrix[3], matrix[7])
    else:
        raise PlaceError("does not say where it lies (no tie point with scale), or is turned; export it as GeoTIFF")
    if not (step[0] > 0 > step[1]):
        raise PlaceError("its rows do not run from north to south; export it again")
    half = 0.0 if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT else 0.5
    return (corner[0] + half * step[0], corner[1] + half * step[1]), step


def _crs(keys: dict[int, int], stated: str | None) -> pyproj.CRS:
    numbers = [keys.get(key, 0) for key in (_PROJECTED, _GEOGRAPHIC)]
    said = next((f"EPSG:{number}" for number in numbers if 0 < number < _USER_DEFINED), None)
    wanted = {"WGS-84": "EPSG:4326", "CGCS2000": "EPSG:4490"}.get(stated or "", stated) or said
    if wanted is None:
        raise PlaceError("does not name its coordinate system by an EPSG number; say --crs EPSG:NUMBER")
    try:
        return pyproj.CRS.from_user_input(wanted)
    except ProjError as error:
        raise PlaceError(f"its coordinate system {wanted!r} is not known; say --crs EPSG:NUMBER") from error


def _in_degrees(raster: _Raster, around: Bounds | None) -> Terrain:
    """Cut to the town; resampled between four cells where the file is not in degrees itself."""
    if raster.crs.is_geographic:
        terrain = Terrain(raster.heights, *raster.origin, raster.step[0], -raster.step[1])
        return _cut(terrain, around)
    transformer = pyproj.Transformer.from_crs(raster.crs, "OGC:CRS84", always_xy=True)
    rows, columns = raster.heights.shape
    x0, y0 = raster.origin
    x1, y1 = x0 + (columns - 1) * raster.step[0], y0 + (rows - 1) * raster.step[1]
    bounds = transformer.transform_bounds(x0, y1, x1, y0)
    if not np.isfinite(bounds).all():
        raise PlaceError(f"lies nowhere on earth in {raster.crs.name}")
    west, south, east, north = bounds if around is None else _shared(bounds, around)
    middle_x, middle_y = transformer.transform((west + east) / 2, (south + north) / 2, direction="INVERSE")
    lon, lat = transformer.transform([middle_x, middle_x + raster.step[0]], [middle_y, middle_y + raster.step[1]])
    step_lon, step_lat = abs(lon[1] - lon[0]), abs(lat[1] - lat[0])
    across, down = int((east - west) / step_lon) + 1, int((north - south) / step_lat) + 1
    _check_cells(across, down)
    grid_lon, grid_lat = west + np.arange(across) * step_lon, north - np.arange(down) * step_lat
    # The file as a terrain of its own in the file's metres would be checked as degrees: sampled here.
    heights = np.empty((down, across), np.float32)
    for row, latitude in enumerate(grid_lat):
        x, y = transformer.transform(grid_lon, np.full(across, latitude), direction="INVERSE")
        heights[row] = _between(raster, np.asarray(x), np.asarray(y))
    return Terrain(heights, float(west), float(north), float(step_lon), float(step_lat))


def _between(raster: _Raster, x: Floats, y: Floats) -> Floats:
    rows, columns = raster.heights.shape
    right, down = (x - raster.origin[0]) / raster.step[0], (y - raster.origin[1]) / raster.step[1]
    inside = (right >= 0) & (right <= columns - 1) & (down >= 0) & (down <= rows - 1)
    right, down = np.where(inside, right, 0.0), np.where(inside, down, 0.0)
    column, row = np.minimum(right.astype(int), columns - 2), np.minimum(down.astype(int), rows - 2)
    u, v, h = right - column, down - row, raster.heights
    upper = h[row, column] * (1 - u) + h[row, column + 1] * u
    lower = h[row + 1, column] * (1 - u) + h[row + 1, column + 1] * u
    return np.where(inside, upper * (1 - v) + lower * v, np.nan)


def _cut(terrain: Terrain, around: Bounds | None) -> Terrain:
    if around is None:
        _check_cells(*terrain.heights_m.shape)
        return terrain
    rows, columns = terrain.heights_m.shape
    west, south, east, north = _shared((terrain.west, terrain.south, terrain.east, terrain.north), around)
    left = max(0, int((west - terrain.west) / terrain.step_lon))
    right = min(columns, int((east - terrain.west) / terrain.step_lon) + 2)
    top = max(0, int((terrain.north - north) / terrain.step_lat))
    bottom = min(rows, int((terrain.north - south) / terrain.step_lat) + 2)
    left, top = min(left, right - 2), min(top, bottom - 2)
    _check_cells(bottom - top, right - left)
    part = np.ascontiguousarray(terrain.heights_m[top:bottom, left:right])
    west, north = terrain.west + left * terrain.step_lon, terrain.north - top * terrain.step_lat
    return Terrain(part, west, north, terrain.step_lon, terrain.step_lat)


def _shared(bounds: Any, around: Bounds) -> Bounds:
    west, south, east, north = (float(n) for n in bounds)
    shared = (max(west, around[0]), max(south, around[1]), min(east, around[2]), min(north, around[3]))
    if shared[0] >= shared[2] or shared[1] >= shared[3]:
        raise PlaceError(
            f"it covers {west:.2f}-{east:.2f} east, {south:.2f}-{north:.2f} north; the town's roofs lie around "
            f"{(around[0] + around[2]) / 2:.2f}, {(around[1] + around[3]) / 2:.2f}: is it the right tile?"
        )
    return shared


def _covers(terrain: Terrain, around: Bounds) -> bool:
    slack = max(terrain.step_lon, terrain.step_lat) * 1.5
    return (
        terrain.west <= around[0] + slack and terrain.south <= around[1] + slack
        and terrain.east >= around[2] - slack and terrain.north >= around[3] - slack
    )  # fmt: skip


def _check_cells(rows: int, columns: int) -> None:
    if rows < 2 or columns < 2:
        raise PlaceError("hardly touches the town: is it the right tile?")
    if rows * columns > _MAX_CELLS:
        raise PlaceError(f"has {rows} x {columns} cells where the town is; at most {_MAX_CELLS}: export it coarser")
