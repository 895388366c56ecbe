"""The judging plume's fluid: it goes where the wind blows, rises and widens as plumes do, and loses nothing."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.draughts import Mouth, Regime
from simulator.fluid import ENTRAINMENT, Sheet
from simulator.outlets import Outlet, steady_smoke
from simulator.pinhole import Pinhole
from simulator.plume import Plume, droplets
from simulator.steam import CONDENSING_BOILER
from simulator.truth import NOBODY
from simulator.veil import DROPLETS
from simulator.weather import Wind
from smokesentry.weather import Weather

EYE = (0.0, 0.0, 13.0)
STOVE = Mouth((0.0, 60.0, 6.0), (0.0, 0.0, 1.0), 1.5, 0.09, 130.0)
ORDINARY = Regime()
STEP_S, CELLS = 0.25, (64, 112)


def blown(
    from_deg: float,
    speed: float,
    seconds: float,
    seed: int = 1,
    mouth: Mouth = STOVE,
    regime: Regime = ORDINARY,
    t: float = 0.0,
) -> Sheet:
    """A camera in the south looks north at a plume that has come out for some seconds."""
    sheet = Sheet(mouth, EYE, Wind(Weather(0.0, 50.0, speed, from_deg), seed), regime, 0.15, CELLS, seed)
    for step in range(int(seconds / STEP_S)):
        sheet.step(t + step * STEP_S, STEP_S, mouth.flow_m3_s, 0.07)
    return sheet


def middle(sheet: Sheet) -> np.ndarray:
    """Mean place of what has come out, from the mouth: east, north, up."""
    gas = sheet.stuff[..., 0]
    rows, columns = np.mgrid[: gas.shape[0], : gas.shape[1]].astype(float)
    weights = gas / gas.sum()
    place = sheet.place((columns * weights).sum(), (rows * weights).sum(), float(sheet.stuff[..., 2].sum() / gas.sum()))
    return place - np.array(sheet.mouth.place)


@pytest.mark.parametrize(("from_deg", "axis", "sign"), [(270, 0, 1), (90, 0, -1), (180, 1, 1), (0, 1, -1)])
def test_smoke_goes_where_the_wind_blows_and_up(from_deg: float, axis: int, sign: int) -> None:
    """Also towards the camera and away from it: east, west, north and south, over several nights."""
    gone = np.mean([middle(blown(from_deg, 1.5, 6, seed)) for seed in range(3)], axis=0)
    assert sign * gone[axis] > 0.5 * 1.5 * 3
    assert abs(gone[1 - axis]) < 0.6 * sign * gone[axis]
    assert gone[2] > 0.2


def test_nothing_is_lost_or_made() -> None:
    sheet = blown(270, 1.0, 6)
    metres2 = sheet.cell_m**2
    assert sheet.stuff[..., 0].sum() * metres2 == pytest.approx(6 * STOVE.flow_m3_s, rel=0.15)
    assert sheet.stuff[..., 1].sum() * metres2 == pytest.approx(6 * 0.07, rel=0.15)
    assert sheet.stuff[..., 0].min() > -1e-3


def test_it_widens_with_its_path() -> None:
    """The carried radius follows 0.11 x path; the columns' own spread about the plume's middle is of that size."""
    sheets = [blown(270, 1.5, 9, seed) for seed in range(3)]
    far = [int(sheet._column + 6 / sheet.cell_m) for sheet in sheets]
    radii, spreads = [], []
    for sheet, column in zip(sheets, far, strict=True):
        gas = sheet.stuff[:, column - 4 : column + 5, 0]
        carried = sheet.stuff[:, column - 4 : column + 5, 3].sum() / max(gas.sum(), 1e-9)
        up = np.arange(len(gas))[:, None] * sheet.cell_m
        mean = (gas * up).sum(axis=0) / np.maximum(gas.sum(axis=0), 1e-9)
        spreads.append(np.sqrt((gas * (up - mean) ** 2).sum() / max(gas.sum(), 1e-9)))
        radii.append(carried)
    assert 0.09 + ENTRAINMENT * 5 < np.mean(radii) < 0.09 + ENTRAINMENT * 16
    assert 0.3 * np.mean(radii) < np.mean(spreads) < 2.0 * np.mean(radii)


def test_it_rises_about_as_briggs_says() -> None:
    """1.6 F^(1/3) x^(2/3) / u at 5 m downwind, over several nights."""
    speed, x = 1.5, 5.0
    flux = 9.81 * STOVE.exit_m_s * STOVE.radius_m**2 * STOVE.warm_k / (273 + STOVE.warm_k)
    briggs = 1.6 * flux ** (1 / 3) * x ** (2 / 3) / speed
    heights = []
    for seed in range(4):
        sheet = blown(270, speed, 9, seed)
        column = int(sheet._column + x / sheet.cell_m)
        gas = sheet.stuff[:, column - 5 : column + 6, 0].sum(axis=1)
        heights.append((sheet._row - (gas * np.arange(len(gas))).sum() / max(gas.sum(), 1e-9)) * sheet.cell_m)
    assert 0.5 * briggs < np.mean(heights) < 2.0 * briggs


def test_calm_air_keeps_a_plume_narrow_and_a_house_draws_it_down() -> None:
    calm, lively = (blown(270, 1.2, 8, 3, regime=Regime(turbulence)) for turbulence in (0.3, 1.2))
    assert (calm.stuff[..., 0] > 1e-3).sum() < 0.85 * (lively.stuff[..., 0] > 1e-3).sum()
    sheltered = Mouth(STOVE.place, STOVE.out, STOVE.exit_m_s, STOVE.radius_m, STOVE.warm_k, shelter_m=6.0)
    free, drawn = (
        np.mean([middle(blown(270, 2.5, 8, seed, mouth))[2] for seed in range(3)]) for mouth in (STOVE, sheltered)
    )
    assert drawn < free - 0.1


def test_nothing_out_of_a_cold_stove() -> None:
    sheet = Sheet(STOVE, EYE, Wind(Weather(0.0, 50.0, 1.0, 0.0), 1), Regime(), 0.15, CELLS)
    for step in range(8):
        sheet.step(step * STEP_S, STEP_S, 0.0, 0.0)
    assert not sheet.stuff.any()


def test_two_cameras_see_the_same_plume() -> None:
    """Same wind: from the south and from the west its middle is at the same height and distance, within eddies."""
    wind = Wind(Weather(0.0, 50.0, 1.5, 225.0), 4)
    middles = []
    for eye in (EYE, (-60.0, 60.0, 13.0)):
        sheet = Sheet(STOVE, eye, wind, Regime(0.6), 0.15, CELLS, 2)
        for step in range(24):
            sheet.step(step * STEP_S, STEP_S, STOVE.flow_m3_s, 0.07)
        middles.append(middle(sheet))
    assert np.abs(middles[0] - middles[1]).max() < 0.35 * np.linalg.norm(middles[0])


def test_steam_is_gone_sooner_in_warm_dry_air() -> None:
    mouth = Mouth((0.0, 60.0, 6.0), (0.0, 0.0, 1.0), 1.1, 0.05, 50.0)
    sheet = blown(270, 1.0, 8, mouth=mouth)
    shown = [
        float(droplets(sheet, CONDENSING_BOILER, Weather(temp, humidity)).sum())
        for temp, humidity in ((8, 40), (0, 65), (-12, 85))
    ]
    assert 0 < shown[0] < 0.5 * shown[1] < 0.25 * shown[2]


def test_a_plume_begins_anew_when_time_jumps() -> None:
    camera = Pinhole(EYE, 0, -5, 0, 50, (640, 360))
    wind = Wind(Weather(0.0, 50.0, 1.2, 270.0), 1)
    plume = Plume(steady_smoke(STOVE, 0.3), camera, 1)
    plume.to(100.0, wind, Regime(), Weather())
    assert plume.sheet is not None
    first = plume.optical_depth(Weather()).copy()
    plume.to(5000.0, wind, Regime(), Weather())
    plume.to(100.0, wind, Regime(), Weather())
    assert plume.optical_depth(Weather()) == pytest.approx(first)
    short = Outlet(NOBODY, STOVE, DROPLETS, lambda t: 0.05 if t < 10 else 0.0, lambda t: 0.0, CONDENSING_BOILER)
    ended = Plume(short, camera, 1)
    ended.to(8.0, wind, Regime(), Weather())
    assert ended.sheet is not None
    for t in (20.0, 35.0, 50.0, 65.0):
        ended.to(t, wind, Regime(), Weather())
    assert ended.sheet is None
