"""SPS30, HPMA, Winsen, Cubic, Modbus, MCU680: frames written by hand, what one frame can tell, commands, answers."""

from __future__ import annotations

import struct

import pytest

from firmware_bridge.driver import Refused, Reply
from firmware_bridge.drivers.modbus import crc16
from firmware_bridge.models import UnknownModel, driver_for
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter


def parse(model: str, frame: str | bytes) -> Reading | Reply | Refused:
    return driver_for(model).parse(frame if isinstance(frame, bytes) else bytes.fromhex(frame))


def reading(model: str, frame: str | bytes) -> Reading:
    item = parse(model, frame)
    assert isinstance(item, Reading)
    return item


def shdlc(body: bytes) -> bytes:
    """An SPS30 answer that needs no stuffing."""
    return b"\x7e" + body + bytes((~sum(body) & 0xFF,)) + b"\x7e"


def winsen(body: str) -> bytes:
    raw = bytes.fromhex(body)
    return raw + bytes((-sum(raw[1:]) & 0xFF,))


@pytest.mark.parametrize(
    ("model", "frame", "values"),
    [
        ("HPMA115S0", "4005040030003156", {"pm25_ug_m3": 48, "pm10_ug_m3": 49}),
        (
            "HPMA115C0",
            "400d0400050007000700080000000094",
            {"pm1_ug_m3": 5, "pm25_ug_m3": 7, "pm4_ug_m3": 7, "pm10_ug_m3": 8},
        ),
        ("ZH03B", "ff86008500960065fa", {"pm1_ug_m3": 101, "pm25_ug_m3": 133, "pm10_ug_m3": 150}),
        (
            "ZH03B",
            "424d0014000d00110013000d001100130000000000000105",
            {"pm1_ug_m3": 13, "pm25_ug_m3": 17, "pm10_ug_m3": 19},
        ),
        ("PM1006", "16110b0000000c000003cb0000000c01000000e7", {"pm25_ug_m3": 12}),
        ("ZE07-CO", "ff040301002513 8838", {"co_ppm": 3.7}),
        ("ZE15-CO", "ff040301000513 8858", {"co_ppm": 0.5}),
        ("ZE07-CO", "ff8600250000002530", {"co_ppm": 3.7}),
        ("MHZ19B", "ff86027c42000000ba", {"co2_ppm": 636}),
        ("RS-FSJT-N01", "010302007979a6", {"wind_speed_m_s": 12.1}),
        ("RS-WS-N01", "0103040292ff9b5a3d", {"rh_percent": 65.8, "temp_c": -10.1}),
        ("MODBUS-TEMP", "01040201317974", {"temp_c": 30.5}),
    ],
)
def test_frames_written_out_by_hand(model: str, frame: str, values: dict[str, float]) -> None:
    item = reading(model, frame)
    assert item.values == values
    assert item.quality == "ok"


SPS30 = {"pm1_ug_m3": 8.25, "pm25_ug_m3": 15.82421875, "pm4_ug_m3": 16.5, "pm10_ug_m3": 17.0, "n0_5_per_cm3": 54.5}
ROUND_TRIPS = [
    ("SPS30", SPS30),
    ("HPMA115S0", {"pm25_ug_m3": 48, "pm10_ug_m3": 49}),
    ("HPMA115C0", {"pm1_ug_m3": 4, "pm25_ug_m3": 7, "pm4_ug_m3": 9, "pm10_ug_m3": 23}),
    ("ZH03B", {"pm1_ug_m3": 4, "pm25_ug_m3": 7, "pm10_ug_m3": 23}),
    ("ZH06", {"pm1_ug_m3": 4, "pm25_ug_m3": 7, "pm10_ug_m3": 23}),
    ("PM1006K", {"pm25_ug_m3": 999}),
    ("PM2008", {"pm1_ug_m3": 4, "pm25_ug_m3": 7, "pm10_ug_m3": 23, "pm25_tsi_ug_m3": 9, "n0_3_per_cm3": 81.23}),
    ("ZE07-CO", {"co_ppm": 12.3}),
    ("MHZ19B", {"co2_ppm": 2000}),
    ("MCU680", {"temp_c": -4.21, "rh_percent": 81.5, "pressure_hpa": 1012.57, "iaq": 25, "gas_resistance_kohm": 40.69}),
    ("SEN0482", {"wind_from_deg": 271.5}),
    ("SEN0657", {"wind_speed_m_s": 3.4, "wind_from_deg": 225}),
    ("KINCONY-SHT30", {"temp_c": -12.5, "rh_percent": 40.1}),
    ("XY-MD02", {"temp_c": -0.1, "rh_percent": 99.9}),
]


@pytest.mark.parametrize(("model", "values"), ROUND_TRIPS, ids=[model for model, _ in ROUND_TRIPS])
def test_what_is_encoded_is_read_back_even_in_a_crowd(model: str, values: dict[str, float]) -> None:
    driver = driver_for(model)
    frame = driver.encode(values)
    hunter = FrameHunter(driver)
    found = [item for byte in frame * 3 for item in hunter.feed(bytes([byte]))] + hunter.finish()
    assert len(found) == 3
    assert (hunter.counts.skipped_bytes, hunter.counts.causes) == (0, {})
    for item in found:
        assert isinstance(item, Reading)
        assert item.quality == "ok"
        assert {name: item.values[name] for name in values} == pytest.approx(values)


@pytest.mark.parametrize(
    ("model", "values", "quality"),
    [
        ("SPS30", SPS30 | {"pm10_ug_m3": 1000}, "ceiling"),
        ("SPS30", {}, "zero"),
        ("SPS30", SPS30 | {"pm4_ug_m3": 15}, "out_of_range"),
        ("HPMA115C0", {}, "zero"),
        ("HPMA115S0", {"pm25_ug_m3": 10, "pm10_ug_m3": 9}, "out_of_range"),
        ("ZH07", {"pm10_ug_m3": 1000}, "ceiling"),
        ("PM1006", {"pm25_ug_m3": 1000}, "ceiling"),
        ("PM2007", {"pm10_ug_m3": 5}, "warming_up"),
        ("ZE07-CO", {"co_ppm": 500}, "ceiling"),
        ("MHZ19B", {"co2_ppm": 10_000}, "ceiling"),
    ],
)
def test_what_one_frame_can_tell(model: str, values: dict[str, float], quality: str) -> None:
    item = reading(model, driver_for(model).encode(values))
    assert item.quality == quality
    assert item.reason


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("SPS30", SPS30 | {"pm10_ug_m3": float("nan")}),
        ("SPS30", SPS30 | {"pm1_ug_m3": -1}),
        ("HPMA115S0", {"pm25_ug_m3": 0x424D}),
        ("PM1006", {"pm25_ug_m3": 1001}),
        ("MCU680", {"rh_percent": 101}),
        ("RS-WS-N01", {"rh_percent": 100.1}),
        ("RS-FSJT-N01", {"wind_speed_m_s": 101}),
        ("RS-FXJT-N01", {"wind_from_deg": 361}),
    ],
)
def test_impossible_readings_are_refused(model: str, values: dict[str, float]) -> None:
    assert isinstance(parse(model, driver_for(model).encode(values)), Refused)


def test_sps30_bytes_that_look_like_escapes() -> None:
    # 15.8245 µg/m³ is 41 7D 31 00 as a float: stuffed as 7D 5D 31, and 31 must not be unescaped again.
    pm25 = struct.unpack(">f", bytes.fromhex("417d3100"))[0]
    frame = driver_for("SPS30").encode({"pm25_ug_m3": pm25, "pm10_ug_m3": 20, "pm4_ug_m3": 20})
    assert b"\x7d\x5d\x31" in frame
    assert reading("SPS30", frame).values["pm25_ug_m3"] == pm25


def test_sps30_integer_format_gives_the_size_in_micrometres() -> None:
    body = bytes((0, 3, 0, 20)) + b"".join(value.to_bytes(2, "big") for value in (5, 7, 8, 8, 30, 40, 41, 42, 42, 540))
    assert reading("SPS30", shdlc(body)).values["typical_size_um"] == 0.54


@pytest.mark.parametrize("flags", [b"\x7e", b"\x7e\x7e"])
def test_sps30_frames_split_by_one_flag_or_two(flags: bytes) -> None:
    frame = driver_for("SPS30").encode(SPS30).strip(b"\x7e")
    hunter = FrameHunter(driver_for("SPS30"))
    found = hunter.feed(b"\x7e" + frame + flags + frame + b"\x7e" + b"\x01\x02") + hunter.finish()
    assert len(found) == 2
    assert hunter.counts.skipped_bytes == 2


def test_sps30_echo_of_a_request_is_not_an_empty_answer() -> None:
    for message in driver_for("SPS30").commands.values():
        hunter = FrameHunter(driver_for("SPS30"))
        assert hunter.feed(message) + hunter.finish() == []
        assert hunter.counts.causes.get("echo of our own request") == 1


def test_sps30_answers_and_the_remedy_for_a_lost_start() -> None:
    driver = driver_for("SPS30")
    refused = parse("SPS30", "7e00034300b97e")
    assert refused == Reply("SPS30", "read", {"state": "not allowed in this state"})
    assert driver.remedy(refused) == ("wake",)
    nothing_new = parse("SPS30", "7e00030000fc7e")
    assert isinstance(nothing_new, Reply)
    assert driver.remedy(nothing_new) == ()
    product = parse("SPS30", shdlc(b"\0\xd0\0\x09" + b"00080000\0"))
    assert product == Reply("SPS30", "device_information", {"state": "ok", "text": "00080000"})


def test_sps30_tells_its_faults_in_words() -> None:
    tells = {0: "none", 1 << 21 | 1 << 4: "fan speed out of range, fan"}
    for register, words in tells.items():
        item = parse("SPS30", shdlc(b"\0\xd2\0\x05" + register.to_bytes(4, "big") + b"\0"))
        assert item == Reply("SPS30", "status", {"state": "ok", "faults": words})


def test_a_sensor_in_trouble_says_so() -> None:
    body = bytes((0, 3, 0x80, 20)) + bytes(range(20))
    assert reading("SPS30", shdlc(body)).quality == "sensor_error"


@pytest.mark.parametrize(
    ("model", "frame", "kind"),
    [
        ("HPMA115S0", bytes.fromhex("a5a5"), "done"),
        ("HPMA115S0", bytes.fromhex("9696"), "refused"),
        ("HPMA115S0", bytes.fromhex("400210644a"), "coefficient"),
        ("ZH03B", winsen("ffa7010000000000"), "done"),
        ("ZH03B", winsen("ffa7000000000000"), "refused"),
        ("PM2008", bytes.fromhex("16020c01db"), "sleep"),
        ("RS-FSJT-N01", bytes.fromhex("018302c0f1"), "exception"),
    ],
)
def test_answers_are_told_by_type(model: str, frame: bytes, kind: str) -> None:
    item = parse(model, frame)
    assert isinstance(item, Reply)
    assert item.kind == kind


@pytest.mark.parametrize(
    ("model", "command", "message"),
    [
        ("SPS30", "wake", "7e0000020103f97e"),
        ("SPS30", "read", "7e000300fc7e"),
        ("SPS30", "clean_interval", "7e008001007d5e7e"),
        ("SPS30", "deep_wake", "ff7e007d3100ee7e"),
        ("HPMA115C0", "read", "68010493"),
        ("HPMA115C0", "active", "68014057"),
        ("ZH03B", "read", "ff01860000000000 79"),
        ("ZH03B", "passive", "ff01784100000000 46"),
        ("ZH03B", "sleep", "ff01a70100000000 57"),
        ("PM1006", "read", "11020b01e1"),
        ("PM2008", "read", "11020b07db"),
        ("PM2008", "sleep", "11030c011ec1"),
        ("RS-FSJT-N01", "read", "010300000001840a"),
        ("RS-WS-N01", "read", "010300000002c40b"),
        ("SEN0483", "read", "0203000000018439"),
        ("MODBUS-ANY", "read", "ff030000000191d4"),
        ("MODBUS-TEMP", "read", "010400010001600a"),
    ],
)
def test_commands_are_the_published_bytes(model: str, command: str, message: str) -> None:
    assert driver_for(model).commands[command] == bytes.fromhex(message)


def test_modbus_takes_only_the_answer_to_its_own_question() -> None:
    two_registers = bytes.fromhex("0103040292ff9b5a3d")
    other_unit = bytes((2, 3, 2, 0, 0x79))
    hunter = FrameHunter(driver_for("RS-FSJT-N01"))
    assert hunter.feed(two_registers + other_unit + crc16(other_unit)) + hunter.finish() == []
    any_unit = FrameHunter(driver_for("MODBUS-ANY"))
    assert len(any_unit.feed(other_unit + crc16(other_unit)) + any_unit.finish()) == 1


def test_a_vane_in_calm_air_points_nowhere() -> None:
    driver = driver_for("SEN0657")
    calm = reading("SEN0657", driver.encode({"wind_speed_m_s": 0.3, "wind_from_deg": 90}))
    assert calm.values == {"wind_speed_m_s": 0.3}


def test_north_is_zero_not_360() -> None:
    assert reading("SEN0482", driver_for("SEN0482").encode({"wind_from_deg": 360})).values == {"wind_from_deg": 0}


@pytest.mark.parametrize(
    "frame",
    ["ff04020100251388", "ff04030200251388", "ff04030113891388"],  # not ppm; other decimals; above its full scale
)
def test_carbon_monoxide_frames_must_say_what_they_mean(frame: str) -> None:
    assert isinstance(parse("ZE07-CO", winsen(frame)), Refused)


def test_wind_speed_and_direction_share_one_line() -> None:
    bus = driver_for("RS-FSJT-N01@1+RS-FXJT-N01@2")
    speed, vane = driver_for("RS-FSJT-N01@1"), driver_for("RS-FXJT-N01@2")
    assert [bus.commands[name] for name in bus.polls] == [speed.commands["read"], vane.commands["read"]]
    hunter = FrameHunter(bus)
    stream = speed.encode({"wind_speed_m_s": 2.5}) + b"\x01" + vane.encode({"wind_from_deg": 271})
    found = [item for byte in stream for item in hunter.feed(bytes([byte]))] + hunter.finish()
    assert [(item.model, item.values) for item in found if isinstance(item, Reading)] == [
        ("RS-FSJT-N01@1", {"wind_speed_m_s": 2.5}),
        ("RS-FXJT-N01@2", {"wind_from_deg": 271}),
    ]


def test_a_device_at_another_unit_and_speed() -> None:
    driver = driver_for("SEN0483@7/4800")
    assert driver.baud == 4800
    assert driver.commands["read"][:2] == b"\x07\x03"
    assert reading("SEN0483@7/4800", driver.encode({"wind_speed_m_s": 1})).values == {"wind_speed_m_s": 1}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("RS-FSJT-N01+RS-FXJT-N01", r"units of their own; got \[1, 1\]"),
        ("RS-FSJT-N01@1+SEN0483@2", "one speed"),
        ("RS-FSJT-N01@0", "unit from 1 to 247"),
        ("RS-FSJT-N01@x", "unit from 1 to 247"),
        ("PMS5003@2", "only Modbus devices"),
        ("RS-FSJX@2", "did you mean 'RS-FSJT-N01'"),
    ],
)
def test_lines_that_cannot_work(model: str, message: str) -> None:
    with pytest.raises(UnknownModel, match=message):
        driver_for(model)
