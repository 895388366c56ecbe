"""What every reader makes of a file: shapes and columns, still in its own coordinates and under its own names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

MAX_ROWS = 2_000_000

Shapes = NDArray[np.object_]


class PlaceError(ValueError):
    """The file cannot be imported; the message names row or feature and column, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal standing; ``shapes[i]`` is a shapely geometry or None, ``columns[name][i]`` the value beside it."""

    shapes: Shapes
    columns: dict[str, list[Any]]
    crs: str | None  # as the file says it: WKT, "EPSG:4547", ...; None: it does not
    where: Callable[[int], str]  # a row's place in the file, for people: "row 7", "feature 3"
    notes: tuple[str, ...] = ()  # what the reader had to guess
    rows: Sequence[int] = ()  # of a spreadsheet: the number of each row in it, the first is 1
    stray: str | None = None  # of a spreadsheet: the first row with something under no column's name

    def __len__(self) -> int:
        return len(self.shapes)


def check_size(count: int) -> None:
    """Raises :class:`PlaceError` for a file with more rows than a town has."""
    if count > MAX_ROWS:
        raise PlaceError(f"{count} rows; at most {MAX_ROWS} in one file: split it by district")


def bounds_of(shapes: Shapes) -> tuple[float, float, float, float]:
    """West, south, east, north of all shapes together; NaN where there is none."""
    if len(shapes) == 0:
        return (float("nan"),) * 4
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return west, south, east, north


def mended(shape: Any, where: str) -> Any:
    """A valid shape in the place of one that is not. Raises :class:`PlaceError` for what has no meaning."""
    try:
        return shapely.make_valid(shape)
    except shapely.errors.GEOSException as error:
        raise PlaceError(f"{where}: its outline makes no sense ({error}); draw it again") from error


def object_array(values: list[Any]) -> Shapes:
    """One-dimensional, whatever the values are."""
    array: Shapes = np.empty(len(values), dtype=object)
    array[:] = values
    return array
