"""Windows out of a scheduled night, light types, and real H.264."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulator.camera import noise_fields
from simulator.codec import H264
from simulator.eye import Eye
from simulator.happenings import Happening
from simulator.lighting import LightType
from simulator.night import Night
from simulator.outlets import outlet_of
from simulator.render import car_of, render_night, render_window
from simulator.scenery import faces_of
from simulator.schedule import WinterNight, winter
from simulator.stage import Stage
from simulator.weather import draw_weather

SIZE = (320, 180)
pytest.importorskip("av", reason="needs PyAV (extra [dev])")


@pytest.fixture(scope="module")
def night() -> WinterNight:
    """A real evening of a winter with one stove, its neighbour's boiler and a passing car put into it."""
    found = winter(5)[30]
    roof = next(roof for roof in found.street.roofs)
    end = found.street.terminals[0]
    alley, half = found.street.alleys_m[0], found.street.half_length_m
    turn = np.array(
        [
            [np.cos(found.street.turn_rad), -np.sin(found.street.turn_rad)],
            [np.sin(found.street.turn_rad), np.cos(found.street.turn_rad)],
        ]
    )
    start, stop = (tuple(float(v) for v in turn @ (along, alley)) for along in (-half, half))
    events = (
        Happening("stove", 1000, 2500, 0.45, roof.rooftop, roof.chimney.mouth, None, roof.chimney.flue_m, "raw_coal"),
        Happening("boiler", 1000, 1300, 30.0, end.rooftop, end.mouth, None, 0.06, "gas"),
        Happening("vehicle", 1200, 1204, 0.1, None, (*start, 0.4), (*stop, 0.4), 0.08),
        Happening("fog", 1230, 2000, 60.0),
        Happening("bump", 1240, 2000, 2.0, gateway="gw-west", seed=3),
    )
    return replace(found, happenings=events)


def test_a_window_of_a_night_shows_what_is_scheduled(night: WinterNight) -> None:
    frames = list(render_night(night, "gw-west", 1180, 12, 1.0, SIZE, codec=False))
    assert [t for t, _, _ in frames] == [1180.0 + number for number in range(12)]
    assert {frame.shape for _, frame, _ in frames} == {(180, 320)}
    kinds = {plume.source.kind: plume for _, _, seen in frames for plume in seen}
    assert {"stove", "boiler"} <= set(kinds)
    stove = kinds["stove"]
    assert (stove.source.rooftop, stove.source.fuel) == (night.street.roofs[0].rooftop, "raw_coal")
    assert 0.1 < stove.opacity <= 0.45
    assert stove.clear_contrast_to_noise == stove.contrast_to_noise


def test_fog_hides_what_would_be_seen_and_says_so(night: WinterNight) -> None:
    """By the pixels that the plume changes: before a lamp, where nothing is noisy, one pixel's contrast is wild."""
    frames = list(render_night(night, "gw-east", 1227, 6, 1.0, SIZE, codec=False))
    stoves = [next(plume for plume in seen if plume.source.kind == "stove") for _, _, seen in frames]
    clear, foggy = ([stove.area_px for stove in some] for some in (stoves[:3], stoves[3:]))
    assert max(foggy) < 0.3 * min(clear)
    assert all(stove.clear_contrast_to_noise == stove.contrast_to_noise for stove in stoves[:3])
    assert all(stove.clear_contrast_to_noise != stove.contrast_to_noise for stove in stoves[3:])


def test_a_cars_course(night: WinterNight) -> None:
    car = car_of(night.happenings[2], night.street)
    assert car.alley_m == pytest.approx(night.street.alleys_m[0], abs=0.01)
    assert car.forward
    assert car.enters_s + (45.0) / car.speed_m_s == pytest.approx(1200, abs=0.1)


def test_a_stage_gives_windows_too(burning: Stage) -> None:
    frames = list(render_window(burning, "gw-east", 60, 2, 1.0, SIZE))
    assert len(frames) == 2
    assert frames[-1][2][0].source.kind == "stove"
    again = list(render_window(burning, "gw-east", 60, 2, 1.0, SIZE))
    assert frames[0][2] == again[0][2]


@pytest.mark.parametrize("light", ["lamps", "dark", "moon", "infrared"])
def test_light_types(burning: Stage, light: LightType) -> None:
    street = burning.street
    fields = noise_fields(SIZE, np.random.default_rng(1))
    eye = Eye("gw-east", street, faces_of(street), fields, (), SIZE, light, colour=False)
    frame = eye.shoot(Night(street, draw_weather(5), "quiet", None, None)).frame
    assert frame.shape == (180, 320, 1)
    assert 20 < np.median(frame) < 130
    assert frame.std() > 6
    if light == "infrared":  # what is near is lit by the camera's own lamp
        assert frame[-30:].mean() > frame[:30].mean()


def test_every_plume_kind_has_an_outlet(night: WinterNight) -> None:
    place = (5.0, 10.0, 1.0)
    for kind, strength in (
        ("kitchen_exhaust", 0.1), ("drill", 0.3), ("far_stove", 0.3), ("big_fire", 500.0), ("barbecue", 50.0),
        ("meat_smoking", 20.0), ("open_burning", 300.0), ("paper_burning", 30.0), ("fireworks", 20.0),
        ("defrost", 3.0), ("stack", 20.0), ("vent_steam", 300.0),
    ):  # fmt: skip
        event = Happening(kind, 0, 600, strength, place=place, width_m=0.3, seed=4)
        outlet = outlet_of(event, night.street, 0.0)
        assert outlet is not None
        assert outlet.source.kind == kind
        assert outlet.gas_m3_s(300) > 0
        assert outlet.gas_m3_s(601) == 0
        assert (outlet.wet is None) == (outlet.extinction_m2_s(300) > 0), kind
    assert outlet_of(Happening("fog", 0, 600, 100.0), night.street, 0.0) is None


def test_h264_keeps_the_picture_and_pulses() -> None:
    rng = np.random.default_rng(1)
    scene = np.full((180, 320, 1), 60, np.uint8)
    scene[60:120, 80:200] = 160
    codec, errors, sizes = H264(SIZE, 2.0, quality=34, key_s=4.0), [], []
    for _ in range(33):
        noisy = np.clip(scene + rng.normal(0, 2.5, scene.shape), 0, 255).astype(np.uint8)
        errors.append(np.abs(codec.through(noisy).astype(float) - scene).mean())
        sizes.append(codec.bytes)
    assert max(errors) < 4
    keys = np.arange(0, 33, 8)
    rest = np.setdiff1d(np.arange(1, 33), keys)
    # The first key frame has no history to spend bits by; the pulsing is in those that follow.
    assert min(np.array(sizes)[keys[1:]]) > 2 * np.median(np.array(sizes)[rest])
