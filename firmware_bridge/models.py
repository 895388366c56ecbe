"""Which driver reads which configured model. Third parties add drivers through ``smokesentry.sensor_drivers``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points

from firmware_bridge.driver import Driver
from firmware_bridge.drivers.nova import Nova
from firmware_bridge.drivers.plantower import Plantower

#: An entry point names a callable that returns an iterable of :class:`Driver` instances.
ENTRY_POINT_GROUP = "smokesentry.sensor_drivers"


class UnknownModel(LookupError):
    """No driver has this model; the message lists the known ones and the nearest."""


class DriverConflict(ValueError):
    """A third-party package offers something that is no driver, or a model that already has one."""


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
    """The driver of a configured model; upper and lower case do not matter. Raises :class:`UnknownModel`."""
    drivers = known_models()
    by_folded = {name.casefold(): driver for name, driver in drivers.items()}
    found = by_folded.get(model.casefold())
    if found is not None:
        return found
    near = get_close_matches(model.casefold(), by_folded, n=1)
    hint = f"did you mean {by_folded[near[0]].model!r}? " if near else ""
    raise UnknownModel(f"no driver reads sensor model {model!r}; {hint}known: {', '.join(sorted(drivers))}")
