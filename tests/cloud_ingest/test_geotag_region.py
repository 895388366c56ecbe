"""The credible region: the fewest roofs, their own outlines, and what it says when it cannot hold enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import transform
from shapely.geometry import box, shape

from cloud_ingest.geotag.footprints import Roof
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.region import credible_region
from cloud_ingest.geotag.town import Frame, Town

_FRAME = Frame(38.0, 114.5)
_ROOFS = 40


def _degrees(corners):
    return np.array([_FRAME.to_lat_lon(x, y)[::-1] for x, y in corners])


@pytest.fixture(scope="module")
def town():
    houses = [box(12.0 * n, 0, 12.0 * n + 10, 8) for n in range(_ROOFS)]
    return Town.build(1, [Roof(f"r{n:02d}", "", transform(h, _degrees), 4.0, True) for n, h in enumerate(houses)], ())


def posterior(shares):
    order = sorted(range(len(shares)), key=lambda n: -shares[n])
    return Posterior(
        tuple(order), tuple(shares[n] for n in order), tuple((0.0, 0.0) for _ in order), 1 - sum(shares), 0.0
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=_ROOFS), st.floats(0, 0.5), st.floats(0.3, 0.97))
def test_it_holds_what_it_says_with_no_roof_too_many(town, weights, elsewhere, share):
    shares = [(1 - elsewhere) * weight / sum(weights) for weight in weights]
    found = credible_region(posterior(shares), town, share)["properties"]
    inside = [shares[int(name[1:])] for name in found["rooftops"]]
    assert found["holds"] == pytest.approx(sum(inside), abs=1e-4)
    assert sum(inside) >= share - 1e-6 or len(inside) == len(shares)
    assert sum(inside[:-1]) < share
    assert sorted(inside, reverse=True) == inside


def test_its_outline_is_that_of_the_roofs(town):
    found = credible_region(posterior([0.5, 0.02, 0.45]), town)
    outline = shape(found["geometry"])
    assert found["properties"]["rooftops"] == ["r00", "r02"]
    assert found["geometry"]["type"] == "MultiPolygon"
    assert all(part.exterior.is_ccw for part in outline.geoms)
    assert transform(outline, town.frame.lon_lat_to_xy).area == pytest.approx(160, rel=1e-3)


def test_many_roofs_are_drawn_as_one_hull(town):
    found = credible_region(posterior([1 / _ROOFS] * _ROOFS), town)
    assert len(found["properties"]["rooftops"]) == 36
    assert (found["geometry"]["type"], found["properties"]["drawn"]) == ("Polygon", "hull")


def test_without_roofs_there_is_no_place(town):
    found = credible_region(posterior([]), town)
    assert found["geometry"] is None
    assert found["properties"] == {"share": 0.9, "holds": 0.0, "rooftops": [], "drawn": "roofs"}


def test_a_share_that_is_none_is_refused(town):
    with pytest.raises(ValueError, match="between 0 and 1"):
        credible_region(posterior([]), town, 1.0)
