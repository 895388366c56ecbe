"""A scheduled night's wind: its ten-minute means are the weather's, its gusts those of the night's stability."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from simulator.climate import STEP_S, STEPS, NightWeather, draw_winter_weather
from simulator.season import NIGHT_S, evenings
from simulator.weather import NightWind


def _calm_series(wind_m_s: float, cloud: float, evening: date = date(2027, 1, 10)) -> NightWeather:
    values = {"temp_c": -3.0, "rh_percent": 60.0, "wind_speed_m_s": wind_m_s, "wind_from_deg": 270.0, "cloud": cloud}
    values |= {"visibility_m": 9000.0, "rain_mm_h": 0.0, "snow_mm_h": 0.0}
    return NightWeather(evening, **{name: np.full(STEPS, value) for name, value in values.items()})


def test_the_mean_is_the_weathers() -> None:
    weather = draw_winter_weather(evenings(2026)[:30], np.random.default_rng(5))[20]
    wind = NightWind(weather, 5)
    t_s = np.arange(0, NIGHT_S, 5.0)
    grid = STEP_S * np.arange(STEPS)
    hours = wind.along(t_s).reshape(16, -1, 2).mean(axis=1)
    to = np.radians(weather.wind_from_deg + 180)
    east = np.interp(t_s, grid, weather.wind_speed_m_s * np.sin(to)).reshape(16, -1).mean(axis=1)
    assert hours[:, 0] == pytest.approx(east, abs=0.25 * weather.wind_speed_m_s.mean())
    assert wind.steady(1234.0)[:2] == pytest.approx(wind.along(np.array([1234.0]))[0])
    assert 0 <= wind.from_deg(5000) < 360


@pytest.mark.parametrize(("cloud", "wind_m_s", "share"), [(0.1, 1.5, 0.11), (1.0, 4.0, 0.16)])
def test_gusts_are_as_wide_as_the_plume(cloud: float, wind_m_s: float, share: float) -> None:
    """Briggs' urban slope: 0.11 in E and F, 0.16 in D (air.py); the wind comes from the west, so gusts are north."""
    wind = NightWind(_calm_series(wind_m_s, cloud), 2)
    t_s = np.arange(0, NIGHT_S, 2.0)
    assert wind.along(t_s)[:, 1].std() == pytest.approx(share * wind_m_s, rel=0.1)
    moved = np.cumsum(wind.along(np.arange(0, NIGHT_S))[:, 1])
    for travel in (20, 60, 200):
        aside = moved[travel:] - moved[:-travel]
        stated = wind.meander_m(np.array([float(travel)]), np.array([wind_m_s]))[0]
        assert stated == pytest.approx(aside.std(), rel=0.12)


def test_same_night_same_wind_and_no_two_nights_alike() -> None:
    t_s = np.arange(0, 600.0, 10)
    one = NightWind(_calm_series(1.5, 0.1), 2).along(t_s)
    assert (one == NightWind(_calm_series(1.5, 0.1), 2).along(t_s)).all()
    assert (one != NightWind(_calm_series(1.5, 0.1), 3).along(t_s)).all()
    assert (one != NightWind(_calm_series(1.5, 0.1, date(2027, 1, 10) + timedelta(days=1)), 2).along(t_s)).all()


def test_swirls_differ_from_place_to_place_and_grow_with_the_wind() -> None:
    places = np.random.default_rng(1).uniform(-40, 40, (300, 3))
    stirred = []
    for speed in (1.0, 4.0):
        wind = NightWind(_calm_series(speed, 0.1), 2)
        stirred.append((wind.at(places, 3000.0) - wind.steady(3000.0)).std())
    assert 0.05 < stirred[0] < 0.6
    assert 2 < stirred[1] / stirred[0] < 4
