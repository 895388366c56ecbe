"""Which driver reads which configured model. Third parties add drivers through ``smokesentry.sensor_drivers``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points

from firmware_bridge.driver import Driver
from firmware_bridge.drivers import modbus
from firmware_bridge.drivers.cubic import Cubic
from firmware_bridge.drivers.gy_mcu680 import GyMcu680
from firmware_bridge.drivers.honeywell import Hpma
from firmware_bridge.drivers.nova import Nova
from firmware_bridge.drivers.plantower import Plantower
from firmware_bridge.drivers.sensirion import Sps30
from firmware_bridge.drivers.winsen import WinsenCo, WinsenCo2, WinsenDust

#: An entry point names a callable that returns an iterable of :class:`Driver` instances.
ENTRY_POINT_GROUP = "smokesentry.sensor_drivers"


class UnknownModel(LookupError):
    """No driver has this model; the message lists the known ones and the nearest."""


class DriverConflict(ValueError):
    """A third-party package offers something that is no driver, or a model that already has one."""


#: Further names of a model, among them those of the published captures.
_ALIASES = {
    "ZH03B-autosend": "ZH03B",
    "ZH07-autosend": "ZH07",
    "PM2008/PM2007": "PM2008",
    "MH-Z19B": "MHZ19B",
    "ZH06-I": "ZH06",
    "ZH07-I": "ZH07",
    "wind-speed (PR-3000-FSJT-N01)": "PR-3000-FSJT-N01",
    "wind-speed (SEN0483)": "SEN0483",
    "wind-speed (XM8589)": "XM8589",
    "wind/any (broadcast FF)": "MODBUS-ANY",
    "wind/weather": "MODBUS-1",
    "temp/humidity (fc 04)": "MODBUS-TEMP",
    "temp/humidity (RS-WS style)": "RS-WS-N01",
}


#: Beginnings of models that people ask for and that have no UART.
_I2C_ONLY = ("sen5", "sen6", "hm3301", "pmsa003i")


def _own() -> Iterable[Driver]:
    yield Plantower("PMS3003", "3003")
    for model in ("PMSx003", "PMS1003", "PMS5003", "PMS7003", "PMSA003"):
        yield Plantower(model, "x003")
    yield Plantower("PMS5003S", "5003S")
    yield Plantower("PMS5003T", "5003T")
    yield Plantower("PMS5003ST", "5003ST")
    for model in ("SDS01x", "SDS011", "SDS018", "SDS021"):
        yield Nova(model)
    yield Nova("SDS198", 0xCF)
    yield Sps30()
    yield Hpma("HPMA115S0", compact=False)
    yield Hpma("HPMA115C0", compact=True)
    yield WinsenDust("ZH03B", (24,))
    yield WinsenDust("ZH06", (32,))
    yield WinsenDust("ZH07", (32,))
    yield WinsenDust("ZH0xx", (24, 32))
    yield WinsenCo("ZE07-CO")
    yield WinsenCo("ZE15-CO")
    yield WinsenCo2()
    for model in ("PM1006", "PM1006K"):
        yield Cubic(model, only_pm25=True)
    for model in ("PM2007", "PM2008"):
        yield Cubic(model, only_pm25=False)
    yield GyMcu680()
    yield from modbus.presets()


@cache
def known_models() -> dict[str, Driver]:
    """Model name → driver, ours and third parties'. Raises :class:`DriverConflict`."""
    drivers = {driver.model: driver for driver in _own()}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        offered: Callable[[], Iterable[Driver]] = point.load()
        for driver in offered():
            if not isinstance(driver, Driver):
                raise DriverConflict(
                    f"{point.value} offers {driver!r}; it must give firmware_bridge.driver.Driver objects"
                )
            if driver.model in drivers:
                raise DriverConflict(f"{point.value} offers {driver.model!r}, which already has a driver")
            drivers[driver.model] = driver
    return drivers


def driver_for(model: str) -> Driver:
    """The driver of a configured model; upper and lower case do not matter. Raises :class:`UnknownModel`.

    Modbus devices take their unit and speed where these were changed, and can share a line: ``SEN0483@5``,
    ``SEN0483@5/4800``, ``RS-FSJT-N01@1+RS-FXJT-N01@2``.
    """
    if "@" in model or "+" in model:
        return _on_bus(model)
    drivers = known_models()
    by_folded = {name.casefold(): driver for name, driver in drivers.items()}
    by_folded |= {alias.casefold(): drivers[name] for alias, name in _ALIASES.items()}
    found = by_folded.get(model.casefold())
    if found is not None:
        return found
    if model.casefold().startswith(_I2C_ONLY):
        raise UnknownModel(f"{model} speaks I²C only, and a serial gateway cannot read it; take a model with a UART")
    near = get_close_matches(model.casefold(), by_folded, n=1)
    hint = f"did you mean {by_folded[near[0]].model!r}? " if near else ""
    raise UnknownModel(f"no driver reads sensor model {model!r}; {hint}known: {', '.join(sorted(drivers))}")


def _on_bus(model: str) -> Driver:
    devices = tuple(_placed(part.strip()) for part in model.split("+"))
    try:
        return devices[0] if len(devices) == 1 else modbus.ModbusBus(model, devices)
    except ValueError as error:
        raise UnknownModel(f"{model!r}: {error}; give units as in RS-FSJT-N01@1+RS-FXJT-N01@2") from error


def _placed(text: str) -> modbus.Modbus:
    """``NAME``, ``NAME@UNIT`` or ``NAME@UNIT/BAUD``."""
    name, _, place = text.partition("@")
    driver = driver_for(name)
    if not isinstance(driver, modbus.Modbus):
        raise UnknownModel(f"{text!r}: only Modbus devices have units and share a line; {driver.model} does not")
    if not place:
        return driver
    unit, _, baud = place.partition("/")
    if not unit.isdecimal() or not 1 <= int(unit) <= 247 or (baud and not baud.isdecimal()):
        raise UnknownModel(f"{text!r}: expected a unit from 1 to 247, then / and a speed where it was changed")
    return replace(driver, model=text, unit=int(unit), baud=int(baud) if baud else driver.baud)
