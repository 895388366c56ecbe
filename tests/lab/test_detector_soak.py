from __future__ import annotations

import pytest

from lab.detector_soak import resident_mb, slope, soak


def test_a_short_soak_measures_memory_and_does_not_grow_much() -> None:
    said: list[str] = []
    result = soak(240, 1, said.append, every=20)
    assert len(said) == 12
    assert result.frames == 240
    assert 20 < result.last_mb <= result.peak_mb
    # From the first sample on everything is allocated; a frame kept by mistake would be 0.23 MB each.
    assert result.last_mb - result.first_mb < 15


def test_growth_is_told_from_a_start_that_settles() -> None:
    assert slope([(k, 50.0 + (20 if k > 1 else 0)) for k in range(20)]) == pytest.approx(0, abs=1e-9)
    assert slope([(k, 50.0 + 0.25 * k) for k in range(20)]) == pytest.approx(0.25)
    assert slope([(1, 2.0)]) == 0


def test_resident_memory_is_known() -> None:
    assert 10 < resident_mb() < 10_000
