"""Real captures against the drivers. They lie outside the repository (SMOKESENTRY_DATA, or ../shared/data)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.models import driver_for
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter

_DATA = Path(os.environ.get("SMOKESENTRY_DATA", Path(__file__).parents[3] / "shared" / "data"))
_FILE = _DATA / "sensors" / "captures.json"
_CAPTURES: list[dict[str, Any]] = json.loads(_FILE.read_text()) if _FILE.exists() else []

pytestmark = pytest.mark.skipif(not _CAPTURES, reason=f"real captures are not at {_FILE} (set SMOKESENTRY_DATA)")

#: The captures' names for a quantity → ours, tried in order; counts are per cm³ in both.
_OUR_NAMES = {
    "raw01": ("pm1_cf1_ug_m3",),
    "raw25": ("pm25_cf1_ug_m3",),
    "raw10": ("pm10_cf1_ug_m3",),
    "pm01": ("pm1_atm_ug_m3", "pm1_ug_m3"),
    "pm25": ("pm25_atm_ug_m3", "pm25_ug_m3"),
    "pm04": ("pm4_ug_m3",),
    "pm10": ("pm10_atm_ug_m3", "pm10_ug_m3"),
    "pm100": ("pm100_ug_m3",),
    **{name: (f"{name}_per_cm3",) for name in ("n0_3", "n0_5", "n1_0", "n2_5", "n4_0", "n5_0", "n10_0")},
    "temp": ("temp_c",),
    "rhum": ("rh_percent",),
    "humidity_pct": ("rh_percent",),
    "temperature_c": ("temp_c",),
    "diam": ("typical_size_um",),
    "pres": ("pressure_hpa",),
    "IAQ": ("iaq",),
    "gas": ("gas_resistance_kohm",),
    "alt": ("altitude_m",),
    "CO2": ("co2_ppm",),
    "version": ("version",),
    "error_code": ("error_code",),
}
#: What a peer publishes and we do not: slots that the maker calls reserved, bits whose place sources dispute.
_NOT_PUBLISHED = {"PM1006": {"pm01", "pm10"}, "MCU680": {"IAQ_acc"}}


def _decode(capture: dict[str, Any]) -> tuple[list[Reading], FrameHunter]:
    hunter = FrameHunter(driver_for(capture["sensor"]))
    found = hunter.feed(bytes.fromhex(capture["hex"])) + hunter.finish()
    return [item for item in found if isinstance(item, Reading)], hunter


def _of_kind(*kinds: str) -> pytest.MarkDecorator:
    chosen = [capture for capture in _CAPTURES if capture["kind"] in kinds]
    return pytest.mark.parametrize("capture", chosen, ids=[capture["id"] for capture in chosen])


@_of_kind("good")
def test_good_captures_give_the_expected_values(capture: dict[str, Any]) -> None:
    readings, hunter = _decode(capture)
    assert len(readings) == 1
    assert (hunter.counts.frames, hunter.counts.rejected, hunter.counts.skipped_bytes) == (1, 0, 0)
    values = readings[0].values
    compared = 0
    for name, expected in capture["expected"].items():
        if name in {"time", "order"} or name in _NOT_PUBLISHED.get(capture["sensor"], ()):
            continue
        ours = next(key for key in _OUR_NAMES[name] if key in values)
        printed_digits = len(str(expected).partition(".")[2])
        assert values[ours] == pytest.approx(expected, abs=0.51 * 10**-printed_digits), name
        compared += 1
    assert compared > 0


@_of_kind("bad_checksum", "truncated", "garbage", "echo", "command")
def test_damage_noise_and_our_own_commands_give_no_reading(capture: dict[str, Any]) -> None:
    readings, hunter = _decode(capture)
    assert (readings, hunter.counts.frames) == ([], 0)
    assert hunter.counts.skipped_bytes == len(capture["hex"]) // 2
    assert hunter.counts.causes


@_of_kind("ack", "shdlc_reply", "no_data_reply")
def test_replies_are_frames_and_no_readings(capture: dict[str, Any]) -> None:
    readings, hunter = _decode(capture)
    assert readings == []
    assert (hunter.counts.frames, hunter.counts.rejected, hunter.counts.skipped_bytes) == (1, 0, 0)


@pytest.mark.parametrize(
    ("capture_id", "key_values"),
    [
        ("PMS5003T-0187", []),
        ("SDS01x-0295", [{"pm25_ug_m3": 22.6, "pm10_ug_m3": 32.0, "sensor_id": 0xE994}]),
        ("PMSx003-0382", [{"pm25_atm_ug_m3": 1, "n0_3_per_cm3": 4.5, "n2_5_per_cm3": 0.02}]),
        ("SPS30-0181", [{"pm25_ug_m3": 11.6465, "n10_0_per_cm3": 80.1971}]),
        ("HPMA115C0-0183", [{"pm25_ug_m3": 0, "pm10_ug_m3": 0}]),
    ],
)
def test_real_streams(capture_id: str, key_values: list[dict[str, float]]) -> None:
    capture = next(capture for capture in _CAPTURES if capture["id"] == capture_id)
    readings, _ = _decode(capture)
    assert len(readings) == len(key_values)
    for reading, expected in zip(readings, key_values, strict=True):
        assert {name: reading.values[name] for name in expected} == pytest.approx(expected, abs=1e-4)


def test_every_capture_is_tested_above() -> None:
    tested = {"good", "bad_checksum", "truncated", "garbage", "echo", "command", "ack", "shdlc_reply", "no_data_reply"}
    streams = {"PMS5003T-0187", "SDS01x-0295", "PMSx003-0382", "SPS30-0181", "HPMA115C0-0183"}
    assert {capture["id"] for capture in _CAPTURES if capture["kind"] not in tested} == streams
