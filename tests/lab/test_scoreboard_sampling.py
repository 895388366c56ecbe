"""Which windows are played and what they stand for, on nights made up by hand."""

from __future__ import annotations

import pytest

from lab.scoreboard.sampling import AFTER_S, BEFORE_S, CELL_S, LEAD_S, QUIET, Dark, Window, band_of, draw_windows
from lab.scoreboard.stretches import HOURS, draw_stretches
from simulator.happenings import Happening
from simulator.lighting import LightType

HOUR = 3600.0


def night(number: int, *happenings: Happening) -> Dark:
    light: LightType = "lamps" if number % 2 else "moon"
    return Dark(number, 0.0, 12 * HOUR, happenings, light, 2)


def stove(t0_s: float, strength: float = 0.25) -> Happening:
    return Happening("stove", t0_s, t0_s + 1200, strength, "r-01", (0, 0, 5), fuel="raw_coal")


def draw(nights: list[Dark], fires: int = 10, cells: int = 20) -> list[Window]:
    return draw_windows(nights, fires, cells, lambda *_: True, 1)[0]


NIGHTS = [
    night(k, stove(2 * HOUR), stove(7 * HOUR, 0.1), Happening("boiler", 0, 12 * HOUR, 30.0, "r-02"),
          Happening("web", 3 * HOUR, 3.5 * HOUR, 0.1, gateway="gw-east"),
          Happening("regional_episode", 0, 12 * HOUR, 80.0))
    for k in range(3)
]  # fmt: skip


def test_drawn_windows_stand_for_all_of_the_nights() -> None:
    windows, population = draw_windows(NIGHTS, 4, 12, lambda *_: True, 1)
    for name, size in population.windows.items():
        weights = [window.weight for window in windows if window.stratum == name]
        assert sum(weights) == pytest.approx(size)
        assert weights


def test_every_cell_belongs_to_the_rarest_thing_that_can_be_seen() -> None:
    windows, population = draw_windows(NIGHTS, 4, 40, lambda *_: True, 1)
    webs = [window for window in windows if window.stratum == "web"]
    assert webs
    assert all(window.to_s > 3 * HOUR and window.from_s < 3.5 * HOUR for window in webs)
    assert QUIET not in population.windows  # the boiler never rests
    assert "regional_episode" not in population.windows  # no camera sees it


def test_a_night_without_anything_is_quiet() -> None:
    windows = draw([night(0)])
    assert {window.stratum for window in windows} == {QUIET}


def test_no_cell_lies_where_a_fire_burns() -> None:
    for window in draw(NIGHTS, 4, 500):
        if window.targets:
            (target,) = window.targets
            assert target.t0_s - window.from_s == BEFORE_S
            assert window.to_s - target.t0_s == AFTER_S
            continue
        assert window.to_s - window.from_s == LEAD_S + CELL_S
        for fire in (2 * HOUR, 7 * HOUR):
            assert window.to_s <= fire - BEFORE_S or window.from_s >= fire + 1200


def test_each_opacity_band_is_met() -> None:
    strata = {window.stratum for window in draw(NIGHTS, 4, 4) if window.targets}
    assert strata == {"around a fire, 8% to 15%", "around a fire, 15% to 30%"}


def test_fires_that_no_camera_can_see_are_counted_not_played() -> None:
    windows, population = draw_windows(NIGHTS, 4, 4, lambda *_: False, 1)
    assert population.hidden_fires == 6
    assert all(not window.targets for window in windows)


def test_the_same_seed_draws_the_same_windows() -> None:
    assert draw(NIGHTS) == draw(NIGHTS)


def test_bands() -> None:
    assert [band_of(o) for o in (0.0, 0.08, 0.299, 0.3, 1.0)] == [
        "below 8%", "8% to 15%", "15% to 30%", "30% to 50%", "50% and more",
    ]  # fmt: skip


def test_stretches_are_of_different_nights_and_all_kinds_of_light_and_know_their_fires() -> None:
    nights = [night(k, *(stove(hour * HOUR) for hour in range(12))) for k in range(6)]
    found = draw_stretches(nights, 4, HOURS, lambda *_: True, 1)
    assert len({window.night for window in found}) == 4
    assert sum(window.night % 2 for window in found) == 2
    for window in found:
        assert window.to_s - window.from_s == pytest.approx(HOURS * 3600)
        assert 0 <= window.from_s <= 10 * HOUR
        assert 1 <= len(window.targets) <= 2
        assert all(window.from_s + BEFORE_S <= fire.t0_s <= window.to_s - AFTER_S for fire in window.targets)
    unseen = draw_stretches(nights, 4, HOURS, lambda *_: False, 1)
    assert not any(window.targets for window in unseen)
    with pytest.raises(ValueError, match="between 1 and 6"):
        draw_stretches(nights, 7, HOURS, lambda *_: True, 1)
    with pytest.raises(ValueError, match="shorter"):
        draw_stretches(nights, 1, 13.0, lambda *_: True, 1)
