"""The pages about the data itself, as a browser gets them: both languages, one town, harmless with hostile text."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert

from cloud_ingest.console.words import translated
from cloud_ingest.ingest.accept import dead_letter
from cloud_ingest.ingest.letters import keep_letters
from cloud_ingest.ingest.quality import DayReport
from cloud_ingest.store.database import writing
from cloud_ingest.store.places_schema import place_versions
from cloud_ingest.store.telemetry_schema import quality_days
from smokesentry.clock import to_wire

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"
NOW = datetime.now(UTC)
TODAY = NOW.astimezone(ZoneInfo("Asia/Shanghai")).date()


def get(console: str, path: str, language: str = "en") -> str:
    with urlopen(Request(console + path, headers={"Accept-Language": language}), timeout=120) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return answer.read().decode()


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def add_day(town: Any, sensor: str, age: int, tenant: str = "lijing", **report: Any) -> None:
    with writing(town.engine) as connection:
        connection.execute(
            insert(quality_days).values(
                gateway="gw-west", sensor=sensor, day=str(TODAY - timedelta(days=age)), tenant=tenant,
                report=asdict(DayReport(**report)), made_at=to_wire(NOW),
            )
        )  # fmt: skip


@pytest.fixture(autouse=True)
def no_days_before(town: Any) -> None:
    with writing(town.engine) as connection:
        connection.execute(delete(quality_days))


def test_the_layers_in_force_say_what_is_in_doubt(town: Any, console: str) -> None:
    town.add_street()
    text = (
        "2 points: nothing tells whether they are really WGS-84 (GCJ-02 lies 400 to 600 m away); look at --picture, or"
    )
    with writing(town.engine) as connection:
        connection.execute(
            insert(place_versions).values(
                version=1, tenant="lijing", kind="stations", imported_at=to_wire(NOW), source=HOSTILE, digest="d",
                crs="WGS 84", warnings=[f"{text} hold one against a satellite receiver", *["odd"] * 6],
            )
        )  # fmt: skip
    page = get(console, "/quality")
    assert HOSTILE not in page
    said = words_of(page)
    for part in (
        "Footprints and layers in force",
        "street.geojson",
        "Stations",
        "2 points: nothing tells",
        "and 2 more",
    ):
        assert part in said, part
    assert "2 个点：无法判断是否确为 WGS-84" in words_of(get(console, "/quality", "zh"))


def test_a_good_day_a_bad_day_and_what_to_look_at(town: Any, console: str) -> None:
    assert "No day was judged yet" in get(console, "/quality")
    add_day(town, "pm-1", 1, expected=1440, valid=1440.0, rate=1.0, clock={"synchronised": 1440})
    hint = {"kind": "covered", "at": to_wire(NOW), "text": HOSTILE}
    gap = {"from": to_wire(NOW), "to": to_wire(NOW), "seconds": 7200.0}
    add_day(town, "pm-1", 0, expected=1000, valid=800.0, rate=0.8, flagged=True, gap_s=7200.0, gaps=[gap], hints=[hint],
            late=3, worst_late_s=5400.0, clock={"synchronised": 790, "unsynchronised": 10})  # fmt: skip
    page = get(console, "/quality")
    assert re.search(r'<td class="good"[^>]*>100</td>', page)
    assert re.search(r'<td class="flagged"[^>]*>80</td>', page)
    said = words_of(page)
    for part in ("800 / 1000", "2:00", "3, by 1:30 at most", "covered", "80 %"):
        assert part in said, part
    assert "<script" not in page and HOSTILE in unescape(page)
    chinese = words_of(get(console, "/quality?lang=zh"))
    assert "需要查看的日期" in chinese and "被遮挡" in chinese


def test_another_towns_days_are_not_shown(town: Any, console: str) -> None:
    add_day(town, "pm-secret", 0, tenant="elsewhere", expected=10, rate=0.0, flagged=True)
    assert "pm-secret" not in get(console, "/quality")


def test_what_was_set_aside_is_listed_by_kind_without_its_power(town: Any, console: str) -> None:
    with writing(town.engine) as connection:
        some = [
            dead_letter("a/" + HOSTILE, b"x", "malformed", HOSTILE, None),
            dead_letter("a/b", b"yy", "unknown_key", "signed with 12, which nobody holds", None),
            dead_letter("a/b", b"yy", "invalid_batch", "of another town", "gw-elsewhere"),
        ]
        keep_letters(connection, some, to_wire(NOW))
    page = get(console, "/dead-letters")
    assert "<script" not in page and "alert(1)" in page
    assert "of another town" not in page
    only = get(console, "/dead-letters?cause=unknown_key")
    assert "nobody holds" in only and "alert(1)" not in only
    assert "dead-letters replay --config cloud.toml --cause unknown_key" in words_of(only)
    nothing = get(console, "/dead-letters?cause=" + "%3Cb%3E")
    assert "<b>" not in nothing.replace("<b>1</b>", "").replace("<b>2</b>", "")
    assert "未登记的密钥" in get(console, "/dead-letters?lang=zh")


def test_what_gateways_say_is_told_in_the_readers_language_where_it_is_known() -> None:
    assert translated("frozen picture", "zh") == "画面停住不动"
    assert translated("cam-1: no frame for 12 s", "zh") == "cam-1: 已有 12 秒没有画面"
    assert translated("something new", "zh") == "something new"
    assert translated("frozen picture", "en") == "frozen picture"
