"""GeoJSON (RFC 7946) → table. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
import shapely
from shapely.geometry import shape

from cloud_ingest.places.table import PlaceError, Shapes, Table, check_size, object_array

_WGS84 = "OGC:CRS84"  # what RFC 7946 means when it says nothing


class _Collection(msgspec.Struct):
    type: str
    features: list[msgspec.Raw]
    crs: Any = None


class _Feature(msgspec.Struct):
    geometry: msgspec.Raw
    type: Any = None
    properties: dict[str, Any] | None = None
    id: Any = None


def read_geojson(data: bytes) -> Table:
    """Parses a FeatureCollection. Raises :class:`PlaceError`."""
    try:
        collection = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Collection)
    except msgspec.ValidationError as error:
        raise PlaceError(f"expected a GeoJSON FeatureCollection with a list of features ({error})") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise PlaceError(f"not JSON: {error}") from error
    if collection.type != "FeatureCollection":
        raise PlaceError("expected a GeoJSON FeatureCollection with a list of features")
    check_size(len(collection.features))
    decoder = msgspec.json.Decoder(_Feature)
    raws: list[str | None] = []
    ids: list[Any] = []
    properties: list[dict[str, Any]] = []
    for index, raw in enumerate(collection.features):
        try:
            feature = decoder.decode(raw)
            geometry = bytes(feature.geometry).decode()  # msgspec leaves it as it came: not even its text is checked
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise PlaceError(f"feature {index}: is not a GeoJSON feature with a geometry ({error})") from error
        raws.append(None if geometry == "null" else geometry)
        ids.append(feature.id)
        properties.append(feature.properties or {})
    names = list(dict.fromkeys(name for row in properties for name in row))
    columns = {name: [row.get(name) for row in properties] for name in names}
    if any(one is not None for one in ids) and "id" not in columns:
        columns["id"] = ids
    elif any(one is not None for one in ids):
        columns["id"] = [given if own is None else own for own, given in zip(ids, columns["id"], strict=True)]
    label = columns.get("rooftop") or columns.get("id") or [None] * len(raws)

    def where(index: int) -> str:
        name = next((str(one)[:80] for one in (label[index], ids[index]) if one is not None), "no id")
        return f"feature {index} ({name})"

    return Table(_shapes(raws, where), columns, _crs(collection.crs), where)


def _shapes(raws: list[str | None], where: Any) -> Shapes:
    found: Shapes = shapely.from_geojson(object_array(list(raws)), on_invalid="ignore")
    for index, raw in enumerate(raws):
        if raw is not None and found[index] is None:
            found[index] = _slowly(raw, where(index))
    return found


def _slowly(raw: str, where: str) -> Any:
    """What the strict reader refuses, an unclosed ring for example, the lenient one may take."""
    try:
        return shape(msgspec.json.decode(raw))
    except (
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
        shapely.errors.ShapelyError,
    ) as error:
        raise PlaceError(f"{where}: its coordinates cannot be read ({error})") from error


def _crs(crs: Any) -> str:
    if crs is None:
        return _WGS84
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else crs
    if not isinstance(name, str):
        raise PlaceError(f"`crs` is {str(crs)[:80]!r}; expected a named system, or none at all for WGS-84")
    return name
