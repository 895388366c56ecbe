"""Several towns in one console, and the long-run view as a page: what a browser gets over HTTP."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete

from cloud_ingest.console.pages import towns_of
from cloud_ingest.store.database import writing
from cloud_ingest.store.telemetry_schema import telemetry_aggregates
from lab.showcase.serving import start
from lab.showcase.winter import Winter, write_winter

HOSTILE = "<script>alert(1)</script>"
GATEWAYS = {"gw-west": (-95.0, 0.0), "gw-north": (30.0, 75.0)}


@pytest.fixture(scope="module")
def served(store: Engine, folder: Path) -> Iterator[str]:
    """This module's console shows two towns."""
    server, thread, address = start(folder, tenants=("lijing", "yuehai"))
    yield address
    server.should_exit = True
    thread.join(timeout=60)
    assert not thread.is_alive(), "uvicorn did not stop"


def get(console: str, path: str) -> str:
    with urllib.request.urlopen(console + path, timeout=120) as answer:
        return str(answer.read().decode())


def refused(console: str, path: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as error:
        get(console, path)
    return error.value.code, error.value.read().decode()


@pytest.fixture
def two_towns(town: Any) -> Any:
    town.add_street()
    town.add_gateway("gw-west", *GATEWAYS["gw-west"], 90)
    town.add_gateway("gw-far", 500, 500, 90, tenant="yuehai")
    return town


def test_each_town_shows_its_own_and_links_keep_it(two_towns: Any, console: str) -> None:
    names = {
        town: [one["gateway"] for one in json.loads(get(console, f"/api/town?town={town}"))["gateways"]]
        for town in ("lijing", "yuehai")
    }
    assert names == {"lijing": ["gw-west"], "yuehai": ["gw-far"]}
    assert json.loads(get(console, "/api/town"))["tenant"] == "lijing"
    for path in ("/", "/wind", "/quality", "/dead-letters"):
        page = get(console, f"{path}?town=yuehai&lang=en")
        assert 'aria-current="true">yuehai</a>' in page, path
        ways = re.findall(r'<a href="(/[a-z-]*\?[^"]*)"', page)
        assert len(ways) >= 3 and all("town=yuehai" in way for way in ways if "town=lijing" not in way), path
    assert "gw-far" in get(console, "/wind?town=yuehai") and "gw-west" not in get(console, "/wind?town=yuehai")


def test_a_town_that_is_not_shown_here_is_not_found_wherever_it_is_asked_for(two_towns: Any, console: str) -> None:
    for path in ("/?town=secret", "/api/alerts?town=secret", "/wind.csv?town=secret", "/quality?town=%3Cb%3E"):
        code, said = refused(console, path)
        assert code == 404 and "there is no town" in said, path
    with pytest.raises(ValueError, match="at least one"):
        towns_of([])


@pytest.fixture
def wintry(two_towns: Any) -> Any:
    """A dozen nights before today."""
    two_towns.add_gateway("gw-north", *GATEWAYS["gw-north"], 195)
    last = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)
    with writing(two_towns.engine) as connection:
        write_winter(connection, Winter(GATEWAYS, ((10.0, 12.0),), nights=12, every_min=10), last)
    return two_towns


def test_the_long_run_page_draws_every_gateway_and_the_map_in_both_languages(wintry: Any, console: str) -> None:
    for lang, words in (
        ("zh", ("不指认任何一户", "最高十分之一", "静风")),
        ("en", ("it names no household", "highest tenth", "calms")),
    ):
        page = get(console, f"/wind?lang={lang}&statistic=share")
        drawings = re.findall(r"<svg.*?</svg>", page, re.S)
        assert len(drawings) == 3  # two gateways and the map
        for drawing in drawings:
            ElementTree.fromstring(drawing)
        assert all(word in page for word in words), lang
        assert "<script" not in page and "style=" not in page


def test_what_cannot_be_asked_is_said_on_the_page_and_refused_as_a_file(wintry: Any, console: str) -> None:
    page = get(console, "/wind?hours=late&lang=en")
    assert "expected local hours as in 17:00-07:00" in page and "<svg" not in page
    assert refused(console, "/wind.svg?from=soon")[0] == 400
    assert "1 to 400 nights" in refused(console, "/wind.csv?from=2020-01-01&to=2026-01-01")[1]
    hostile = get(console, "/wind?from=" + urllib.request.quote(HOSTILE))
    assert "<script" not in hostile


def test_without_a_vane_the_page_says_what_is_needed(wintry: Any, console: str) -> None:
    with writing(wintry.engine) as connection:
        connection.execute(delete(telemetry_aggregates).where(telemetry_aggregates.c.sensor == "wind-1"))
    page = get(console, "/wind?lang=en")
    assert "fit at least one gateway of the town" in page and "neither this gateway nor any within 3 km" in page


def test_the_files_are_what_they_say(wintry: Any, console: str) -> None:
    assert ElementTree.fromstring(get(console, "/wind.svg?gateway=gw-north")).tag.endswith("svg")
    table = get(console, "/wind.csv?gateway=gw-north").splitlines()
    assert table[0].startswith("gateway,wind_from_deg,") and len(table) == 1 + 72 * 13
