"""Bounds against published values, and against what they promise: to hold the truth 95 times of 100."""

from __future__ import annotations

from math import comb, exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.scoreboard.bounds import gamma_below, gamma_quantile, ratio, share, weighted_rate
from lab.scoreboard.calibration import expected_error, reliability


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.3085), (3, 10, 0.0667, 0.6525), (10, 10, 0.6915, 1.0), (17, 40, 0.2704, 0.5911)],
)
def test_a_share_has_clopper_and_pearsons_bounds(successes: int, trials: int, low: float, high: float) -> None:
    found = share(successes, trials)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(1, 60))
def test_a_share_lies_between_its_bounds(successes: int, trials: int) -> None:
    successes = min(successes, trials)
    found = share(successes, trials)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= successes / trials <= found.high <= 1
    # what the lower bound means: were it the truth, so many successes or more would be a chance of one in forty
    tail = sum(comb(trials, k) * found.low**k * (1 - found.low) ** (trials - k) for k in range(successes, trials + 1))
    assert successes == 0 or tail == pytest.approx(0.025, abs=1e-6)


def test_nothing_tried_says_nothing() -> None:
    assert share(0, 0).value is None
    with pytest.raises(ValueError, match="3 successes of 2"):
        share(3, 2)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (7, 2.814, 14.42)])
def test_counts_of_one_weight_have_garwoods_bounds(count: int, low: float, high: float) -> None:
    found = weighted_rate([(count, 1.0)], 1.0, 1.0)
    assert (found.low, found.high) == (pytest.approx(low, rel=1e-3), pytest.approx(high, rel=1e-3))


def test_what_stands_for_much_widens_the_bound() -> None:
    """One event in a window that stands for twenty is less certain than twenty events in windows of their own."""
    coarse, fine = weighted_rate([(1, 20.0)], 20.0, 1.0), weighted_rate([(20, 1.0)], 1.0, 1.0)
    assert coarse.value == fine.value == 20
    assert coarse.high is not None
    assert fine.high is not None
    assert coarse.high > 2 * fine.high


def test_weighted_rates_hold_the_truth() -> None:
    """Two strata sampled at different rates: the bounds miss the true rate in no more than one of twenty runs."""
    rng = np.random.default_rng(3)
    true = 10.0 * 0.3 + 40.0 * 0.05  # weight x expected count a stratum
    missed = 0
    for _ in range(400):
        terms = [(int(rng.poisson(0.3)), 10.0), (int(rng.poisson(0.05)), 40.0)]
        found = weighted_rate(terms, 40.0, 1.0)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= true <= found.high
    assert missed <= 20


def test_gamma_function_and_quantile() -> None:
    assert gamma_below(1.0, 2.0) == pytest.approx(1 - exp(-2))
    assert gamma_below(3.0, 50.0) == pytest.approx(1.0)
    assert gamma_below(4.5, gamma_quantile(4.5, 0.3)) == pytest.approx(0.3)


def test_a_ratio_is_as_uncertain_as_its_windows_differ() -> None:
    alike, unlike = ratio([(9.0, 10.0)] * 20), ratio([(10.0, 10.0)] * 18 + [(0.0, 10.0)] * 2)
    assert alike.value == unlike.value == pytest.approx(0.9)
    assert (alike.low, alike.high) == (pytest.approx(0.9), pytest.approx(0.9))
    assert unlike.low is not None
    assert unlike.high is not None
    assert unlike.low < 0.8
    assert unlike.high == 1.0
    assert ratio([]).value is ratio([(0.0, 0.0)]).value is None


def test_probabilities_that_keep_their_word_have_no_error() -> None:
    rng = np.random.default_rng(1)
    said = rng.uniform(0, 1, 4000)
    honest = [(float(p), bool(rng.random() < p), 1.0) for p in said]
    boastful = [(0.95, hit, weight) for _, hit, weight in honest]
    assert (expected_error(honest).value or 0) < 0.03
    assert expected_error(boastful).value == pytest.approx(0.45, abs=0.03)
    assert all(one.low - 0.05 <= one.said <= one.high + 0.05 for one in reliability(honest))
    assert expected_error([]).value is None
