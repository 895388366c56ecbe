"""Scheduled nights' air: its long mean is the plume table's, its moments are not; backgrounds and gases behave."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.air import Release, Stability, Terrain, excess_ug_m3, spreads
from simulator.atmosphere import Atmosphere
from simulator.climate import STEPS, NightWeather
from simulator.emissions import EXIT_M_S, RISE_M, emission, emits, opacity
from simulator.happenings import Fuel, Happening, Kind, between
from simulator.schedule import winter
from simulator.season import NIGHT_S

TABLE = Path(__file__).parents[3] / "shared" / "domain" / "plume_table.md"

#: Plume table, Q = 20 g/h, release and sensor at 6 m: µg/m³ on the axis at 50, 100 and 200 m.
ON_THE_AXIS: list[tuple[Terrain, Stability, float, tuple[float, float, float]]] = [
    ("urban", "D", 3, (6.6, 2.3, 0.7)),
    ("urban", "E", 2, (21.2, 7.0, 2.5)),
    ("urban", "F", 1, (42.4, 14.0, 5.0)),
    ("rural", "D", 3, (25.5, 7.3, 2.7)),
    ("rural", "E", 2, (100.0, 25.4, 7.3)),
    ("rural", "F", 1, (562.3, 143.0, 37.0)),
]


def steady_night(wind_m_s: float, **changes: float) -> NightWeather:
    """A night on which nothing changes; the wind comes from the south."""
    values = {"temp_c": -3.0, "rh_percent": 60.0, "wind_speed_m_s": wind_m_s, "wind_from_deg": 180.0, "cloud": 0.2}
    values |= {"visibility_m": 9000.0, "rain_mm_h": 0.0, "snow_mm_h": 0.0} | changes
    return NightWeather(date(2027, 1, 10), **{name: np.full(STEPS, value) for name, value in values.items()})


def fire(
    kind: Kind = "steady_fire", strength: float = 20.0, height_m: float = 6.0, fuel: Fuel = "raw_coal"
) -> Happening:
    """A fire at the origin whose smoke travels ``height_m`` above ground, the whole night long."""
    return Happening(kind, 0, NIGHT_S, strength, "r-01", (0.0, 0.0, height_m - RISE_M[kind]), None, 0.12, fuel, seed=1)


def excess(air: Atmosphere, at: tuple[float, float, float], t_s: np.ndarray) -> np.ndarray:
    return np.asarray(air.breath(at, t_s).pm25_ug_m3 - air.background(t_s)[0])


@pytest.mark.parametrize(("terrain", "stability", "wind", "expected"), ON_THE_AXIS)
def test_the_mean_of_hours_is_the_plume_tables(
    terrain: Terrain, stability: Stability, wind: float, expected: tuple[float, float, float]
) -> None:
    t_s = np.arange(2000.0, 30000.0, 7.0)
    for away, table in zip((50.0, 100.0, 200.0), expected, strict=True):
        nights = [Atmosphere(steady_night(wind), [fire()], seed, terrain, stability) for seed in range(3)]
        mean = np.mean([excess(air, (0.0, away, 6.0), t_s).mean() for air in nights])
        assert mean == pytest.approx(table, rel=0.3)


@pytest.mark.skipif(not TABLE.exists(), reason="the project's shared domain facts are not here")
def test_the_figures_above_stand_in_the_plume_table() -> None:
    sections = TABLE.read_text(encoding="utf-8").split("\n## ")
    for terrain, stability, wind, expected in ON_THE_AXIS:
        (section,) = [part for part in sections if part.startswith(f"{terrain}, Q=20 g/h (ignition")]
        (row,) = [line for line in section.splitlines() if line.startswith(f"| {stability} | {wind} |")]
        assert tuple(float(cell) for cell in row.split("|")[3:6]) == expected


def test_a_moment_is_not_the_mean() -> None:
    """What a sensor meets 80 m off comes and goes: often nothing, at times many times the mean."""
    t_s = np.arange(2000.0, 20000.0, 1.0)
    air = Atmosphere(steady_night(1.5), [fire()], 4, "urban", "E")
    found = excess(air, (0.0, 80.0, 6.0), t_s)
    assert np.percentile(found, 95) > 2.2 * found.mean()
    assert np.mean(found < 0.3 * found.mean()) > 0.1
    beside = [excess(air, (80 * np.sin(a), 80 * np.cos(a), 6.0), t_s).mean() for a in np.radians([0, 7, 15, 40, 180])]
    assert beside[0] > beside[1] > beside[2] > beside[3]
    assert beside[3] < 0.02 * beside[0]
    assert beside[4] == pytest.approx(0, abs=1e-6)


def test_smoke_arrives_after_its_way() -> None:
    lit = Happening("stove", 5000, 6500, 0.3, "r-01", (0.0, 0.0, 5.0), None, 0.18, "raw_coal", seed=3)
    air = Atmosphere(steady_night(1.0), [lit], 2)
    t_s = np.arange(4900.0, 7200.0, 1.0)
    found = excess(air, (0.0, 60.0, 6.0), t_s)
    assert not found[t_s < 5000 + 60 / 2.2].any()
    assert found[(t_s > 5150) & (t_s < 6000)].mean() > 1
    assert not found[t_s > 6500 + 400].any()


@settings(max_examples=25, deadline=None)
@given(x=st.floats(5, 2000))
def test_spreads_grow_and_stable_air_spreads_less(x: float) -> None:
    for terrain in ("urban", "rural"):
        wide = [spreads(x, kind, terrain) for kind in ("D", "E", "F")]
        assert wide[0][0] >= wide[1][0] >= wide[2][0] > 0
        assert wide[0][1] >= wide[1][1] >= wide[2][1] > 0
        assert (spreads(x * 1.1, "E", terrain)[1] > wide[1][1]).all()
    release = Release(0.0, 0.0, 6.0)
    assert excess_ug_m3(release, (0.0, x, 6.0), 20, 1, 180.0) == pytest.approx(
        2 * excess_ug_m3(release, (0.0, x, 6.0), 10, 1, 180.0)
    )


def test_the_background_rises_in_episodes_and_fireworks_and_is_washed_out() -> None:
    t_s = np.arange(0.0, NIGHT_S, 600.0)
    plain = Atmosphere(steady_night(1.5), [], 7).background(t_s)[0]
    episode = Happening("regional_episode", 3600, NIGHT_S, 120.0)
    hazy = Atmosphere(steady_night(1.5), [episode], 7).background(t_s)[0]
    assert (hazy[:6] == plain[:6]).all()
    assert (hazy - plain)[30:] == pytest.approx(120.0)
    salvoes = [Happening("fireworks", 26000 + 100 * n, 26300 + 100 * n, 40.0, place=(900, 0, 1)) for n in range(15)]
    loud = Atmosphere(steady_night(1.5), salvoes, 7).background(t_s)
    assert 2 < (loud[0] / plain).max() < 8
    rainy = Atmosphere(steady_night(1.5, rain_mm_h=1.0), [], 7).background(t_s)[0]
    assert rainy[-1] < 0.4 * plain[-1]
    windy = Atmosphere(steady_night(4.0), [], 7).background(t_s)[0]
    assert windy.mean() < plain.mean()
    assert plain[22:30].mean() > plain[48:60].mean()  # evening above the small hours


def test_gases_tell_coal_from_wood() -> None:
    t_s = np.array([20000.0])
    coal, wood = (emission(fire("stove", 0.3, fuel=fuel), t_s) for fuel in ("raw_coal", "wood"))
    assert coal.pm25_g_h == pytest.approx(wood.pm25_g_h)
    assert coal.so2_g_h[0] > 10 * wood.so2_g_h[0] > 0
    near = Atmosphere(steady_night(1.0), [fire("stove", 0.3)], 1, "rural", "F").breath((0.0, 40.0, 6.0), t_s)
    clean = Atmosphere(steady_night(1.0), [], 1, "rural", "F").breath((0.0, 40.0, 6.0), t_s)
    assert near.so2_ug_m3[0] >= clean.so2_ug_m3[0]
    assert near.co_mg_m3[0] >= clean.co_mg_m3[0]
    assert near.pm10_ug_m3[0] >= near.pm25_ug_m3[0]


@pytest.mark.parametrize("kind", sorted(RISE_M))
def test_everything_that_emits_begins_and_ends(kind: Kind) -> None:
    event = Happening(
        kind, 1000, 2500, 0.3 if kind in EXIT_M_S else 30.0, None, (5.0, 5.0, 3.0), None, 0.2, "wood", seed=2
    )
    assert emits(event)
    out = emission(event, np.array([900.0, 1500.0, 2600.0]))
    assert (out.pm25_g_h[[0, 2]] == 0).all()
    assert out.pm25_g_h[1] > 0
    if kind in EXIT_M_S:
        assert 0 < opacity(event, np.array([1500.0]))[0] < 0.6


def test_what_emits_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="boiler"):
        emission(Happening("boiler", 0, 10, 30.0), np.zeros(1))


def test_few_visible_bursts_reach_a_sensor() -> None:
    """A plume is some degrees wide: of bursts that a camera could see, most pass both gateways by."""
    reached = []
    for night in winter(8)[12::24]:
        air = Atmosphere(night.weather, night.happenings, 8)
        for burst in between(night.happenings, 0, NIGHT_S - 600, "stove"):
            t_s = np.arange(burst.t0_s, burst.t1_s + 120, 10.0)
            if burst.strength < 0.1:
                continue
            met = [air.plume(burst, camera.place, t_s) for camera in night.street.cameras.values()]
            minutes = [np.convolve(thinned * out.pm25_g_h, np.full(6, 1 / 6), "valid").max() for thinned, out in met]
            reached.append(max(minutes) > 5)
    assert len(reached) > 15
    assert 0.03 < np.mean(reached) < 0.5
