from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smokesentry.air_quality import LEVELS, STANDARDS, air_quality, iaqi, standard_at

_DATA = Path(os.environ.get("SMOKESENTRY_DATA", Path(__file__).parents[3] / "shared" / "data"))
_FILE = _DATA.parent / "domain" / "aqi_vectors.json"
_VECTORS: list[dict[str, Any]] = json.loads(_FILE.read_text())["vectors"] if _FILE.exists() else []
_OLD, _NEW = STANDARDS
_WINTER = datetime(2026, 11, 22, 18, tzinfo=UTC)


@pytest.mark.skipif(not _VECTORS, reason=f"published vectors are not at {_FILE}")
def test_published_vectors() -> None:
    for vector in _VECTORS:
        pollutant = vector["pollutant"].lower()
        assert iaqi(pollutant, vector["ug_m3"], _OLD) == vector["iaqi_2012"], vector
        assert iaqi(pollutant, vector["ug_m3"], _NEW) == vector["iaqi_2026"], vector


@pytest.mark.parametrize(
    ("pollutant", "ug_m3", "old", "new"),
    [
        ("pm25", 35, 50, 50),
        ("pm25", 47, 65, 74),
        ("pm25", 60, 82, 100),
        ("pm10", 120, 85, 100),
        ("pm25", 9999, 500, 500),
    ],
)
def test_points_worked_out_by_hand(pollutant: Any, ug_m3: float, old: int, new: int) -> None:
    assert (iaqi(pollutant, ug_m3, _OLD), iaqi(pollutant, ug_m3, _NEW)) == (old, new)


def test_the_new_standard_begins_at_midnight_in_china() -> None:
    assert standard_at(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC)).name == "HJ 633-2012"
    assert standard_at(datetime(2026, 2, 28, 16, 0, 0, tzinfo=UTC)).name == "HJ 633-2026"


def test_the_worst_pollutant_decides_and_says_by_which_standard() -> None:
    found = air_quality({"pm25": 120, "pm10": 130}, _WINTER)
    assert (found.index, found.primary, found.standard, found.indicative) == (158, "pm25", "HJ 633-2026", True)
    assert (found.level.name_zh, found.level.colour) == ("中度污染", "#ff0000")
    clean = air_quality({"pm25": 10, "pm10": 40}, _WINTER)
    assert (clean.primary, clean.level) == (None, LEVELS[0])


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_no_index_of_nonsense(bad: float) -> None:
    with pytest.raises(ValueError, match="from 0 up"):
        iaqi("pm25", bad, _NEW)


def test_what_cannot_be_answered() -> None:
    with pytest.raises(ValueError, match="zone"):
        standard_at(datetime(2026, 11, 22))
    with pytest.raises(ValueError, match="oldest"):
        standard_at(datetime(2000, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="no concentration"):
        air_quality({}, _WINTER)


@settings(deadline=None)
@given(st.floats(0, 700), st.floats(0, 700), st.sampled_from(STANDARDS), st.sampled_from(["pm25", "pm10"]))
def test_more_dust_is_never_a_better_index(a: float, b: float, standard: Any, pollutant: Any) -> None:
    low, high = sorted((a, b))
    assert 0 <= iaqi(pollutant, low, standard) <= iaqi(pollutant, high, standard) <= 500
