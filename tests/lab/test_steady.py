"""The long, even plume in short: the truth it is judged by, and how gaps are counted."""

from __future__ import annotations

from lab.steady import FIRST_SEED, Steady, longest_gap, table, watch


def test_gaps_are_counted_in_frames_without_an_open_event() -> None:
    assert longest_gap([]) == 0
    assert longest_gap([True, False, False, True, False]) == 2
    assert longest_gap([True] * 9) == 0


def test_the_table_counts_one_event_throughout_apart_from_several() -> None:
    whole = Steady(1, True, 20.0, 2.0, 9.0, 1, 1.0, 0.0, True, 0)
    broken = Steady(2, True, 20.0, 2.0, 11.0, 2, 0.9, 120.0, True, 1)
    faint = Steady(3, False, 2.0, 2.0, None, 0, 0.0, 0.0, False, 0)
    told = table([whole, broken, faint], 45)
    assert "| plumes drawn, visible among them, found | 3, 2, 2 |" in told
    assert "| event open at the end | 2 of 2 |" in told
    assert "| open at the end as one event throughout | 1 of 2 |" in told
    assert "| longest time without | 120 s |" in told


def test_a_short_night_runs_through_the_whole_detector() -> None:
    row = watch(FIRST_SEED, 2.5)
    assert row.seed == FIRST_SEED
    assert row.contrast > 0
    assert row.noise > 0
    assert row.alarm_s is None or 0 <= row.alarm_s < 90
