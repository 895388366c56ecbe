"""Ground heights between samples, at the edges, and where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.terrain import Terrain

relaxed = settings(deadline=None)
_GRID = np.arange(20, dtype=np.float32).reshape(4, 5) ** 1.5
_STEP = 0.0003


def terrain(heights=_GRID):
    return Terrain(heights, 114.0, 38.0, _STEP, _STEP)


@relaxed
@given(st.floats(0, 3), st.floats(0, 4), st.floats(-3, 3), st.floats(-3, 3), st.floats(-100, 100))
def test_a_plane_comes_back_exactly(down, right, by_row, by_column, level):
    rows, columns = np.mgrid[0:4, 0:5]
    plane = terrain((level + by_row * rows + by_column * columns).astype(np.float32))
    found = plane.height_at(38.0 - down * _STEP, 114.0 + right * _STEP)
    assert found == pytest.approx(level + by_row * down + by_column * right, abs=1e-4)


@relaxed
@given(st.floats(0, 3), st.floats(0, 4))
def test_a_height_lies_between_the_samples_around_it(down, right):
    row, column = min(int(down), 2), min(int(right), 3)
    around = _GRID[row : row + 2, column : column + 2]
    found = terrain().height_at(38.0 - down * _STEP, 114.0 + right * _STEP)
    assert around.min() - 1e-3 <= found <= around.max() + 1e-3


def test_samples_themselves_corners_included():
    for row in range(4):
        for column in range(5):
            found = terrain().height_at(38.0 - row * _STEP, 114.0 + column * _STEP)
            assert found == pytest.approx(_GRID[row, column], abs=1e-4)


@pytest.mark.parametrize("place", [(38.001, 114.0), (37.99, 114.0), (38.0, 113.99), (38.0, 114.01), (np.nan, 114.0)])
def test_outside_nothing_is_known(place):
    assert np.isnan(terrain().height_at(*place))


def test_an_unknown_sample_spoils_its_cells_and_no_others():
    heights = _GRID.copy()
    heights[1, 1] = np.nan
    known = terrain(heights)
    assert np.isnan(known.height_at(38.0 - 0.5 * _STEP, 114.0 + 0.5 * _STEP))
    assert known.height_at(38.0 - 0.5 * _STEP, 114.0 + 2.5 * _STEP) == pytest.approx(_GRID[0:2, 2:4].mean(), abs=1e-4)
    assert known.height_at(38.0, 114.0) == pytest.approx(_GRID[0, 0])


@pytest.mark.parametrize(
    ("heights", "west", "north", "step"),
    [
        (np.zeros((1, 5), np.float32), 114.0, 38.0, _STEP),
        (np.zeros(5, np.float32), 114.0, 38.0, _STEP),
        (_GRID, 114.0, 38.0, 0.0),
        (_GRID, 114.0, 38.0, -_STEP),
        (_GRID, 12_690_000.0, 4_580_000.0, 30.0),
        (_GRID, np.nan, 38.0, _STEP),
    ],
)
def test_what_is_no_grid_in_degrees_is_refused(heights, west, north, step):
    with pytest.raises(ValueError, match="terrain"):
        Terrain(heights, west, north, step, step)
