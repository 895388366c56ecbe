"""The site's memory can ask for more, and can never blind the camera for good."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.memory import (
    COLUMNS,
    FORGOTTEN_AFTER_NIGHTS,
    MOST_RAISE,
    MOST_SHARE,
    QUIET_NIGHTS,
    ROWS,
    SURE_SCORE,
    MemoryDamaged,
    SiteMemory,
    from_toml,
    to_toml,
)

_LAMP = (4, 7)


def _stir(*cells: tuple[int, int]) -> np.ndarray:
    out = np.zeros((ROWS, COLUMNS), np.float32)
    for cell in cells:
        out[cell] = 0.5
    return out


def _taught(nights: int) -> SiteMemory:
    memory = SiteMemory()
    for night in range(20_000, 20_000 + nights):
        memory.note_quiet(_stir(_LAMP), 0.3, 21, night)
    return memory


def test_what_comes_back_raises_its_place_and_hour_only() -> None:
    assert _taught(QUIET_NIGHTS - 1).factors(21, 20_002, 0.6).max() == 1
    memory = _taught(4)
    factors = memory.factors(21, 20_003, 0.6)
    assert factors[_LAMP] == pytest.approx(1.2)
    assert (factors > 1).sum() == 1
    assert memory.factors(20, 20_003, 0.6).max() == 1


def test_a_known_chimney_is_never_raised_by_quiet_nights() -> None:
    memory = SiteMemory()
    for night in range(10):
        memory.note_quiet(_stir(_LAMP), 0.3, 21, night, chimneys=[(7.5 / COLUMNS, 4.5 / ROWS)])
    assert memory.factors(21, 9, 0.6).max() == 1


def test_visits_count_both_ways() -> None:
    memory, x, y = SiteMemory(), 7.5 / COLUMNS, 4.5 / ROWS
    memory.note_visit(x, y, "steam", 21, 100)
    assert memory.factors(21, 101, 0.6)[_LAMP] == pytest.approx(1.2)
    memory.note_visit(x, y, "confirmed", 21, 101)
    assert memory.factors(21, 102, 0.6)[_LAMP] == 1
    for night in range(102, 110):
        memory.note_quiet(_stir(_LAMP), 0.3, 21, night)
        memory.note_visit(x, y, "nothing_found", 21, night)
    assert memory.factors(21, 110, 0.6)[_LAMP] == 1


_notes = st.lists(
    st.tuples(
        st.sampled_from(["quiet", "nothing_found", "steam", "other", "confirmed"]),
        st.floats(0, 1),  # share of the cells that stir, or x
        st.floats(0, 1),  # y
        st.integers(0, 23),
        st.integers(-2, 40),  # nights on, and a clock that jumps back
    ),
    max_size=60,
)


def _live(notes: list[tuple[str, float, float, int, int]]) -> tuple[SiteMemory, int]:
    memory, night, rng = SiteMemory(), 20_000, np.random.default_rng(4_000_004)
    for kind, x, y, hour, step in notes:
        night += step % 3 if kind == "quiet" else step
        if kind == "quiet":
            memory.note_quiet((rng.random((ROWS, COLUMNS)) < x).astype(np.float32), 0.3, hour, night)
        else:
            memory.note_visit(x, y, kind, hour, night)  # type: ignore[arg-type]
    return memory, night


@given(_notes, st.integers(0, 23), st.floats(0.05, 0.99))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_it_never_blinds_the_camera(
    notes: list[tuple[str, float, float, int, int]], hour: int, threshold: float
) -> None:
    memory, night = _live(notes)
    factors = memory.factors(hour, night, threshold)
    assert factors.min() >= 1
    assert factors.max() <= MOST_RAISE
    assert (factors > 1).mean() <= MOST_SHARE
    assert (factors[factors > 1] * threshold <= SURE_SCORE + 1e-6).all()
    # Nothing is for good: without renewal all of it is gone.
    assert memory.factors(hour, night + FORGOTTEN_AFTER_NIGHTS + 1, threshold).max() == 1


@given(_notes)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_file_says_the_same(notes: list[tuple[str, float, float, int, int]]) -> None:
    memory, night = _live(notes)
    text = to_toml(memory)
    tomllib.loads(text)
    again = from_toml(text)
    assert to_toml(again) == text
    assert len(text) < 150_000
    for hour in range(24):
        assert np.array_equal(again.factors(hour, night, 0.6), memory.factors(hour, night, 0.6))


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (("[[places]]", "[[places"), "TOML"),
        (("memory-1", "memory-9"), "format"),
        (("hour = 21", "hour = 99"), "hour"),
        (("nights = [", 'nights = ["x", '), "nights"),
        (("row = 4", ""), "row"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(damage: tuple[str, str], word: str) -> None:
    with pytest.raises(MemoryDamaged, match=word):
        from_toml(to_toml(_taught(4)).replace(*damage))
