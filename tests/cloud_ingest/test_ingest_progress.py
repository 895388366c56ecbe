"""The contiguous mark and its ranges: against a plain set, and against what the wire's own helper says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.ingest.progress import MAX_RANGES, Progress, TooManyGaps, runs
from smokesentry.messages.control import ack_of

_batches = st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=12, unique=True).map(sorted), max_size=12)


@given(_batches)
def test_what_was_folded_is_held_and_nothing_else(batches):
    progress, held = Progress(), set()
    for batch in batches:
        progress = progress.folded(runs(batch))
        held |= set(batch)
    assert {n for n in range(1, 70) if progress.holds(n)} == held
    assert (progress.contiguous, list(progress.ranges)) == ack_of(sorted(held), 0)
    gaps = {n for first, last in progress.gaps for n in range(first, last + 1)}
    assert gaps == set(range(1, max(held, default=0) + 1)) - held


@given(_batches)
def test_order_and_repetition_do_not_matter(batches):
    forward, backward = Progress(), Progress()
    for batch in batches:
        forward = forward.folded(runs(batch))
    for batch in reversed(batches + batches):
        backward = backward.folded(runs(batch))
    assert forward == backward


def test_a_huge_dropped_range_costs_nothing():
    assert Progress().folded([(1, 2**53)]) == Progress(2**53, ())


def test_more_holes_than_an_acknowledgement_can_say_are_refused():
    scattered = [(2 * n, 2 * n) for n in range(1, MAX_RANGES + 2)]
    with pytest.raises(TooManyGaps, match="1001 separate ranges"):
        Progress().folded(scattered)
    assert len(Progress().folded(scattered[:-1]).ranges) == MAX_RANGES
