"""The long-run view's statistics: against plain sums, against made-up winters, and for what must hold of any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.polar.blocks import excess, merged, quiet_level, town_signal
from cloud_ingest.geotag.polar.sectors import (
    DIRECTIONS,
    SHUFFLES,
    Scatter,
    _over,
    _shuffled,
    _standing,
    _sums,
    alikeness,
    high,
    rose,
    shuffled_nights,
)
from cloud_ingest.geotag.polar.smoother import (
    direction_weights,
    estimate,
    ratio_of_nights,
    speed_weights,
    surface,
)

NIGHTS, BLOCKS = 40, 48


def winds(seed, nights=NIGHTS, blocks=BLOCKS):
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 360, (nights, 1))
    direction = (start + np.cumsum(rng.normal(0, 6, (nights, blocks)), axis=1)) % 360
    speed = np.exp(rng.normal(0.3, 0.3, (nights, 1)) + rng.normal(0, 0.2, (nights, blocks)))
    return speed, direction


def town(seed, source=None, nights=NIGHTS, gateways=4, strength=25.0):
    """Levels of several gateways under one haze; the first one smells a source when the wind comes from there."""
    rng = np.random.default_rng([seed, 1])
    speed, direction = winds(seed, nights)
    haze = np.exp(rng.normal(3.7, 0.5, (nights, 1))) * (1.5 / speed) ** 0.6
    levels = [(1 + 0.07 * rng.standard_normal()) * haze + rng.normal(0, 1, haze.shape) for _ in range(gateways)]
    if source is not None:
        off = (direction - source + 180) % 360 - 180
        burning = np.repeat(rng.random((nights, BLOCKS // 4)) < 0.35, 4, axis=1)
        levels[0] = levels[0] + burning * strength / speed * np.exp(-((off / 12) ** 2) / 2)
    return levels, speed, direction


def seen(levels, speed, direction):
    common, scales = town_signal(levels)
    return rose(excess(levels[0], common, float(scales[0])), speed, direction)


@pytest.mark.parametrize("source", [0.0, 93.0, 181.0, 358.0])
def test_the_strongest_sector_points_to_the_source_also_across_north(source):
    found = seen(*town(int(source), source))
    assert found.sectors
    first = found.sectors[0]
    assert abs((first.peak_deg - source + 180) % 360 - 180) <= 15
    assert first.holds(source) and first.wide_deg <= 100
    assert first.share > 1.5 * first.usual and first.rise > 1 and first.chance <= 0.05


def test_where_nothing_burns_hardly_a_town_has_a_sector():
    empty = [seen(*town(seed)) for seed in range(100, 130)]
    # One in twenty is asked for; seven of thirty would come by chance in one of 700 runs of this test's seeds.
    assert sum(bool(found.sectors) for found in empty) <= 6


def test_a_haze_of_the_whole_town_is_taken_away_and_sensors_may_differ():
    levels, _, _ = town(3)
    common, scales = town_signal(levels)
    left = excess(levels[0], common, float(scales[0]))
    assert np.nanstd(left) < 0.25 * np.nanstd(levels[0] - quiet_level(levels[0]))


def test_one_gateway_alone_and_two_have_a_signal_of_their_own():
    levels, _, _ = town(4)
    alone, _ = town_signal(levels[:1])
    assert np.isnan(alone).all()
    pair, _ = town_signal([levels[0], levels[0] + 50.0])
    assert np.nanmedian(pair) <= np.nanmedian(levels[0]) * 1.5


def test_a_second_sensor_that_falls_out_makes_no_step():
    steady = np.full((3, 10), 40.0)
    other = 1.3 * steady
    other[1] = np.nan
    assert merged([steady, other]) == pytest.approx(steady)


def test_few_nights_say_nothing():
    levels, speed, direction = town(5, 90.0, nights=4)
    found = seen(levels, speed, direction)
    assert found.sectors == () and np.isnan(found.standing).all()
    nothing = np.full((2, BLOCKS), np.nan)
    empty = rose(nothing, nothing, nothing)
    assert (empty.sectors, empty.blocks, empty.nights) == ((), 0, 0)


def test_calms_have_no_direction_and_count_for_nothing():
    levels, speed, direction = town(6)
    rise = excess(levels[0])
    still = np.where(np.arange(BLOCKS) < 24, 0.3, speed)
    changed = np.where(np.arange(BLOCKS) < 24, rise + 1000, rise)
    one, other = rose(rise, still, direction), rose(changed, still, direction)
    assert one.share.mean == pytest.approx(other.share.mean, nan_ok=True)
    assert one.blocks == np.isfinite(np.where(still >= 0.5, rise, np.nan)).sum()


def test_high_asks_among_blocks_of_like_speed():
    rng = np.random.default_rng(7)
    speed = np.exp(rng.normal(0, 0.6, (60, 48)))
    rise = rng.gamma(2, 10, speed.shape) / speed  # calm air is dirtier from every side
    asked = high(rise, speed)
    slow, fast = asked[(speed < 0.8) & np.isfinite(asked)], asked[speed > 1.5]
    assert slow.mean() == pytest.approx(0.1, abs=0.04)
    assert fast.mean() == pytest.approx(0.1, abs=0.04)


def test_shuffling_all_histories_together_is_shuffling_one_after_another():
    levels, speed, direction = town(8, 120.0, nights=12)
    asked = high(excess(levels[0]), speed)
    known = np.isfinite(asked)
    value, weight = np.where(known, asked, 0.0), known.astype(float)
    weights = direction_weights(direction, DIRECTIONS)
    scatter = Scatter(float(value.sum() / weight.sum()), alikeness(asked))
    together = _shuffled(value, weight, weights, scatter, seed=3)
    rng = np.random.default_rng(3)
    for number in range(SHUFFLES):
        order = shuffled_nights(len(value), rng)
        if number % 50 == 0:
            mean = _over(value[order], weight[order], weights).mean
            standing = _standing(mean, *_sums(weight[order], weights), scatter)
            assert together[number] == pytest.approx(np.nanmax(standing, initial=0.0))


def test_nights_that_are_one_fact_each_and_blocks_that_know_nothing_of_each_other():
    rng = np.random.default_rng(9)
    of_night = (rng.random((300, 1)) < 0.25).astype(float)
    assert alikeness(np.repeat(of_night, 30, axis=1)) == pytest.approx(1.0)
    assert alikeness((rng.random((300, 30)) < 0.25).astype(float)) < 0.02
    assert alikeness(np.full((3, 4), np.nan)) == 1.0


numbers = st.floats(0.1, 100, allow_nan=False)


@given(st.data())
@settings(max_examples=40)
def test_a_mean_over_winds_lies_between_the_extremes_and_a_constant_stays_itself(data):
    nights, blocks = data.draw(st.integers(2, 6)), data.draw(st.integers(1, 5))
    shape = nights, blocks

    def grid(elements):
        return np.array(data.draw(st.lists(elements, min_size=nights * blocks, max_size=nights * blocks))).reshape(
            shape
        )

    values, direction, speed = grid(numbers), grid(st.floats(0, 360)), grid(st.floats(0.5, 12))
    winds_there = direction_weights(direction, DIRECTIONS)
    found = estimate(values, winds_there)
    told = np.isfinite(found.mean)
    assert (found.mean[told] >= values.min() - 1e-6).all() and (found.mean[told] <= values.max() + 1e-6).all()
    assert (found.error >= 0).all() and (found.nights <= nights + 1e-6).all()
    same = estimate(np.full(shape, 7.0), winds_there)
    assert same.mean[np.isfinite(same.mean)] == pytest.approx(7.0)
    speeds = np.array([1.0, 3.0])
    whole = surface(values, direction, speed, DIRECTIONS, speeds)
    by_hand = winds_there[..., None] * speed_weights(speed, speeds)[:, :, None, :]
    total = by_hand.sum(axis=(0, 1))
    carried = total > 1e-6
    expected = (values[..., None, None] * by_hand).sum(axis=(0, 1))[carried] / total[carried]
    assert whole.mean[carried] == pytest.approx(expected)
    assert whole.blocks == pytest.approx(total, abs=1e-9)


@given(st.floats(0, 359.9), st.floats(0, 359.9))
def test_turning_the_world_turns_the_answer(turn, source):
    direction = np.array([[source, source + 20], [source + 5, source + 200]]) % 360
    values = np.array([[10.0, 1.0], [8.0, 0.0]])
    at = np.array([source])
    plain = estimate(values, direction_weights(direction, at))
    turned = estimate(values, direction_weights((direction + turn) % 360, (at + turn) % 360))
    assert turned.mean == pytest.approx(plain.mean, rel=1e-6)


def test_the_error_counts_nights_not_minutes():
    """Nights that agree within themselves: as many blocks as you like, the error is that of the nights."""
    rng = np.random.default_rng(11)
    of_night = rng.normal(0, 1, 200)
    few, many = (np.repeat(of_night[:, None], count, axis=1) for count in (2, 50))
    errors = [float(ratio_of_nights(part.sum(axis=1)[:, None], np.full((200, 1), part.shape[1])).error[0])
              for part in (few, many)]  # fmt: skip
    assert errors[0] == pytest.approx(errors[1])
    assert errors[0] == pytest.approx(of_night.std() / np.sqrt(200), rel=0.02)
    assert np.isinf(ratio_of_nights(np.ones((1, 1)), np.ones((1, 1))).error[0])
