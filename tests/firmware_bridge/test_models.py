from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from firmware_bridge.driver import Driver
from firmware_bridge.models import DriverConflict, UnknownModel, driver_for, known_models


@pytest.mark.parametrize(
    "model", ["PMS5003", "pms5003", "SDS011", "SDS01x", "PMSx003", "PMSA003", "PMS5003ST", "SDS198"]
)
def test_models_are_found_by_name(model: str) -> None:
    assert driver_for(model).model.casefold() == model.casefold()


def test_a_typo_gets_the_nearest_and_the_list() -> None:
    with pytest.raises(UnknownModel, match=r"'PMS5O03'; did you mean 'PMS5003'\? known: .*SDS011"):
        driver_for("PMS5O03")


@pytest.mark.parametrize("driver", known_models().values(), ids=known_models())
def test_every_driver_is_complete(driver: Driver) -> None:
    assert driver.longest <= 256
    assert set(driver.polls) | set(driver.on_open) <= set(driver.commands)
    frame = driver.encode({})
    assert driver.start.match(frame)
    assert driver.frame_length(frame, 0) == len(frame) <= driver.longest


_THIRD_PARTY = """
from firmware_bridge.drivers.nova import Nova

def good():
    return [Nova("ACME-1")]

def taken():
    return [Nova("SDS011")]

def wrong():
    return ["ACME-2"]
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a package that offers drivers, the way pip leaves one on the path."""
    (tmp_path / "acme_sensors.py").write_text(_THIRD_PARTY)
    info = tmp_path / "acme_sensors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sensors\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def offer(function: str) -> None:
        (info / "entry_points.txt").write_text(f"[smokesentry.sensor_drivers]\nacme = acme_sensors:{function}\n")
        known_models.cache_clear()

    yield offer
    known_models.cache_clear()


def test_a_third_party_adds_a_driver(third_party: Callable[[str], None]) -> None:
    third_party("good")
    assert driver_for("acme-1").model == "ACME-1"


@pytest.mark.parametrize(
    ("function", "message"), [("taken", "'SDS011', which already has a driver"), ("wrong", "offers 'ACME-2'; it must")]
)
def test_what_a_third_party_may_not_do(third_party: Callable[[str], None], function: str, message: str) -> None:
    third_party(function)
    with pytest.raises(DriverConflict, match=message):
        known_models()
