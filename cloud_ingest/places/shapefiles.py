"""Shapefile → table: .shp with its .shx, .dbf, .prj and .cpg beside it, or all of them in one .zip."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import shapefile
import shapely
from shapely.geometry import shape

from cloud_ingest.places.table import PlaceError, Shapes, Table, check_size

_PARTS = ("shp", "shx", "dbf", "prj", "cpg")
_MAX_BYTES = 1_500_000_000  # unpacked; a million footprints take 0.2 GB
_POLYGONS = {shapefile.POLYGON, shapefile.POLYGONZ, shapefile.POLYGONM}
_GBK_MARKS = {0x4D, 0x7A}  # DBF's language byte for code page 936


def read_shapefile(path: Path) -> Table:
    """Reads one layer. Raises :class:`PlaceError`."""
    parts = _from_zip(path) if path.suffix.lower() == ".zip" else _from_folder(path)
    for part in ("shp", "dbf"):
        if part not in parts:
            raise PlaceError(
                f"its .{part} is missing; a Shapefile is .shp, .shx, .dbf and .prj together: zip all of them"
            )
    files = {part: BytesIO(parts[part]) for part in ("shp", "shx", "dbf") if part in parts}
    try:
        # As Latin-1 every byte survives; which encoding it really is, is found out below from all texts together.
        reader = shapefile.Reader(**files, encoding="latin-1")
        if reader.numRecords is not None:
            check_size(reader.numRecords)
        shapes = _shapes(reader)
        rows = list(reader.iterRecords(deleted_as_None=True))
        names = [field[0] for field in reader.fields if field[0] != "DeletionFlag"]
    except PlaceError:
        raise
    except Exception as error:  # pyshp raises whatever the damaged bytes lead to
        raise PlaceError(f"is no whole Shapefile ({type(error).__name__}: {error}); export it again") from error
    if len(rows) != len(shapes):
        raise PlaceError(f"{len(shapes)} shapes, but {len(rows)} rows in the .dbf; export it again")
    kept = [index for index, row in enumerate(rows) if row is not None]  # others were deleted, but not yet removed
    columns: dict[str, list[Any]] = {name: [rows[index][n] for index in kept] for n, name in enumerate(names)}
    notes = _decode(columns, parts)
    prj = parts.get("prj", b"").decode("utf-8", "replace").strip()
    return Table(shapes[kept], columns, prj or None, lambda index: f"feature {kept[index]}", tuple(notes))


def _from_folder(path: Path) -> dict[str, bytes]:
    found = {}
    for part in _PARTS:
        for beside in (path.with_suffix(f".{part}"), path.with_suffix(f".{part.upper()}")):
            if beside.is_file() and part not in found:
                if beside.stat().st_size > _MAX_BYTES:
                    raise PlaceError(f"{beside.name} has more than {_MAX_BYTES} bytes: split the layer by district")
                found[part] = beside.read_bytes()
    return found


def _from_zip(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                PurePosixPath(info.filename.lower()): info
                for info in archive.infolist()
                if not info.is_dir() and "__macosx" not in info.filename.lower()
            }
            layers = sorted(name for name in members if name.suffix == ".shp")
            if len(layers) != 1:
                listed = ", ".join(members[name].filename[:60] for name in layers[:5]) or "no .shp at all"
                raise PlaceError(f"the .zip must hold one Shapefile; it holds {listed}. Zip one layer's files")
            wanted = {part: layers[0].with_suffix(f".{part}") for part in _PARTS}
            chosen = {part: members[name] for part, name in wanted.items() if name in members}
            if sum(info.file_size for info in chosen.values()) > _MAX_BYTES:
                raise PlaceError(f"unpacked it would take more than {_MAX_BYTES} bytes: split the layer by district")
            found = {}
            for part, info in chosen.items():
                with archive.open(info) as member:
                    found[part] = member.read(info.file_size + 1)  # never more than the directory promised
            return found
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, PlaceError):
            raise
        raise PlaceError(f"is no whole .zip file ({error}); zip it again, without a password") from error


def _shapes(reader: shapefile.Reader) -> Shapes:
    """Plain polygons all at once, which is what a million footprints are; everything else one by one."""
    found: list[Any] = []
    rings: list[Any] = []
    plain: list[int] = []
    for index, one in enumerate(reader.iterShapes()):
        found.append(None)
        if one is None or one.shapeType == shapefile.NULL:
            continue
        if (
            one.shapeType in _POLYGONS
            and len(one.parts) == 1
            and len(one.points) >= 4
            and one.points[0] == one.points[-1]
        ):
            plain.append(index)
            rings.append(np.asarray(one.points, float)[:, :2])
        elif one.points:
            found[index] = shape(one.__geo_interface__)
    shapes: Shapes = np.empty(len(found), dtype=object)
    shapes[:] = found
    if plain:
        owners = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
        shapes[plain] = shapely.polygons(shapely.linearrings(np.concatenate(rings), indices=owners))
    return shapes


def _decode(columns: dict[str, list[Any]], parts: dict[str, bytes]) -> list[str]:
    """Texts from bytes in Latin-1's clothes to what they are, in place; answers what had to be guessed."""
    texts = {text for values in columns.values() for text in values if isinstance(text, str)} | set(columns)
    raw = [text.encode("latin-1") for text in texts]
    foreign = [data for data in raw if not data.isascii()]
    if not foreign:
        return []
    said = _said(parts)
    tried = [*([said] if said else []), "utf-8", "gb18030"]
    encoding = next((name for name in tried if _fits(foreign, name)), None)
    notes = []
    if encoding is None:
        encoding = said or "gb18030"
        notes.append(f"some texts are not {encoding}: unreadable characters stand as �")
    elif encoding != said:
        instead = f"not {said}, as its .cpg says" if said else "which neither .cpg nor .dbf says"
        notes.append(f"texts are read as {'GBK' if encoding == 'gb18030' else 'UTF-8'}, {instead}")

    def decoded(value: Any) -> Any:
        return value.encode("latin-1").decode(encoding, "replace") if isinstance(value, str) else value

    for name in list(columns):
        columns[decoded(name)] = [decoded(value) for value in columns.pop(name)]
    return notes


def _said(parts: dict[str, bytes]) -> str | None:
    """The encoding that the files claim; Latin-1 is no claim: exporters write it when they do not know."""
    said = parts.get("cpg", b"").decode("ascii", "replace").strip().lower()
    if said in {"936", "cp936", "gbk", "gb2312", "gb18030", "ansi 936"}:
        return "gb18030"
    if said in {"utf-8", "utf8", "65001"}:
        return "utf-8"
    return "gb18030" if parts["dbf"][29:30] and parts["dbf"][29] in _GBK_MARKS else None


def _fits(texts: list[bytes], encoding: str) -> bool:
    try:
        for text in texts:
            text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
