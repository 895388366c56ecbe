"""Every sensor model that the simulator answers for: its bytes are true ones, its errors those that are stated."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import serial

from firmware_bridge.models import driver_for, known_models
from firmware_bridge.reading import Reading
from simulator.atmosphere import Breath
from simulator.happenings import Happening
from simulator.lines import Line
from simulator.ports import Port
from simulator.responses import droplets, growth, response_of
from simulator.sensors import Unit, frames

#: Bare registers mean nothing; SDS198 counts coarse dust only.
UNANSWERED = {"XM8589", "MODBUS-ANY", "MODBUS-1", "SDS198"}
MODELS = sorted(set(known_models()) - UNANSWERED)


def air(n: int = 120, **changes: float) -> Breath:
    values = {
        "pm25_ug_m3": 60.0, "pm10_ug_m3": 75.0, "co_mg_m3": 1.2, "so2_ug_m3": 10.0, "temp_c": -4.0, "rh_percent": 50.0,
        "wind_speed_m_s": 2.5, "wind_from_deg": 320.0, "visibility_m": 9000.0,
    }  # fmt: skip
    steady = {name: np.full(n, value) for name, value in (values | changes).items()}
    return Breath(t_s=np.arange(float(n)), **steady)


def readings(model: str, breath: Breath, seed: int = 1) -> list[Reading]:
    parsed = [
        driver_for(model).parse(data) for data in frames(Unit(model, (0, 0, 8), np.random.default_rng(seed)), breath)
    ]
    assert all(isinstance(reading, Reading) for reading in parsed)
    return [reading for reading in parsed if isinstance(reading, Reading)]


@pytest.mark.parametrize("model", MODELS)
def test_its_own_driver_reads_what_it_says(model: str) -> None:
    found = readings(model, air(40))
    assert all(reading.quality == "ok" for reading in found[1:])
    last = found[-1].values
    near = {"pm25_ug_m3": (60, 30), "pm25_atm_ug_m3": (60, 30), "temp_c": (-4, 3), "rh_percent": (50, 12)}
    near |= {"wind_speed_m_s": (2.5, 1), "wind_from_deg": (320, 30), "co_ppm": (1.05, 1.5), "co2_ppm": (440, 120)}
    known = {name: value for name, value in last.items() if name in near}
    assert known
    for name, value in known.items():
        assert value == pytest.approx(near[name][0], abs=near[name][1]), name


@pytest.mark.parametrize("model", sorted(UNANSWERED))
def test_models_without_an_answer_say_so(model: str) -> None:
    with pytest.raises(ValueError, match=model):
        response_of(model)


def test_models_differ_as_their_resolution_does() -> None:
    """Whole micrograms, tenths, or floating point; and a slow LED sensor is noisier than a laser."""
    plantower = {reading.values["pm25_atm_ug_m3"] for reading in readings("PMS7003", air())}
    nova = {reading.values["pm25_ug_m3"] for reading in readings("SDS011", air())}
    sensirion = {reading.values["pm25_ug_m3"] for reading in readings("SPS30", air())}
    assert all(value == int(value) for value in plantower)
    assert any(value != int(value) for value in nova)
    assert all(round(value, 1) == pytest.approx(value) for value in nova)
    assert any(round(value, 1) != pytest.approx(value, abs=1e-4) for value in sensirion)
    led = [reading.values["pm25_ug_m3"] for reading in readings("PM1006", air())]
    assert np.std(led) > 2 * np.std(list(sensirion))


def test_units_of_a_batch_differ_and_some_are_bad() -> None:
    units = [Unit("SDS011", (0, 0, 8), np.random.default_rng(seed)) for seed in range(400)]
    gains = np.array([unit.gain for unit in units])
    assert np.median(gains) == pytest.approx(1, abs=0.02)
    assert 0.06 < np.std(gains) < 0.18
    assert np.abs(gains - 1).max() > 4 * 0.08  # a normal distribution would have none in 400


def test_a_step_in_the_air_is_lagged() -> None:
    breath = air(60)
    breath.pm25_ug_m3[20:] = 260.0
    breath.pm10_ug_m3[20:] = 300.0
    shown = [reading.values["pm25_ug_m3"] for reading in readings("SDS011", breath)]
    assert shown[21] < 0.4 * shown[59]
    assert shown[30] > 0.4 * shown[59]


def test_damp_air_and_fog_make_dust_sensors_over_read() -> None:
    assert growth(35, 0.3) == pytest.approx(1)
    assert 1.5 < growth(85, 0.3) < 2.2
    assert growth(99.9, 0.3) == growth(97, 0.3)
    assert droplets(2000) == (1, 1)
    assert droplets(100) == pytest.approx((1.28, 1.46))
    dry, damp = (np.mean([r.values["pm25_ug_m3"] for r in readings("SDS011", air(rh_percent=rh))]) for rh in (40, 92))
    assert damp > 1.8 * dry
    clear, fog = (readings("PMS7003", air(visibility_m=far))[-1].values for far in (9000, 100))
    assert fog["pm10_atm_ug_m3"] / fog["pm25_atm_ug_m3"] > clear["pm10_atm_ug_m3"] / clear["pm25_atm_ug_m3"]


def test_dust_is_seen_by_nova_more_than_by_plantower() -> None:
    """PMS sensors extrapolate PM10 from fine particles and cannot see coarse dust (QC sheet, Ouimette 2023)."""
    dusty = {"pm25_ug_m3": 40.0, "pm10_ug_m3": 240.0}
    nova = readings("SDS011", air(**dusty))[-1].values
    plantower = readings("PMS7003", air(**dusty))[-1].values
    assert nova["pm10_ug_m3"] / nova["pm25_ug_m3"] > 1.5 * plantower["pm10_atm_ug_m3"] / plantower["pm25_atm_ug_m3"]


@pytest.mark.parametrize("fault", ["stuck", "zero", "spikes", "ceiling", "drift"])
def test_faults_to_order(fault: str) -> None:
    breath = air(600)
    breath.pm25_ug_m3[300:] = 90.0
    ill = Happening("sensor_fault", 100, 600, 1.0, gateway="gw", sensor="pm-1", detail=fault)
    unit = Unit("SDS011", (0, 0, 8), np.random.default_rng(3))
    values = []
    for data in frames(unit, breath, [ill]):
        reading = driver_for("SDS011").parse(data)
        assert isinstance(reading, Reading)
        values.append(reading.values["pm25_ug_m3"])
    before, during = np.array(values[:100]), np.array(values[110:])
    assert before.std() > 0
    assert {
        "stuck": during.std() == 0,
        "zero": during.max() == 0,
        "spikes": during.max() > 4 * np.median(during),
        "ceiling": during.min() > 999,
        "drift": during[-20:].mean() > 1.04 * 1.45 * before.mean(),
    }[fault]


def test_a_calm_leaves_the_vane_where_it_was() -> None:
    breath = air(40)
    breath.wind_speed_m_s[10:] = 0.1
    breath.wind_from_deg[10:] = 120.0
    shown = [reading.values["wind_from_deg"] for reading in readings("RS-FXJT-N01", breath)]
    assert abs(shown[-1] - shown[9]) < 12


@pytest.mark.parametrize("model", ["SPS30", "RS-WS-N01", "SDS011"])
def test_lines_speak_when_they_are_asked_or_by_themselves(model: str, tmp_path: Path) -> None:
    """On a real pseudo-terminal: polled models answer each request once, the others push."""
    port = Port(tmp_path / "port")
    line = Line(port, Unit(model, (0, 0, 8), np.random.default_rng(1)))
    driver, stop = driver_for(model), threading.Event()

    def run() -> None:
        index = 0
        while not stop.is_set():
            line.tend(air(2), 0, 0.05 * index)
            index += 1
            time.sleep(0.02)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with serial.Serial(str(port.link), driver.baud, timeout=60) as wire:
            if driver.polls:
                time.sleep(0.3)
                assert wire.in_waiting == 0
                wire.write(driver.commands[driver.polls[0]])
            length = len(Unit(model, (0, 0, 8), np.random.default_rng(1)).frame(air(1), 0, 1.0))
            reading = driver.parse(wire.read(length))
            assert isinstance(reading, Reading)
    finally:
        stop.set()
        thread.join()
        port.close()
