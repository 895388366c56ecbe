from __future__ import annotations

import pytest

from firmware_bridge.driver import Refused, Reply
from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading

_GOOD = {
    "pm1_cf1_ug_m3": 23, "pm25_cf1_ug_m3": 37, "pm10_cf1_ug_m3": 45,
    "pm1_atm_ug_m3": 22, "pm25_atm_ug_m3": 34, "pm10_atm_ug_m3": 45,
    "n0_3_per_cm3": 38.37, "n0_5_per_cm3": 11.35, "n1_0_per_cm3": 2.92, "n2_5_per_cm3": 0.22,
}  # fmt: skip


def _reading(model: str, values: dict[str, float]) -> Reading:
    driver = driver_for(model)
    item = driver.parse(driver.encode(values))
    assert isinstance(item, Reading)
    return item


def test_a_frame_written_out_by_hand() -> None:
    # 0, 6, 6 µg/m³ in both columns; 159, 53, 26, 18, 0, 0 particles per 0.1 L; version 0x97; sum 0x025A
    frame = bytes.fromhex("424d001c 0000 0006 0006 0000 0006 0006 009f 0035 001a 0012 0000 0000 9700 025a")
    reading = driver_for("PMS5003").parse(frame)
    assert isinstance(reading, Reading)
    assert reading.values["pm25_atm_ug_m3"] == 6
    assert reading.values["n0_3_per_cm3"] == 1.59
    assert reading.values["version"] == 0x97
    assert (reading.quality, reading.mark, reading.reason) == ("ok", "N", None)


def test_negative_temperature() -> None:
    climate = {"temp_c": -12.3, "rh_percent": 81.5}
    assert _reading("PMS5003T", _GOOD | climate).values["temp_c"] == -12.3


@pytest.mark.parametrize("model", ["PMS3003", "PMS5003", "PMS5003S", "PMS5003T", "PMS5003ST"])
def test_what_is_encoded_is_read_back(model: str) -> None:
    driver = driver_for(model)
    extra = {"n5_0_per_cm3": 0.06, "n10_0_per_cm3": 0.02, "hcho_mg_m3": 0.037, "temp_c": 21.3, "rh_percent": 22.2}
    reading = _reading(model, _GOOD | extra)
    sent = {name: value for name, value in (_GOOD | extra).items() if name in reading.values}
    assert {name: reading.values[name] for name in sent} == sent
    assert driver.encode(reading.values) == driver.encode(_GOOD | extra)
    assert reading.quality == "ok"


@pytest.mark.parametrize(
    ("changes", "quality", "mark"),
    [
        ({"n0_3_per_cm3": 0, "n0_5_per_cm3": 0, "n1_0_per_cm3": 0, "n2_5_per_cm3": 0}, "warming_up", "F"),
        ({"error_code": 0x02}, "sensor_error", "D"),
        ({"pm10_cf1_ug_m3": 1000}, "ceiling", "T"),
        ({"pm10_atm_ug_m3": 0xFFFF}, "ceiling", "T"),
        ({"n0_3_per_cm3": 655.35}, "ceiling", "T"),
        (dict.fromkeys(_GOOD, 0), "zero", "N"),
        (dict.fromkeys(_GOOD, 0) | {"error_code": 8}, "warming_up", "F"),
        ({"pm25_cf1_ug_m3": 46}, "out_of_range", "D"),
        ({"pm10_cf1_ug_m3": 0x424D}, "out_of_range", "D"),  # the header itself, where a mass should be
        ({"n0_5_per_cm3": 38.38}, "out_of_range", "D"),
    ],
)
def test_what_one_frame_can_tell(changes: dict[str, float], quality: str, mark: str) -> None:
    reading = _reading("PMS5003", _GOOD | changes)
    assert (reading.quality, reading.mark) == (quality, mark)
    assert reading.reason


def test_clean_air_with_counts_is_no_fault() -> None:
    assert _reading("PMS5003", {"n0_3_per_cm3": 1.93}).quality == "ok"


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("PMS5003T", {"rh_percent": 100.1}),
        ("PMS5003T", {"temp_c": 120}),
    ],
)
def test_impossible_readings_are_refused(model: str, changes: dict[str, float]) -> None:
    driver = driver_for(model)
    assert isinstance(driver.parse(driver.encode(_GOOD | changes)), Refused)


def test_commands_are_the_published_bytes() -> None:
    commands = driver_for("PMS7003").commands
    assert {name: message.hex() for name, message in commands.items()} == {
        "read": "424de200000171",
        "passive": "424de100000170",
        "active": "424de100010171",
        "sleep": "424de400000173",
        "wake": "424de400010174",
    }
    assert driver_for("PMS3003").commands == {}


def test_an_acknowledgement_is_told_from_a_reading() -> None:
    assert driver_for("PMS5003").parse(bytes.fromhex("424d0004e4000177")) == Reply("PMS5003", "sleep", {"data": 0})


def test_what_does_not_fit_the_frame_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="pm25_atm_ug_m3"):
        driver_for("PMS5003").encode({"pm25_atm_ug_m3": 70_000})
