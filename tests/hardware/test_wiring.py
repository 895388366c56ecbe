"""The pin-to-pin table: sound by its own rules, and in agreement with drivers, udev rules and the drawings."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from firmware_bridge.models import driver_for
from hardware import text_of
from hardware.bom import BUILDS, load_bom
from hardware.drawing import draw
from hardware.wiring import faults, load_wiring, parse_wiring

WIRING = load_wiring()
SENSORS = [cable for cable in WIRING.cables if cable.model is not None]


def test_the_table_breaks_none_of_its_rules() -> None:
    assert faults(WIRING, load_bom()) == []


@pytest.mark.parametrize("cable", SENSORS, ids=lambda cable: f"{cable.build}-{cable.name}")
def test_line_settings_are_those_of_the_sensors_driver(cable) -> None:
    driver = driver_for(cable.model)
    assert (cable.baud, cable.parity) == (driver.baud, driver.parity)
    assert cable.model.casefold() == cable.far


def test_both_builds_wire_the_same_sensors() -> None:
    assert {build: {c.name: c.model for c in SENSORS if c.build == build} for build in BUILDS} == {
        build: {"pm-1": "PMS5003T", "pm-2": "SDS011"} for build in BUILDS
    }


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        # 5 V on a signal pin, on either side
        ('{ near = "8", far = "4", volts = 3.3', '{ near = "2", far = "4", volts = 5.0', "must not meet"),
        ('{ near = "2", far = "1", volts = 5.0', '{ near = "8", far = "1", volts = 5.0', "must not meet"),
        (
            '{ near = "8", far = "4", volts = 3.3',
            '{ near = "8", far = "4", volts = 5.0',
            "is 3.3 V, the table says 5.0",
        ),
        # TX to TX
        ('{ near = "8", far = "4"', '{ near = "8", far = "5"', "must not meet"),
        ('{ near = "TXD", far = "4"', '{ near = "TXD", far = "5"', "must not meet"),
        # the clock on 5 V, which would pull the Pi's I2C pins up to 5 V
        ('{ near = "1", far = "VCC", volts = 3.3', '{ near = "4", far = "VCC", volts = 5.0', "must not meet"),
        # a pin of the header taken twice
        ('{ near = "9", far = "5"', '{ near = "6", far = "5"', "used 2 times: uart 6"),
        # a TX that is not of this cable's UART
        ('{ near = "7", far = "6"', '{ near = "8", far = "6"', "must not meet"),
        ('  { near = "10", far = "5", volts = 3.3, colour = "green" },\n', "", "a cable has supply, ground"),
        ('{ near = "3", far = "SDA"', '{ near = "5", far = "SDA"', "must not meet"),
        ('{ near = "8", far = "4"', '{ near = "41", far = "4"', "no pin 41"),
        ('volts = 0.0, colour = "black"', 'volts = 0.0, colour = "red"', "red means"),
        ('far = "sds011"', 'far = "sds999"', "not in this build's bill"),
        ('near = "usb-serial"', 'near = "usb-hub"', "not in this build's bill"),
        ('bus = "uart-2"', 'bus = "uart-1"', "must not meet"),
    ],
)
def test_a_wrong_table_is_found_out(right: str, wrong: str, complaint: str) -> None:
    text = text_of("wiring.toml")
    assert right in text
    found = faults(parse_wiring(text.replace(right, wrong, 1)), load_bom())
    assert any(complaint in line for line in found), found


def test_a_supply_other_than_the_parts_own_is_found_out() -> None:
    bom = load_bom()
    from dataclasses import replace

    found = faults(WIRING, {**bom, "sds011": replace(bom["sds011"], supply_v=12.0)})
    assert found == [f"{build} build, pm-2: sds011 pin 3 takes 12.0 V, gets 5.0 V" for build in BUILDS]


@pytest.mark.parametrize("build", BUILDS)
def test_the_drawing_is_that_of_the_table(build: str) -> None:
    drawn = draw(WIRING, build)
    assert text_of(f"drawings/wiring-{build}.svg") == drawn, "run smokesentry hardware drawings"
    words = " ".join(ElementTree.fromstring(drawn).itertext())
    for cable in WIRING.cables:
        if cable.build == build and cable.port is not None:
            assert cable.port in words


def test_each_drawing_has_a_core_for_each_wire() -> None:
    for build in BUILDS:
        wires = sum(len(cable.wires) for cable in WIRING.cables if cable.build == build)
        assert draw(WIRING, build).count("<path") == wires


def test_a_reader_finds_the_drawings() -> None:
    page = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")
    for build in BUILDS:
        assert f"../hardware/drawings/wiring-{build}.svg" in page
