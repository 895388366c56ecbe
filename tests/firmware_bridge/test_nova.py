from __future__ import annotations

import pytest

from firmware_bridge.driver import Refused, Reply
from firmware_bridge.drivers.nova import command
from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading


def test_a_frame_written_out_by_hand() -> None:
    reading = driver_for("SDS011").parse(bytes.fromhex("aac0 d404 3a0a a160 1d ab"))
    assert isinstance(reading, Reading)
    assert reading.values == {"pm25_ug_m3": 123.6, "pm10_ug_m3": 261.8, "sensor_id": 0xA160}
    assert reading.quality == "ok"


def test_sds198_reads_total_dust() -> None:
    reading = driver_for("SDS198").parse(bytes.fromhex("aacf 0c00 1a00 e905 14 ab"))
    assert isinstance(reading, Reading)
    assert reading.values == {"pm100_ug_m3": 26, "sensor_id": 0xE905}


@pytest.mark.parametrize(
    ("frame", "cause"),
    [
        ("aac0 d404 3a0a a160 1e ab", "checksum"),
        ("aac0 d404 3a0a a160 1d aa", "no end byte"),
        ("aacf d404 3a0a a160 1d ab", "measurement of another model"),  # the sum does not protect this byte
        ("aac0 1027 1127 0000 6f ab", "mass beyond any reading"),  # 1000.0 / 1000.1, more than the sensor can say
    ],
)
def test_what_is_refused(frame: str, cause: str) -> None:
    assert driver_for("SDS011").parse(bytes.fromhex(frame)) == Refused(cause)


@pytest.mark.parametrize(
    ("pm25", "pm10", "quality", "mark"),
    [
        (0, 0, "zero", "N"),
        (0, 0.1, "ok", "N"),
        (500.0, 999.9, "ceiling", "T"),
        (30.1, 30.0, "out_of_range", "D"),
        (999.8, 999.8, "ok", "N"),
    ],
)
def test_what_one_frame_can_tell(pm25: float, pm10: float, quality: str, mark: str) -> None:
    driver = driver_for("SDS011")
    reading = driver.parse(driver.encode({"pm25_ug_m3": pm25, "pm10_ug_m3": pm10, "sensor_id": 7}))
    assert isinstance(reading, Reading)
    assert (reading.quality, reading.mark) == (quality, mark)
    assert (reading.values["pm25_ug_m3"], reading.values["pm10_ug_m3"]) == (pm25, pm10)


@pytest.mark.parametrize(("pm100", "quality"), [(0, "zero"), (1, "ok"), (20_000, "ceiling")])
def test_what_one_sds198_frame_can_tell(pm100: float, quality: str) -> None:
    driver = driver_for("SDS198")
    reading = driver.parse(driver.encode({"pm100_ug_m3": pm100}))
    assert isinstance(reading, Reading)
    assert (reading.quality, reading.values["pm100_ug_m3"]) == (quality, pm100)


def test_commands_are_the_published_bytes() -> None:
    assert driver_for("SDS011").commands["active"].hex() == "aab402010000000000000000000000ffff01ab"
    assert command(6, 1, 0, unit=0xA160).hex() == "aab406010000000000000000000000a16008ab"
    assert command(5, unit=0xA160, new_id=0xA001).hex() == "aab40500000000000000000000a001a160a7ab"


@pytest.mark.parametrize(
    ("frame", "kind", "values"),
    [
        ("aac502000100a16004ab", "report_mode", {"set": 0, "report_mode": 1}),
        ("aac506000000a16007ab", "power", {"set": 0, "power": 0}),
        ("aac508000200a1600bab", "period", {"set": 0, "period": 2}),
        ("aac5070f070aa16028ab", "firmware", {"firmware": "2015-07-10"}),
        ("aac505000000a001a6ab", "set_id", {}),
    ],
)
def test_answers_are_told_by_type(frame: str, kind: str, values: dict[str, float | str]) -> None:
    raw = bytes.fromhex(frame)
    assert driver_for("SDS011").parse(raw) == Reply("SDS011", kind, {"sensor_id": raw[6] << 8 | raw[7]} | values)
