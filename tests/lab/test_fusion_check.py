"""The short form of what docs/fusion.md measures: a boiler is told from a stove; another camera's nights help."""

from __future__ import annotations

import numpy as np
import pytest

from cloud_ingest.geotag.steam import UNRESOLVED_FROM
from lab.fusion_check import _OTHER, named, rhythms
from simulator.schedule import winter


@pytest.fixture(scope="module")
def nights():
    return winter(1)


def test_boilers_are_told_by_their_rhythm_and_no_stove_is(nights):
    found = rhythms(nights[::20], 0.6, np.random.default_rng(7))
    told = [one.stove for one in found if one.weight is not None and one.weight <= UNRESOLVED_FROM]
    assert len(told) >= 0.9 * sum(not one.stove for one in found) > 0
    assert not any(told)
    assert sum(one.stove for one in found) > 3


def test_another_cameras_nights_make_more_first_roofs_right(nights):
    every = [one for seed in range(6) for one in named(nights[0].street, nights[::2], 0.6, np.random.default_rng(seed))]
    found = [one for one in every if one.setup == _OTHER]
    assert len(found) > 100
    assert np.mean([one.right_after for one in found]) > np.mean([one.right_alone for one in found])
    assert all(one.right_after is one.right_alone for one in every if one.setup != _OTHER)
    assert all(one.said_after < 1 for one in found)
