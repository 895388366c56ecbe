from __future__ import annotations

import pytest

from firmware_bridge.driver import Driver
from firmware_bridge.models import UnknownModel, driver_for, known_models


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
