"""Canaries first: whatever gateways do, nobody gets a version after one has taken it back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.identity.rollout import Outcome, RolloutStopped, carry_out, outcome_of, plan

_NAMES = st.lists(st.from_regex(r"gw-[a-z0-9]{1,6}", fullmatch=True), unique=True, min_size=1, max_size=40)


@settings(deadline=None)
@given(names=_NAMES, percents=st.lists(st.integers(1, 99), unique=True, max_size=4).map(sorted))
def test_every_gateway_has_one_turn_and_the_first_group_is_small(names: list[str], percents: list[int]) -> None:
    wanted = plan("model", 3, names, [*percents, 100])
    assert sorted(name for group in wanted.groups for name in group) == sorted(names)
    assert wanted == plan("model", 3, reversed(names), [*percents, 100]), "the order does not depend on how it is asked"
    if percents:
        assert len(wanted.groups[0]) <= max(1, -(-len(names) * percents[0] // 100))


@pytest.mark.parametrize("percents", [[], [50], [50, 20, 100], [0, 100], [10, 10, 100]])
def test_percents_that_make_no_groups_are_refused(percents: list[int]) -> None:
    with pytest.raises(ValueError, match="percents rise"):
        plan("model", 1, ["a"], percents)


@settings(deadline=None)
@given(names=_NAMES, failing=st.data())
def test_nobody_after_the_group_of_the_first_failure_is_ordered(names: list[str], failing: st.DataObject) -> None:
    bad = failing.draw(st.sets(st.sampled_from(names)))
    silent = failing.draw(st.sets(st.sampled_from(names)))
    wanted = plan("configuration", 7, names, [10, 50, 100])
    said: dict[str, Outcome] = {}
    ordered: list[str] = []
    patience = [0]

    def send(name: str) -> None:
        ordered.append(name)
        said[name] = Outcome.NOTHING if name in silent else Outcome.TRIAL
        patience[0] = 3

    def rest() -> bool:
        for name, outcome in said.items():
            if outcome is Outcome.TRIAL:
                said[name] = Outcome.FAILED if name in bad else Outcome.CONFIRMED
        patience[0] -= 1
        return patience[0] > 0

    stops = [number for number, group in enumerate(wanted.groups) if set(group) & (bad | silent)]
    if stops:
        with pytest.raises(RolloutStopped):
            carry_out(wanted, send=send, look=lambda: said, rest=rest, say=lambda _: None)
    else:
        carry_out(wanted, send=send, look=lambda: said, rest=rest, say=lambda _: None)
    upto = stops[0] + 1 if stops else len(wanted.groups)
    assert sorted(ordered) == sorted(name for group in wanted.groups[:upto] for name in group)


def test_started_again_it_orders_only_what_is_missing() -> None:
    wanted = plan("model", 2, ["a", "b", "c"], [100])
    said = {"a": Outcome.CONFIRMED, "b": Outcome.NOTHING, "c": Outcome.NEWER}
    ordered: list[str] = []

    def send(name: str) -> None:
        ordered.append(name)
        said[name] = Outcome.CONFIRMED

    carry_out(wanted, send=send, look=lambda: said, rest=lambda: False, say=lambda _: None)
    assert ordered == ["b"]


@pytest.mark.parametrize(
    ("managed", "outcome"),
    [
        (None, Outcome.NOTHING),
        ({"confirmed": {"model": 4}}, Outcome.CONFIRMED),
        ({"confirmed": {"model": 5}}, Outcome.NEWER),
        ({"confirmed": {"model": 3}, "failed": {"model": 4}}, Outcome.FAILED),
        ({"trial": {"model": 4}}, Outcome.TRIAL),
        ({"trial": {"configuration": 4}}, Outcome.NOTHING),
    ],
)
def test_a_gateways_health_says_what_became_of_a_version(managed: dict[str, Any] | None, outcome: Outcome) -> None:
    assert outcome_of({"managed": managed}, "model", 4) is outcome
    assert outcome_of(None, "model", 4) is Outcome.NOTHING
