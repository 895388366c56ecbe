"""The town's papers are wrong as papers are: mostly by their stated sigma, now and then by far more."""

from __future__ import annotations

import numpy as np

from simulator.papers import measured_pose, told_weather
from simulator.street import build_street
from smokesentry.weather import Weather


def test_poses_err_by_their_sigma_with_heavier_tails() -> None:
    off = []
    for seed in range(70):
        street = build_street(seed, "apartment-edge")
        for gateway, camera in street.cameras.items():
            pose = measured_pose(street, gateway)
            east, north = street.origin.metres(pose.place.lon, pose.place.lat)
            off += [(east - camera.place[0]) / pose.sigma_place_m, (north - camera.place[1]) / pose.sigma_place_m]
            off.append(((pose.heading_deg - camera.heading_deg + 180) % 360 - 180) / pose.sigma_heading_deg)
            off.append((pose.tilt_deg - camera.tilt_deg) / pose.sigma_tilt_deg)
    sizes = np.abs(off)
    assert 0.6 < np.mean(sizes < 1) < 0.77
    assert np.mean(sizes > 3) > 0.008  # 0.3 % of a normal, 2.5 % of this
    assert sizes.max() > 4


def test_the_station_is_near_the_truth_and_never_impossible() -> None:
    true = Weather(-3.0, 97.0, 1.5, 2.0)
    told = [told_weather(true, seed) for seed in range(300)]
    assert told[3] == told_weather(true, 3)
    turns = np.array([(each.wind_from_deg or 0.0) - 2.0 for each in told])
    turns = (turns + 180) % 360 - 180
    assert 0.6 < np.mean(np.abs(turns) < 7) < 0.77
    assert np.abs(turns).max() > 21
    assert all(0 <= (each.wind_from_deg or 0.0) < 360 for each in told)
    assert all((each.rh_percent or 0.0) <= 100 and (each.wind_speed_m_s or 0.0) > 0 for each in told)
    assert told_weather(Weather(), 1) == Weather()
