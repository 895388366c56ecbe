from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.puffs import ENTRAINMENT, Puffs
from simulator.weather import Wind, draw_weather
from smokesentry.weather import Weather


def let_out(wind: Wind, seconds: float, rate: float = 0.1) -> Puffs:
    puffs = Puffs((0, 0, 7), (0, 0, 1), 1.5, 0.08, 130, np.random.default_rng(1))
    for step in range(int(seconds * 10)):
        puffs.step(step / 10, 0.1, wind, rate)
    return puffs


@settings(max_examples=15)
@given(speed=st.floats(0.5, 3), from_deg=st.floats(0, 359))
def test_smoke_goes_where_the_wind_blows_and_up(speed: float, from_deg: float) -> None:
    """On the average of several nights: a single one may have an eddy just there."""
    along, aside, up = [], [], []
    for seed in range(6):
        wind = Wind(Weather(0.0, 50.0, speed, from_deg), seed)
        puffs = let_out(wind, 8)
        gone = puffs.place[puffs.age_s > 2].mean(axis=0) - np.array([0, 0, 7])
        blew = np.mean([wind.steady(t) for t in np.arange(0, 8, 0.5)], axis=0)
        downwind = blew / np.linalg.norm(blew)
        along.append(gone @ downwind)
        aside.append(gone @ np.array([-downwind[1], downwind[0], 0]))
        up.append(gone[2])
    assert np.mean(along) > 0.6 * speed
    assert abs(np.mean(aside)) < 0.5 * np.mean(along)
    assert np.mean(up) > 0.2


def test_nothing_is_lost_while_it_can_be_seen() -> None:
    puffs = let_out(Wind(Weather(0.0, 50.0, 1.0, 0.0), seed=3), 12, rate=0.2)
    assert puffs.load.sum() == pytest.approx(0.2 * 12, rel=0.12)  # puffs are uneven, their mean is not


def test_puffs_widen_with_their_path_and_leave() -> None:
    puffs = let_out(Wind(Weather(0.0, 50.0, 2.0, 90.0), seed=4), 40)
    assert puffs.radii == pytest.approx(0.08 + ENTRAINMENT * puffs.path_m)
    assert puffs.radii.max() < 2.6
    assert 50 < len(puffs.radii) < 300


def test_a_stove_that_is_out_sends_nothing() -> None:
    assert len(let_out(Wind(Weather(0.0, 50.0, 1.0, 0.0), seed=3), 5, rate=0.0).load) == 0


@settings(max_examples=30)
@given(seed=st.integers(0, 5000))
def test_weather_is_a_night_in_which_steam_can_be_told(seed: int) -> None:
    weather = draw_weather(seed)
    assert weather.steam_can_be_told
    assert weather.wind_speed_m_s is not None
    assert 0.5 <= weather.wind_speed_m_s <= 3
    wind = Wind(weather, seed)
    speeds = [wind.speed(t) for t in np.arange(0, 1800, 3.0)]
    assert np.mean(speeds) == pytest.approx(weather.wind_speed_m_s, rel=0.25, abs=0.1)
    assert 0.03 < np.std(speeds) < 0.6 * np.mean(speeds)
    places = np.random.default_rng(seed).uniform(-20, 20, (400, 3))
    swirl = wind.at(places, 100.0) - wind.steady(100.0)
    assert np.abs(swirl.mean(axis=0)).max() < 0.35 * swirl.std() + 0.05
