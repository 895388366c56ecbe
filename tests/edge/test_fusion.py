from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.background import Background
from edge.events import bearing_deg
from edge.fusion import AirView, SiteAir
from edge.verdict import CameraSays, site_verdict
from firmware_bridge.corrections import epa_2021
from firmware_bridge.reading import Reading
from smokesentry.clock import Stamp
from smokesentry.messages.records import ParticulateCue
from smokesentry.place import CameraPose, Place
from smokesentry.weather import Weather


def reading(pm25: float, quality: str = "ok", mark: str = "N", **more: float) -> Reading:
    return Reading("PMS7003", {"pm25_atm_ug_m3": pm25, **more}, quality, mark)  # type: ignore[arg-type]


def air_after(seconds: int, level: float, then: int = 0, rise: float = 0.0, seed: int = 1, **more: float) -> SiteAir:
    """A sensor that reads ``level`` with a little noise, and after that ``level + rise``."""
    chance, air = random.Random(seed), SiteAir()
    for t in range(seconds + then):
        value = level + (rise if t >= seconds else 0.0) + chance.gauss(0, 0.7)
        air.add("pm-1", float(t), reading(max(0.0, round(value)), **more))
    return air


def look(air: SiteAir, t_s: float) -> tuple[list[float], str]:
    view = air.look(t_s, Stamp(1_795_000_000.0 + t_s, 0))
    return [cue.rise_ug_m3 for cue in view.cues], "; ".join(view.reasons)


def test_a_rise_against_the_own_background_counts() -> None:
    rises, reasons = look(air_after(600, 35, 30, 12), 630.0)
    assert len(rises) == 1
    assert 9 <= rises[0] <= 15
    assert "PM2.5 at pm-1 counts" in reasons


def test_the_same_air_without_a_rise_does_not_and_says_that_this_proves_nothing() -> None:
    rises, reasons = look(air_after(600, 150), 600.0)
    assert rises == []
    assert "no rise" in reasons
    assert "proves nothing" in reasons


def test_a_stove_that_burns_for_a_quarter_of_an_hour_does_not_become_the_background() -> None:
    rises, _ = look(air_after(600, 30, 900, 15), 1500.0)
    assert len(rises) == 1


def test_too_short_a_background_and_a_silent_sensor_are_off_and_say_so() -> None:
    assert "30 s of background known, 60 s needed" in look(air_after(50, 20), 50.0)[1]
    assert "the sensor is silent" in look(air_after(600, 20, 30, 20), 800.0)[1]
    empty = SiteAir()
    empty.expect("pm-2")
    assert "0 s of background known" in look(empty, 5.0)[1]
    assert "no particulate sensor" in look(SiteAir(), 5.0)[1]


def test_in_damp_air_the_cue_is_off() -> None:
    rises, reasons = look(air_after(600, 30, 30, 20, rh_percent=93.0, temp_c=1.0), 630.0)
    assert rises == []
    assert "humidity 93 %" in reasons


def test_readings_that_are_not_valid_do_not_speak() -> None:
    air = air_after(600, 20)
    for t in range(600, 630):
        air.add("pm-1", float(t), reading(900.0, "ceiling", "T"))
    assert look(air, 630.0)[0] == []


def test_weather_comes_from_the_sensors_while_they_are_fresh() -> None:
    air = SiteAir(assumed=Weather(temp_c=-20.0, wind_speed_m_s=2.0, wind_from_deg=270.0))
    assert air.weather(0.0).temp_c == -20.0
    air.add("t-1", 0.0, reading(10, temp_c=3.0, rh_percent=50.0))
    air.add("t-2", 0.0, reading(10, temp_c=5.0, rh_percent=60.0))
    weather = air.weather(10.0)
    assert (weather.temp_c, weather.rh_percent) == (4.0, 55.0)
    assert weather.steam_can_be_told
    assert (weather.wind_speed_m_s, weather.wind_from_deg) == (2.0, 270.0)
    assert air.weather(400.0) == Weather(-20.0, None, 2.0, 270.0)
    assert "wind" not in look(air, 10.0)[1]


def test_wind_is_the_mean_of_two_minutes_round_the_circle() -> None:
    air = SiteAir()
    for t in range(100):
        air.add("vane", float(t), Reading("SEN0657", {"wind_speed_m_s": 9.0, "wind_from_deg": 90.0}))
    for t in range(200, 300):
        speed, direction = (3.0, 10.0) if t % 2 else (1.0, 350.0)
        air.add("vane", float(t), Reading("SEN0657", {"wind_speed_m_s": speed, "wind_from_deg": direction}))
    air.add("vane", 300.0, Reading("SEN0657", {"wind_speed_m_s": 80.0, "wind_from_deg": 180.0}, "sensor_error", "D"))
    weather = air.weather(300.0)
    assert weather.wind_speed_m_s == 2.0
    assert weather.wind_from_deg is not None
    assert min(weather.wind_from_deg, 360 - weather.wind_from_deg) < 0.001
    assert "wind" not in look(air, 300.0)[1]
    assert air.weather(421.0) == Weather(), "too old"


def test_in_calm_air_there_is_a_speed_and_no_direction() -> None:
    air = SiteAir()
    air.add("vane", 0.0, Reading("SEN0657", {"wind_speed_m_s": 0.2}))
    assert air.weather(1.0) == Weather(wind_speed_m_s=0.2)
    assert look(air, 1.0)[1] == (
        "no particulate sensor: the camera judges alone; wind unknown: drift was not compared with it"
    ), "nobody expects PM2.5 of a vane"


def test_corrected_values_stand_beside_the_raw_ones_once_the_sites_humidity_is_known() -> None:
    air, plain = SiteAir(), Reading("PMS7003", {"pm25_atm_ug_m3": 30.0, "pm25_cf1_ug_m3": 40.0})
    assert air.add("pm-1", 0.0, plain) == plain, "no humidity, no correction"
    air.add("climate", 1.0, Reading("SHT", {"temp_c": 3.0, "rh_percent": 60.0}))
    given = air.add("pm-1", 2.0, plain)
    assert given.values == plain.values
    assert given.corrected["epa2021_rh_percent"] == 60.0
    assert given.corrected["pm25_epa2021_ug_m3"] == epa_2021(40.0, 60.0)
    assert air.add("pm-1", 302.0, plain).corrected == {}, "the humidity is too old"


def test_a_sensors_own_humidity_goes_before_the_sites() -> None:
    air = SiteAir()
    for name in ("climate-1", "climate-2"):
        air.add(name, 0.0, Reading("SHT", {"rh_percent": 80.0}))
    given = air.add("pm-1", 1.0, reading(20, rh_percent=40.0))
    assert given.corrected["koehler_rh_percent"] == 40.0


def test_twins_that_differ_are_doubted_do_not_speak_and_the_reasons_say_why() -> None:
    air = SiteAir()
    air.expect("pm-1", "pm-2")
    air.expect("pm-2", "pm-1")
    air.expect("pm-3")

    def hear(t: int, **pm25: float) -> dict[str, str]:
        at_ns = (t + 1) * 10**9
        return {
            name: air.add(name, t + 1.0, replace(reading(value), arrived_mono_ns=at_ns)).quality
            for name, value in ((name.replace("_", "-"), value) for name, value in pm25.items())
        }

    for t in range(600):
        assert hear(t, pm_1=30.0, pm_2=33.0, pm_3=300.0) == {"pm-1": "ok", "pm-2": "ok", "pm-3": "ok"}
    for t in range(600, 700):
        last = hear(t, pm_1=30.0, pm_2=300.0, pm_3=300.0)
    assert last == {"pm-1": "disagrees", "pm-2": "disagrees", "pm-3": "ok"}
    rises, reasons = look(air, 700.0)
    assert rises == []
    assert "PM2.5 at pm-1 off: its twin's last minute differs by 270 µg/m³" in reasons
    for t in range(700, 800):
        last = hear(t, pm_1=30.0, pm_2=30.0, pm_3=300.0)
    assert set(last.values()) == {"ok"}, "trusted again"
    assert "twin" not in look(air, 800.0)[1]


def test_each_sensor_has_its_own_background() -> None:
    air = SiteAir()
    for t in range(630):
        air.add("low", float(t), reading(10.0 + (20.0 if t >= 600 else 0.0)))
        air.add("high", float(t), reading(80.0))
    view = air.look(630.0, Stamp(0.0, 0))
    assert [(cue.sensor, cue.background_ug_m3) for cue in view.cues] == [("low", 10.0)]


@pytest.mark.parametrize("level", [1.0, 5.0, 40.0, 400.0])
@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0, 6.0, 8.0])
def test_noise_alone_hardly_ever_counts(level: float, sigma: float) -> None:
    """Ten times twenty minutes; at a low level zero cuts the noise off below. Fixed seeds: chance has no say."""
    looks = counted = 0
    for seed in range(10):
        chance, background = random.Random(seed), Background(3.0)
        for t in range(1200):
            background.add(float(t), max(0.0, level + chance.gauss(0, sigma)))
            if t % 30 == 0 and (found := background.rise(float(t))) is not None:
                looks, counted = looks + 1, counted + found.counts
    assert looks > 300
    assert counted <= 0.01 * looks


@settings(max_examples=50, deadline=None)
@given(
    times=st.lists(st.floats(0, 4000), max_size=200), values=st.lists(st.floats(0, 1000), min_size=200, max_size=200)
)
def test_any_order_of_times_is_survived_and_memory_is_bounded(times: list[float], values: list[float]) -> None:
    background = Background(3.0)
    for t_s, value in zip(times, values, strict=False):
        background.add(t_s, value)
        found = background.rise(t_s)
        assert found is None or found.background >= 0
    assert len(background._bins) <= 361


# -- gases, wind, the verdict of a site --------------------------------------------------------------------------------


def gas(co_ppm: float) -> Reading:
    return Reading("ZE07-CO", {"co_ppm": round(co_ppm, 1)})


def with_gas(rise_ppm: float, wind_from_deg: float | None = None, speed_m_s: float = 2.0) -> AirView:
    chance, air = random.Random(3), SiteAir()
    for t in range(660):
        air.add("co-1", float(t), gas(0.6 + (rise_ppm if t >= 600 else 0.0) + chance.gauss(0, 0.05)))
        air.add("pm-1", float(t), reading(round(20 + (12 if t >= 600 and rise_ppm else 0) + chance.gauss(0, 0.7))))
        if wind_from_deg is not None:
            wind = {"wind_speed_m_s": speed_m_s, "wind_from_deg": wind_from_deg}
            air.add("wind", float(t), Reading("vane", wind))
    return air.look(660.0, Stamp(1_795_000_660.0, 0))


def test_carbon_monoxide_counts_against_its_own_background() -> None:
    [cue] = with_gas(5.0).gases
    assert (cue.sensor, cue.quantity) == ("co-1", "co_ppm")
    assert cue.rise == pytest.approx(5.0, abs=0.3)
    view = with_gas(0.0)
    assert view.gases == ()
    assert any(reason.startswith("CO at co-1 shows no rise") for reason in view.reasons)


@pytest.mark.parametrize(
    ("wind_from", "speed", "counts", "said"),
    [
        (100.0, 2.0, True, "the rise fits the wind: wind from 100°, plume at 90°"),
        (300.0, 2.0, False, "the rise does not count for this plume: wind from 300°, plume at 90°"),
        (300.0, 0.2, True, "calm or wind unknown"),
        (None, 0.0, True, "calm or wind unknown"),
    ],
)
def test_a_rise_counts_for_a_plume_that_the_wind_comes_from(
    wind_from: float | None, speed: float, counts: bool, said: str
) -> None:
    view = with_gas(5.0, wind_from, speed).towards(90.0)
    assert (bool(view.cues), bool(view.gases)) == (counts, counts)
    assert any(said in reason for reason in view.reasons)


@given(st.floats(0, 360), st.floats(0, 360))
def test_the_angle_between_wind_and_plume_is_that_of_the_circle(wind: float, bearing: float) -> None:
    cue = ParticulateCue("pm-1", 9.0, 20.0, "2026-11-22T18:04:05.678Z")
    view = AirView(Weather(wind_speed_m_s=3.0, wind_from_deg=wind), (cue,)).towards(bearing)
    apart = math.degrees(math.acos(max(-1.0, min(1.0, math.cos(math.radians(wind - bearing))))))
    assert bool(view.cues) == (apart <= 45) or abs(apart - 45) < 1e-5


def test_without_a_rise_nothing_is_said_of_where_it_comes_from() -> None:
    view = with_gas(0.0, 300.0)
    assert view.towards(90.0) is view


SEES, SUSPECTS = CameraSays("east", "not_suspected"), CameraSays("west", "suspected")
BLIND = CameraSays("roof", "cannot_judge", "veiled: fog, frost or an obstruction")
RISE = with_gas(5.0)
STILL = with_gas(0.0)


@pytest.mark.parametrize(
    ("cameras", "air", "verdict", "said"),
    [
        ([SEES, SUSPECTS, BLIND], STILL, "suspected", "camera west suspects smoke"),
        ([SEES, SUSPECTS], RISE, "suspected", "the air confirms"),
        ([SEES, BLIND], STILL, "not_suspected", "camera roof cannot judge: veiled"),
        ([SEES], RISE, "not_suspected", "the air alone names nobody"),
        ([BLIND], RISE, "cannot_judge", "no camera can see where from"),
        ([BLIND], STILL, "cannot_judge", "veiled"),
        ([], RISE, "cannot_judge", "no camera: the air alone names nobody"),
    ],
)
def test_the_three_verdicts(cameras: list[CameraSays], air: AirView, verdict: str, said: str) -> None:
    held = site_verdict(cameras, air)
    assert held.verdict == verdict
    assert any(said in reason for reason in held.reasons)
    assert any("PM2.5 at pm-1" in reason for reason in held.reasons), "each cue is accounted for"


@given(
    st.lists(st.sampled_from(["suspected", "not_suspected", "cannot_judge"]), max_size=4),
    st.sampled_from([RISE, STILL, AirView()]),
)
def test_air_changes_no_verdict(verdicts: list[str], air: AirView) -> None:
    cameras = [CameraSays(f"cam-{n}", verdict) for n, verdict in enumerate(verdicts)]  # type: ignore[arg-type]
    assert site_verdict(cameras, air).verdict == site_verdict(cameras, AirView()).verdict


def test_the_bearing_of_a_pixel() -> None:
    pose = CameraPose(
        camera="east",
        pose_version=1,
        place=Place(39.9, 116.4),
        height_m=20,
        heading_deg=350.0,
        tilt_deg=0,
        hfov_deg=60.0,
        frame_size=(1280, 720),
    )
    assert [round(bearing_deg(pose, x), 1) for x in (0, 640, 1280)] == [320.0, 350.0, 20.0]
