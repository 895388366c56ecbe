"""Grouping by evidence: with a score written down by hand, so that every move can be seen."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.geotag.events import GAP_S, Evidence, Grouping, Sighting, log_same_start, neighbourhoods

_inf = float("inf")


def sighting(detection_id, camera="a", start=0.0, **changes):
    fields = {
        "detection_id": detection_id,
        "revision": 1,
        "camera": (f"gw-{camera}", "cam"),
        "origin_px": (600.0, 300.0),
        "sigma_px": (5.0, 5.0),
        "frame_size": (1280, 720),
        "confidence": 0.8,
        "started_s": start,
        "last_s": start + 30,
    }
    return Sighting(**(fields | changes))


def score_of(pairs, alone=0.0, never=-50.0):
    """Evidence as a sum over pairs of ids; ``pairs`` holds those that are known."""

    def score(group):
        ids = sorted(s.detection_id for s in group)
        return alone + sum(pairs.get(frozenset((a, b)), never) for n, a in enumerate(ids) for b in ids[n + 1 :])

    return score


def settle(sightings, held, score):
    numbers = count()
    groups = Grouping(sightings, held, lambda i, used: f"new{next(numbers)}", score).settle()
    return {key: sorted(group) for key, group in groups.items()}


def pair(a, b):
    return frozenset((a, b))


def test_what_agrees_is_one_event_and_what_does_not_is_two():
    sightings = [sighting("a1"), sighting("b1", "b"), sighting("a2"), sighting("b2", "b")]
    score = score_of({pair("a1", "b1"): 3.0, pair("a2", "b2"): 3.0})
    assert sorted(settle(sightings, {}, score).values()) == [["a1", "b1"], ["a2", "b2"]]


def test_a_new_detection_joins_the_event_that_stands():
    score = score_of({pair("a1", "b1"): 2.0})
    assert settle([sighting("a1"), sighting("b1", "b")], {"a1": "X"}, score) == {"X": ["a1", "b1"]}


def test_a_wrong_pair_is_put_right_when_the_fourth_detection_comes():
    """b2 came first and fitted a1 a little; with b1 there, exchanging them is the clear gain."""
    sightings = [sighting("a1"), sighting("a2"), sighting("b2", "b"), sighting("b1", "b", 5.0)]
    score = score_of({pair("a1", "b2"): 1.0, pair("a1", "b1"): 6.0, pair("a2", "b2"): 6.0, pair("a2", "b1"): 0.5})
    found = settle(sightings, {"a1": "X", "b2": "X", "a2": "Y"}, score)
    assert found["X"] == ["a1", "b1"]
    assert found["Y"] == ["a2", "b2"]


def test_nothing_that_stands_moves_for_a_small_gain():
    sightings = [sighting("a1"), sighting("b1", "b"), sighting("a2")]
    held = {"a1": "X", "b1": "X", "a2": "Y"}
    small = score_of({pair("a1", "b1"): 1.0, pair("a2", "b1"): 2.0})
    assert settle(sightings, held, small) == {"X": ["a1", "b1"], "Y": ["a2"]}
    clear = score_of({pair("a1", "b1"): 1.0, pair("a2", "b1"): 3.0})
    assert settle(sightings, held, clear) == {"X": ["a1"], "Y": ["a2", "b1"]}


def test_two_events_that_turn_out_to_be_one_merge_into_the_older():
    sightings = [sighting("a1", start=5.0), sighting("b1", "b", start=0.0)]
    found = settle(sightings, {"a1": "X", "b1": "Y"}, score_of({pair("a1", "b1"): 4.0}))
    assert found == {"Y": ["a1", "b1"], "X": []}


def test_a_detection_that_no_longer_fits_leaves():
    found = settle([sighting("a1"), sighting("b1", "b")], {"a1": "X", "b1": "X"}, score_of({}))
    assert sorted(found.values()) == [["a1"], ["b1"]]
    assert found["X"]


def test_many_at_once_are_placed_and_stay_placed():
    sightings = [sighting(f"d{n:03d}", str(n)) for n in range(40)]
    found = settle(sightings, {}, score_of({}))
    assert sorted(len(group) for group in found.values()) == [1] * 40


@pytest.mark.parametrize(("pause", "possible"), [(GAP_S - 1, True), (GAP_S + 1, False)])
def test_a_long_pause_ends_an_event(pause, possible):
    group = [sighting("a1"), sighting("a2", start=30 + pause)]
    assert (Evidence()(group) > -_inf) is possible


def test_without_a_pose_only_one_cameras_own_detections_are_joined():
    assert Evidence()([sighting("a1"), sighting("a2", start=60)]) > 2 * Evidence()([sighting("a1")])
    assert Evidence()([sighting("a1"), sighting("b1", "b")]) == -_inf


def test_one_camera_that_sees_two_places_sees_two_events():
    left, right = sighting("a1"), sighting("a2", origin_px=(900.0, 300.0))
    assert Evidence()([left, right]) < Evidence()([left]) + Evidence()([right])


def test_a_doubtful_clock_is_never_joined_with_another_gateway(monkeypatch):
    import cloud_ingest.geotag.events as events

    monkeypatch.setattr(events, "locate", lambda observations: pytest.fail("must not be asked"))
    assert Evidence()([sighting("a1", apart=True, view=object()), sighting("b1", "b", view=object())]) == -_inf


def test_beginnings_near_each_other_speak_for_one_event_and_late_ones_hardly_against():
    ratios = [log_same_start(s) for s in (0, 30, 120, 600, 6000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 2
    assert -1 < ratios[-1] < 0
    assert log_same_start(-30) == ratios[1]


def test_neighbourhoods_share_a_camera_an_event_or_a_roof():
    sightings = [sighting("a1"), sighting("a2"), sighting("b1", "b"), sighting("c1", "c"), sighting("d1", "d")]
    found = neighbourhoods(sightings, {"b1": "X", "c1": "X"})
    assert sorted(sorted(s.detection_id for s in group) for group in found) == [["a1", "a2"], ["b1", "c1"], ["d1"]]


def test_hours_apart_are_no_neighbours_unless_one_event_holds_them():
    sightings = [sighting("a1"), sighting("a2", start=5000.0), sighting("a3", start=5100.0)]
    assert [len(group) for group in neighbourhoods(sightings, {})] == [1, 2]
    assert [len(group) for group in neighbourhoods(sightings, {"a1": "X", "a3": "X"})] == [3]


@st.composite
def arrivals(draw):
    """Some fires, each seen by some cameras, whose sightings come in any order and in any portions."""
    fires = {f"f{k}c{c}": k for k in range(draw(st.integers(1, 4))) for c in range(draw(st.integers(1, 3)))}
    order = draw(st.permutations(sorted(fires)))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)) | {len(order)})
    return fires, [order[a:b] for a, b in zip([0, *cuts], cuts, strict=False)]


@settings(max_examples=80, deadline=None)
@given(arrivals(), st.floats(2.0, 9.0), st.floats(-30.0, -3.0))
def test_fires_that_differ_clearly_come_out_the_same_in_every_order_and_nothing_moves_twice(case, same, other):
    fires, portions = case
    score = score_of(
        {pair(a, b): same if fires[a] == fires[b] else other for a in fires for b in fires if a < b}, never=other
    )
    held, arrived, numbers = {}, [], count()
    for portion in portions:
        arrived += portion
        sightings = [sighting(name, name[-1], 60.0 * fires[name]) for name in arrived]
        groups = Grouping(sightings, held, lambda _, used: f"new{next(numbers)}", score).settle()
        found = {name: key for key, group in groups.items() for name in group}
        assert sorted(found) == sorted(arrived)  # each belongs to one event
        assert all(found[name] == key for name, key in held.items())  # and stays there
        held = found
    by_key = {}
    for name, key in held.items():
        by_key.setdefault(key, set()).add(fires[name])
    assert sorted(map(sorted, by_key.values())) == [[fire] for fire in sorted(set(fires.values()))]
