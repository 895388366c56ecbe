from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.climate import STEP_S, STEPS, NightWeather, dew_point_c, draw_winter_weather, rh_of, stability_at_night
from simulator.season import evenings


def _winter(seed: int) -> list[NightWeather]:
    return draw_winter_weather(evenings(2026), np.random.default_rng(seed))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_winter_is_physically_possible(seed: int) -> None:
    for night in _winter(seed):
        assert len(night.temp_c) == STEPS
        assert ((night.rh_percent >= 12) & (night.rh_percent < 100)).all()
        assert ((night.wind_speed_m_s >= 0.2) & (night.wind_speed_m_s <= 15)).all()
        assert ((night.wind_from_deg >= 0) & (night.wind_from_deg < 360)).all()
        assert ((night.cloud >= 0) & (night.cloud <= 1)).all()
        assert (night.visibility_m >= 30).all()
        assert not (night.rain_mm_h * night.snow_mm_h).any()
        assert (night.temp_c[night.snow_mm_h > 0] < 0.5).all()
        assert (night.rh_percent[night.foggy] > 90).all()
        middle = night.at(1.5 * STEP_S)
        assert middle.temp_c == pytest.approx((night.temp_c[1] + night.temp_c[2]) / 2)
        assert 0 <= middle.wind_from_deg < 360
        assert middle.stability in "DEF"


def test_winters_hold_every_kind_of_night() -> None:
    """Over six winters: cold and mild, dry and saturated, calm and windy, fog, rain and snow; cold in January."""
    nights = [night for seed in range(6) for night in _winter(seed)]
    coldest = np.array([night.temp_c.min() for night in nights])
    assert np.percentile(coldest, 5) < -8
    assert np.percentile(coldest, 95) > 0
    wind = np.concatenate([night.wind_speed_m_s for night in nights])
    assert 0.8 < np.median(wind) < 2.2
    assert np.percentile(wind, 99) > 3.5
    assert 0.02 < np.mean([night.foggy.sum() > 2 for night in nights]) < 0.25
    assert 0.01 < np.mean([(night.snow_mm_h > 0).any() for night in nights]) < 0.2
    assert any((night.rain_mm_h > 0).any() for night in nights)
    monthly = {month: np.mean([n.temp_c.mean() for n in nights if n.evening.month == month]) for month in (11, 1, 3)}
    assert monthly[1] < min(monthly[11], monthly[3]) - 2
    dark = np.mean([night.temp_c[60:90].mean() - night.temp_c[:6].mean() for night in nights])
    assert dark < -3  # nights cool until morning


def test_same_seed_same_winter() -> None:
    first, again = _winter(3)[40], _winter(3)[40]
    assert (first.temp_c == again.temp_c).all()
    assert (first.wind_from_deg == again.wind_from_deg).all()
    assert (first.temp_c != _winter(4)[40].temp_c).any()


def test_the_shorter_way_round_north() -> None:
    night = _winter(1)[0]
    night.wind_from_deg[:2] = 350, 20
    assert night.at(STEP_S / 2).wind_from_deg == pytest.approx(5)


@settings(deadline=None)
@given(temp=st.floats(-20, 20), rh=st.floats(10, 99))
def test_dew_point_and_humidity_are_inverse(temp: float, rh: float) -> None:
    dew = dew_point_c(temp, rh)
    assert dew <= temp
    assert float(rh_of(np.array(temp), np.array(dew))) == pytest.approx(rh, rel=1e-6)


@pytest.mark.parametrize(
    ("wind", "cloud", "expected"),
    [(1, 0.1, "F"), (2.5, 0.3, "F"), (4, 0.1, "E"), (6, 0.1, "D"), (1, 0.7, "E"), (4, 0.7, "D"), (1, 1.0, "D")],
)
def test_stability_of_nights_after_turner(wind: float, cloud: float, expected: str) -> None:
    assert stability_at_night(wind, cloud) == expected
