"""Whole scenes: the smoke is there to be seen, comes from the chimney, and the other scenes have none."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from simulator.camera import tone
from simulator.night import Night, choose_burner, choose_steamer
from simulator.papers import footprints, measured_pose
from simulator.sensors import Air
from simulator.stage import Stage
from simulator.street import build_street
from simulator.weather import draw_weather


def test_smoke_can_be_seen_by_both_cameras(burning: Stage) -> None:
    for eye in burning.eyes.values():
        smoke = eye.shoot(burning.night).smoke
        assert smoke is not None
        assert smoke.contrast_to_noise >= 2
        assert smoke.area_px >= 200
        assert 12 <= max(smoke.size_px) <= 400
        assert 0.15 <= smoke.opacity <= 0.45


def test_the_plume_is_where_truth_says(burning: Stage) -> None:
    """Between the same frame with and without the plume, the difference begins at the origin pixel."""
    eye = burning.eyes["gw-east"]
    shots = [eye.shoot(burning.night).frame.astype(np.float32) for _ in range(8)]
    night = Night(burning.street, burning.night.weather, "quiet", None, None)
    night.advance(80)
    clean = [eye.shoot(night).frame.astype(np.float32) for _ in range(8)]
    change = cv2.GaussianBlur(np.abs(np.mean(shots, axis=0) - np.mean(clean, axis=0)).mean(axis=2), (0, 0), 2)
    smoke = eye.shoot(burning.night).smoke
    assert smoke is not None
    x, y = (int(value) for value in smoke.origin_px)
    near = change[y - 14 : y + 4, x - 10 : x + 11].max()
    assert near > 5
    assert near > 0.35 * change[y - 200 : y + 5, x - 200 : x + 200].max()
    assert change[y + 40 :, :].mean() < 1


def test_opacity_at_the_mouth_is_the_stated_one(burning: Stage) -> None:
    """The plume's opacity just above the mouth, averaged over time, is near the stove's."""
    eye, night = burning.eyes["gw-east"], burning.night
    smoke = next(outlet for outlet in night.outlets if outlet.source.kind == "stove")
    x, y = (int(value) for value in eye.origin_px(smoke.mouth.place))
    stated, painted = [], []
    for _ in range(30):
        night.advance(night.t + 0.5)
        veil = eye.smoke_veil(night, smoke)
        assert veil is not None
        rows = slice(max(y - 6 - veil.box[0].start, 0), max(y + 1 - veil.box[0].start, 0))
        columns = slice(max(x - 8 - veil.box[1].start, 0), x + 9 - veil.box[1].start)
        painted.append(1 - np.exp(-veil.depth[rows, columns].max()))
        stated.append(night.opacity(night.t))
    assert np.mean(painted) == pytest.approx(np.mean(stated), rel=0.45)


def test_same_seed_same_night(burning: Stage) -> None:
    eye, nights = burning.eyes["gw-east"], []
    for _ in range(2):
        night = Night(burning.street, burning.night.weather, "burn", burning.night.burner, burning.night.steamer)
        night.advance(3)
        night.light_stove()
        night.advance(12)
        veil = eye.smoke_veil(night, night.outlets[0])
        assert veil is not None
        nights.append(veil.depth)
    assert nights[0].max() > 0.03
    assert nights[0] == pytest.approx(nights[1])


def test_nobody_can_light_a_stove_that_is_not_there() -> None:
    street = build_street(2)
    night = Night(street, draw_weather(2), "quiet", None, None)
    with pytest.raises(ValueError, match="quiet"):
        night.light_stove()


@pytest.mark.parametrize("seed", range(12))
def test_the_burner_is_never_the_steamer(seed: int) -> None:
    street = build_street(seed)
    steamer = choose_steamer(street)
    fair = choose_burner(street, steamer, {roof.rooftop: 5.0 for roof in street.roofs})
    assert fair.rooftop != steamer.rooftop
    seen = {roof.rooftop: 0.5 for roof in street.roofs}
    best = next(roof.rooftop for roof in street.roofs if roof.rooftop != steamer.rooftop)
    assert choose_burner(street, steamer, seen | {best: 1.0}).rooftop == best


def test_particulates_rise_downwind_after_the_wind_has_carried_them(burning: Stage) -> None:
    night, air = burning.night, Air(burning.night)
    assert night.burner is not None
    assert night.lit_at is not None
    mouth, away = night.burner.chimney.mouth, 20.0
    t = night.lit_at + 300
    to = np.radians(night.wind.from_deg(t) + 180)
    downwind = (mouth[0] + away * np.sin(to), mouth[1] + away * np.cos(to), mouth[2])
    upwind = (mouth[0] - away * np.sin(to), mouth[1] - away * np.cos(to), mouth[2])
    assert air.pm25_ug_m3(downwind, t) > air.pm25_ug_m3(upwind, t) + 5
    assert air.pm25_ug_m3(downwind, night.lit_at + 2) == pytest.approx(air.pm25_ug_m3(upwind, night.lit_at + 2))


def test_papers_of_the_town(burning: Stage) -> None:
    street = burning.street
    document = footprints(street)
    kinds = [feature["properties"]["kind"] for feature in document["features"]]
    assert kinds.count("rooftop") == len(street.roofs)
    assert kinds.count("chimney") == sum(roof.chimney.registered for roof in street.roofs)
    for feature in document["features"]:
        if feature["geometry"]["type"] == "Polygon":
            ring = feature["geometry"]["coordinates"][0]
            assert ring[0] == ring[-1]
            area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
            assert area > 0  # RFC 7946: anticlockwise
    for gateway, camera in street.cameras.items():
        pose = measured_pose(street, gateway)
        off = (pose.heading_deg - camera.heading_deg + 180) % 360 - 180
        assert 0 < abs(off) < 4 * pose.sigma_heading_deg
        east, north = street.origin.metres(pose.place.lon, pose.place.lat)
        assert np.hypot(east - camera.place[0], north - camera.place[1]) < 4 * pose.sigma_place_m


def test_a_still_looks_like_a_night(burning: Stage) -> None:
    """Dark but not black, some saturated lamps, a sky that is neither."""
    eye = burning.eyes["gw-west"]
    night = Night(burning.street, burning.night.weather, "quiet", None, None)
    grey = cv2.cvtColor(eye.shoot(night).frame, cv2.COLOR_BGR2GRAY)
    assert 30 <= np.median(grey) <= 110
    assert np.percentile(grey, 5) < 70
    assert 0.0001 < (grey > 230).mean() < 0.08
    assert tone(np.zeros((1, 1, 3), np.float32), eye.sensor.exposure).max() < 15
