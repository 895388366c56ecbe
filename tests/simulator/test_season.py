from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from astral import Observer, moon, sun

from simulator.season import (
    BEIJING,
    COLD_CLOTHES,
    SPRING_FESTIVAL,
    evenings,
    holiday,
    hour_of,
    moon_lit,
    seconds_at,
    sky_over,
    winters,
)


def test_the_season_and_its_holidays() -> None:
    """Dates of 2027 as in the project's standards sheet, section 9."""
    nights = evenings(2026)
    assert (nights[0], nights[-1], len(nights)) == (date(2026, 11, 15), date(2027, 3, 15), 121)
    assert {holiday(night): night for night in nights if holiday(night)} == {
        "little_year": date(2027, 1, 30),
        "new_years_eve": date(2027, 2, 5),
        "new_year": date(2027, 2, 6),
        "fifth_day": date(2027, 2, 9),  # the night before the dawn of 破五, 10 February
        "lantern": date(2027, 2, 20),
    }
    with pytest.raises(ValueError, match="2026"):
        evenings(1999)


@pytest.mark.parametrize("year", winters())
def test_lunar_dates_are_new_and_full_moons(year: int) -> None:
    """A lunar month begins on the Beijing day of the new moon: the disc is darker than on the days beside it."""
    new_year, last_month_days = SPRING_FESTIVAL[year + 1]
    for first in (new_year, new_year - timedelta(days=last_month_days), COLD_CLOTHES[year]):
        noon = datetime(first.year, first.month, first.day, 12, tzinfo=BEIJING)
        assert moon_lit(noon) < 0.012
        assert moon_lit(noon) < min(moon_lit(noon + timedelta(days=step)) for step in (-2, 2))
    lantern = datetime(new_year.year, new_year.month, new_year.day, 20, tzinfo=BEIJING) + timedelta(days=14)
    assert moon_lit(lantern) > 0.96


def test_hours_and_seconds_are_inverse() -> None:
    assert seconds_at(16.5) == 0
    assert seconds_at(0) == 7.5 * 3600
    assert hour_of(seconds_at(6.25)) == pytest.approx(6.25)


@pytest.mark.parametrize("evening", [date(2026, 11, 15), date(2027, 1, 20), date(2027, 3, 15)])
def test_the_sky_over_a_street(evening: date) -> None:
    sky = sky_over(38.4, 115.5, evening)
    assert sky.sunset_s < sky.dark_from_s < sky.dark_to_s < sky.sunrise_s
    assert sky.sun_deg(sky.dark_from_s) == pytest.approx(-6, abs=0.3)
    assert sky.sun_deg(sky.sunrise_s) == pytest.approx(-0.8, abs=0.5)
    assert 60 * 9 < (sky.dark_to_s - sky.dark_from_s) / 60 < 60 * 14.5


def test_a_full_moon_stands_where_the_sun_does_not() -> None:
    """Full on 22 January 2027 (20:17 in Beijing): in the east at sunset, in the west at sunrise, high at midnight."""
    sky = sky_over(38.4, 115.5, date(2027, 1, 22))
    assert sky.moon_lit > 0.99
    assert abs(sky.moon_deg(sky.sunset_s)) < 12
    assert sky.moon_azimuth_deg(sky.sunset_s) < 110
    assert sky.moon_deg(seconds_at(0.3)) > 60
    rises = moon.moonrise(Observer(38.4, 115.5), date(2027, 1, 22), tzinfo=BEIJING)
    assert rises is not None
    assert sky.moon_deg((rises - datetime(2027, 1, 22, 16, 30, tzinfo=BEIJING)).total_seconds()) == pytest.approx(
        0, abs=2
    )
    assert sun.elevation(Observer(38.4, 115.5), datetime(2027, 1, 22, 16, 30, tzinfo=BEIJING)) > 0
