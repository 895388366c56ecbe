from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smokesentry import cli
from smokesentry.clock import SystemClock, from_wire, to_wire
from smokesentry.messages.schemas import documents
from smokesentry.messages.topics import Address, parse_state, parse_up
from smokesentry.settings import Section, SettingsError, load_settings
from smokesentry.weather import Weather

DOCS = Path(__file__).parents[2] / "docs"


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_wire_times_keep_milliseconds_and_order(moment: datetime) -> None:
    read = from_wire(to_wire(moment))
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)


def test_wire_times_are_utc_whatever_zone_came_in() -> None:
    shanghai = datetime(2026, 11, 23, 2, 4, 5, 678_900, timezone(timedelta(hours=8)))
    assert to_wire(shanghai) == "2026-11-22T18:04:05.678Z"
    with pytest.raises(ValueError, match="zone"):
        to_wire(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    "text", ["2026-11-22T18:04:05Z", "2026-02-30T18:04:05.678Z", "2026-11-22T18:04:05.678+08:00", ""]
)
def test_other_forms_of_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_wire(text)


def test_the_systems_clock_answers() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert second.mono_ns >= first.mono_ns
    assert clock.state().state in {"synchronised", "unsynchronised"}
    assert SystemClock().boot_id == clock.boot_id


@pytest.mark.parametrize(
    ("temp_c", "rh_percent", "told"),
    [(2.0, 50.0, True), (-5.0, 50.0, False), (2.0, 70.0, False), (None, 50.0, False), (2.0, None, False)],
)
def test_steam_is_told_only_where_physics_allows(temp_c: float | None, rh_percent: float | None, told: bool) -> None:
    assert Weather(temp_c, rh_percent).steam_can_be_told is told


def test_topics_go_both_ways() -> None:
    address = Address("lijing", "gw-7")
    assert parse_up(address.up("detection")) == (address, "detection")
    assert parse_state(address.state) == address
    with pytest.raises(ValueError, match="gateway 'GW 7'"):
        Address("lijing", "GW 7")


@pytest.mark.parametrize(
    "topic", ["a/b", "smokesentry/v1/t/g/up/gossip", "smokesentry/v2/t/g/up/health", "smokesentry/v1/t/../up/health"]
)
def test_strange_topics_are_refused(topic: str) -> None:
    with pytest.raises(ValueError):
        parse_up(topic)


class Lamp(Section):
    height_m: float


class Street(Section):
    name: str
    lamps: tuple[Lamp, ...] = ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "a"\nnmae = "b"', r"nmae: no such key; did you mean 'name'\?"),
        (
            'name = "a"\n[[lamps]]\nheigth_m = 4\nheight_m = 4',
            r"lamps.0.heigth_m: no such key; did you mean 'height_m'\?",
        ),
        ('name = "a"\n[[lamps]]\nheight_m = "tall"', r"lamps.0.height_m: .*number.*found 'tall'"),
        ("", "name: is missing"),
        ("name = ", "is not valid TOML"),
    ],
)
def test_settings_errors_say_key_value_and_expectation(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "street.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(file, Street)
    assert str(file) in str(caught.value)


def test_settings_that_are_right_are_read(tmp_path: Path) -> None:
    file = tmp_path / "street.toml"
    file.write_text('name = "丽景街"\n[[lamps]]\nheight_m = 6')
    assert load_settings(file, Street) == Street(name="丽景街", lamps=(Lamp(height_m=6),))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "none.toml", Street)


def test_published_schemas_are_those_of_the_code() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "schemas").glob("*.json")}
    assert published == documents(), "run `make schemas`"


def test_the_command_line_names_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    assert "gateway" in capsys.readouterr().out
    assert cli.main(["no-such-word"]) == 2
    assert "there are: " in capsys.readouterr().err
