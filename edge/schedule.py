"""When cameras watch: the night by sunset and sunrise at the site, and windows of the site's local time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from smokesentry.place import Place

_HORIZON_DEG = -0.833  # the sun's upper rim, with the air's refraction
OFF_DUTY = "not scheduled now"  # why a camera outside its hours cannot judge
_LEAST_YEAR = 2025  # a clock that shows less has never been set


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` to ``end``, local time; past midnight when ``end`` is not after ``start``."""

    start: time
    end: time

    def holds(self, local: time) -> bool:
        """Whether the moment lies inside."""
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, slots=True)
class Schedule:
    """``place`` None: no night, only the windows; neither: always."""

    zone: ZoneInfo
    place: Place | None = None
    before_sunset_min: float = 30.0
    after_sunrise_min: float = 30.0
    windows: tuple[Window, ...] = ()

    def watches(self, moment: datetime) -> bool:
        """Whether cameras watch at an aware ``moment``. A clock that was never set cannot close anything."""
        if (self.place is None and not self.windows) or moment.year < _LEAST_YEAR:
            return True
        local = moment.astimezone(self.zone)
        if any(window.holds(local.time()) for window in self.windows):
            return True
        return self.place is not None and self._is_night(local)

    def _is_night(self, local: datetime) -> bool:
        assert self.place is not None
        # By the place's own noon: a zone may be hours away from it (western China keeps Beijing's time).
        solar = timezone(timedelta(minutes=round(4 * self.place.lon)))
        today = local.astimezone(solar).date()
        for day in (today - timedelta(days=1), today):
            night = _night(self.place.lat, self.place.lon, solar, day)
            if night is None:  # the sun does not set or does not rise there on that day
                return _sun_deg(self.place, local) < _HORIZON_DEG
            began, ended = night
            before, after = timedelta(minutes=self.before_sunset_min), timedelta(minutes=self.after_sunrise_min)
            if began - before <= local < ended + after:
                return True
        return False

    def next_change(self, moment: datetime) -> datetime | None:
        """When watching next begins or ends, to the minute; None when it does not within two days."""
        state = self.watches(moment)
        step = moment.astimezone(UTC).replace(second=0, microsecond=0)
        for _ in range(2 * 24 * 60):
            step += timedelta(minutes=1)
            if self.watches(step) != state:
                return step
        return None

    def night_of(self, moment: datetime) -> date:
        """The evening's date: a night runs from local noon to noon."""
        return (moment.astimezone(self.zone) - timedelta(hours=12)).date()


@lru_cache(maxsize=8)
def _night(lat: float, lon: float, solar: timezone, day: date) -> tuple[datetime, datetime] | None:
    """Sunset of ``day`` and the sunrise after it."""
    from astral import Observer  # here, because most gateways' files name no night
    from astral.sun import sunrise, sunset

    observer = Observer(lat, lon)
    try:
        return (
            sunset(observer, date=day, tzinfo=solar),
            sunrise(observer, date=day + timedelta(days=1), tzinfo=solar),
        )
    except ValueError:
        return None


def _sun_deg(place: Place, moment: datetime) -> float:
    from astral import Observer
    from astral.sun import elevation

    return float(elevation(Observer(place.lat, place.lon), moment))
