from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.sources import SMOKE_EXTINCTION_M2_G, Boiler, Stove, draw_boiler, draw_stove
from simulator.steam import CONDENSING_BOILER

seeds = st.integers(0, 10_000)


@given(seed=seeds)
def test_a_lighting_is_a_burst(seed: int) -> None:
    """Onset under two minutes, 15-45 % at the mouth while it lasts, nothing before or after."""
    stove = draw_stove(0.18, np.random.default_rng(seed))
    assert stove.opacity(0) == 0
    assert stove.opacity(stove.lasts_s + 1) == 0
    early = np.mean([stove.opacity(t) for t in np.arange(60, 150, 0.5)])
    late = np.mean([stove.opacity(t) for t in np.arange(700, 790, 0.5)])
    assert 0.13 <= early <= 0.42
    assert late < early
    assert max(stove.opacity(t) for t in np.arange(0, 900, 0.5)) <= 0.45
    assert 800 <= stove.lasts_s <= 1000


@pytest.mark.parametrize(("g_h", "percent"), [(10, 7.6), (20, 14.5), (40, 27.0), (60, 37.6)])
def test_mass_and_opacity_go_together_as_in_the_plume_table(g_h: float, percent: float) -> None:
    """The table's flue: 12 cm, 1.5 m/s, 4 m²/g."""
    stove = Stove(0.12, percent / 100, 0.001, 1e9, 1e9, (0, 0, 0, 0))
    still = Stove(0.12, percent / 100 / (stove.opacity(100.0) / (percent / 100)), 0.001, 1e9, 1e9, (0, 0, 0, 0))
    assert still.pm25_g_h(100.0) * SMOKE_EXTINCTION_M2_G / 4 == pytest.approx(g_h, rel=0.03)


@given(seed=seeds)
def test_a_boiler_cycles(seed: int) -> None:
    boiler = draw_boiler(np.random.default_rng(seed), until_s=1200)
    on = [boiler.flow(float(t)) > 0 for t in range(1200)]
    assert 0.15 < np.mean(on) < 0.95
    assert 3 <= np.abs(np.diff(np.array(on, int))).sum() <= 40


def test_a_boiler_fades_in_and_out() -> None:
    boiler = Boiler(CONDENSING_BOILER, 0.01, 0.1, (10.0,), (60.0,))
    assert [boiler.flow(t) for t in (9.9, 70.0)] == [0, 0]
    assert 0 < boiler.flow(10.5) < boiler.flow(40.0) == pytest.approx(0.01)
    assert boiler.exit_m_s == pytest.approx(1.27, abs=0.01)
