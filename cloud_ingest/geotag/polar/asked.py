"""What somebody wants to see: which gateways, nights, hours and quantity. Parsed with words for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.geotag.polar.blocks import BLOCK_S

#: Quantity -> the names under which sensors report it, the first that a sensor has is taken. Each carries its unit.
QUANTITIES: dict[str, tuple[str, ...]] = {
    "pm25": ("pm25_atm_ug_m3", "pm25_ug_m3", "pm25_cf1_ug_m3"),
    "pm10": ("pm10_atm_ug_m3", "pm10_ug_m3", "pm10_cf1_ug_m3"),
    "co": ("co_ppm",),
}
UNITS = {"pm25": "µg/m³", "pm10": "µg/m³", "co": "ppm"}
STATISTICS = ("share", "mean", "weighted")
MOST_NIGHTS = 400  # minutes are kept for so many days (docs/cloud_ingest.md)
MOST_GATEWAYS = 12


class AskedError(ValueError):
    """The question cannot be answered as it was put; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``first`` and ``last`` are evenings, both included; ``begin`` and ``end`` local hours that may pass midnight."""

    gateways: tuple[str, ...]
    first: date
    last: date
    begin: time = time(17)
    end: time = time(7)
    quantity: str = "pm25"

    def __post_init__(self) -> None:
        nights = (self.last - self.first).days + 1
        if not 1 <= nights <= MOST_NIGHTS:
            said = f"expected 1 to {MOST_NIGHTS} nights, the first before the last"
            raise AskedError(f"from {self.first} to {self.last}: {said}")
        if not 1 <= len(self.gateways) <= MOST_GATEWAYS:
            raise AskedError(f"{len(self.gateways)} gateways: expected 1 to {MOST_GATEWAYS}")
        if self.quantity not in QUANTITIES:
            raise AskedError(f"quantity {self.quantity!r}: expected one of {', '.join(QUANTITIES)}")
        if self.blocks < 6:
            raise AskedError(f"hours {hours_text(self)}: expected an hour or more")

    @property
    def nights(self) -> list[date]:
        """The evenings."""
        return [self.first + timedelta(days=day) for day in range((self.last - self.first).days + 1)]

    @property
    def blocks(self) -> int:
        """How many blocks a night has."""
        minutes = (self.end.hour - self.begin.hour) * 60 + self.end.minute - self.begin.minute
        return (minutes % (24 * 60) or 24 * 60) * 60 // BLOCK_S

    def start_of(self, night: date, zone: str) -> datetime:
        """When a night's first block begins, UTC. Hours such as 04:00-07:00 are of the morning after."""
        day = night if self.begin >= time(12) else night + timedelta(days=1)
        return datetime.combine(day, self.begin, ZoneInfo(zone)).astimezone(UTC)


def parse_hours(text: str) -> tuple[time, time]:
    """``17:00-07:00``. Raises :class:`AskedError`."""
    begin, dash, end = text.partition("-")
    try:
        if not dash:
            raise ValueError
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise AskedError(f"hours {text[:40]!r}: expected local hours as in 17:00-07:00") from None


def parse_day(text: str) -> date:
    """``2026-11-22``. Raises :class:`AskedError`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AskedError(f"{text[:40]!r} is no day; expected one as in 2026-11-22") from None


def hours_text(asked: Asked) -> str:
    """The hours as :func:`parse_hours` reads them."""
    return f"{asked.begin:%H:%M}-{asked.end:%H:%M}"
