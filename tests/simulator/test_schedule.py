"""A winter of one street: who lights what when, and that every look-alike has its nights."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from simulator.happenings import KINDS, between
from simulator.households import households_of
from simulator.schedule import WinterNight, winter
from simulator.season import NIGHT_S, hour_of
from simulator.street import build_street


@pytest.fixture(scope="module")
def winters() -> list[list[WinterNight]]:
    return [winter(seed) for seed in range(3)]


def test_same_seed_same_winter() -> None:
    assert [night.happenings for night in winter(2)[:9]] == [night.happenings for night in winter(2)[:9]]


def test_everything_happens_in_some_night_and_within_it(winters: list[list[WinterNight]]) -> None:
    seen = set()
    for nights in winters:
        assert len(nights) == 121
        for night in nights:
            roofs = {roof.rooftop for roof in night.street.roofs}
            times = [event.t0_s for event in night.happenings]
            assert times == sorted(times)
            for event in night.happenings:
                seen.add(event.kind)
                assert 0 <= event.t0_s < event.t1_s <= NIGHT_S + 3600
                assert event.rooftop is None or event.rooftop in roofs
                assert event.gateway is None or event.gateway in night.street.cameras
    assert seen >= set(KINDS) - {"dust", "big_fire", "bump", "drill", "lens_drops", "meat_smoking", "web"}
    assert len(seen) >= len(KINDS) - 3


def test_stoves_burst_when_people_light_and_refuel(winters: list[list[WinterNight]]) -> None:
    stoves = [
        event for nights in winters for night in nights for event in between(night.happenings, 0, NIGHT_S, "stove")
    ]
    minutes = np.array([(event.t1_s - event.t0_s) / 60 for event in stoves])
    assert ((minutes > 14.99) & (minutes < 40.01)).all()
    hours = np.array([hour_of(event.t0_s) for event in stoves])
    assert np.mean((hours >= 17) & (hours < 22)) > 0.5
    assert np.mean((hours >= 4) & (hours < 8)) > 0.12
    assert np.mean((hours >= 0) & (hours < 3.5)) < 0.1
    coal = np.array([event.strength for event in stoves if event.fuel == "raw_coal"])
    clean = np.array([event.strength for event in stoves if event.fuel == "briquette"])
    assert 0.2 < np.median(coal) < 0.35
    assert np.median(clean) < 0.05
    assert all(event.place is not None and event.width_m > 0.1 for event in stoves)


def test_a_roof_smokes_once_at_a_time_and_mostly_on_cold_nights(winters: list[list[WinterNight]]) -> None:
    cold, mild = [], []
    for nights in winters:
        for night in nights:
            bursts = between(night.happenings, 0, NIGHT_S, "stove")
            for rooftop in {event.rooftop for event in bursts}:
                own = [event for event in bursts if event.rooftop == rooftop]
                assert all(later.t0_s >= earlier.t1_s for earlier, later in pairwise(own))
                assert night.households[rooftop or ""].burns is not None
            (cold if night.weather.temp_c[18] < -3 else mild).append(len(bursts))
            if night.weather.temp_c[18] > 10:
                assert len(bursts) <= len(night.street.roofs)
    assert np.mean(cold) > 1.3 * np.mean(mild)


def test_boilers_cycle_and_heat_pumps_defrost_only_in_damp_cold(winters: list[list[WinterNight]]) -> None:
    for night in winters[0]:
        for terminal in night.street.terminals:
            firings = [e for e in between(night.happenings, 0, NIGHT_S, "boiler") if e.rooftop == terminal.rooftop]
            gaps = np.diff([event.t0_s for event in firings])
            assert 20 < len(firings) < 400
            assert 60 < np.median(gaps) < 1300
            assert all(later.t0_s > earlier.t1_s for earlier, later in pairwise(firings))
        if night.weather.rh_percent[18] < 60:
            assert not between(night.happenings, 0, NIGHT_S, "defrost")


def test_cooking_is_in_the_early_evening(winters: list[list[WinterNight]]) -> None:
    for night in winters[1]:
        for event in between(night.happenings, 0, NIGHT_S, "kitchen_exhaust"):
            if event.detail != "restaurant":
                assert 16.9 <= hour_of(event.t0_s) < 20


def test_fireworks_and_paper_belong_to_holidays(winters: list[list[WinterNight]]) -> None:
    eve = [night for nights in winters for night in nights if night.day == "new_years_eve"]
    plain = [night for nights in winters for night in nights if night.day is None]
    assert min(len(between(night.happenings, 0, NIGHT_S, "fireworks")) for night in eve) > 15
    assert np.mean([len(between(night.happenings, 0, NIGHT_S, "fireworks")) for night in plain]) < 1
    assert not any(between(night.happenings, 0, NIGHT_S, "paper_burning") for night in plain)


def test_households_keep_what_they_are(winters: list[list[WinterNight]]) -> None:
    homes = [home for nights in winters for home in nights[0].households.values()]
    assert {home.heats_with for home in homes} >= {"gas", "electricity", "raw_coal", "wood", "briquette", "none"}
    assert all(home.converted == (home.heats_with in ("gas", "electricity")) for home in homes)
    assert all(home.also_burns is None or home.converted for home in homes)
    street = build_street(4)
    assert {home.rooftop for home in households_of(street).values() if home.heats_with == "gas"} == {
        terminal.rooftop for terminal in street.terminals
    }
    again = [home.also_burns for seed in range(12) for home in households_of(build_street(seed)).values()]
    assert any(again)
