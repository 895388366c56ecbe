"""The console's pure parts, and that every word is there in both languages."""

from __future__ import annotations

import asyncio
import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from cloud_ingest.console.assets import FILES, maplibre_folder
from cloud_ingest.console.curve import thin
from cloud_ingest.console.feed import ChangeFeed
from cloud_ingest.console.rays import ray
from cloud_ingest.console.words import phrases, words
from smokesentry.place import CameraPose, Place

HERE = files("cloud_ingest.console")
points = st.lists(
    st.tuples(st.floats(0, 1000), st.floats(0, 50), st.integers(1, 60)).map(
        lambda p: {"at": "t", "mean": p[0], "low": p[0] - p[1], "high": p[0] + p[1], "count": p[2]}
    ),
    max_size=120,
)


@given(points, st.integers(1, 30))
def test_thinning_keeps_peaks_and_counts(series: list[dict], most: int) -> None:
    thinned = thin(series, most)
    assert len(thinned) <= most
    assert sum(point["count"] for point in thinned) == sum(point["count"] for point in series)
    if series:
        assert max(point["high"] for point in thinned) == max(point["high"] for point in series)
        assert min(point["low"] for point in thinned) == min(point["low"] for point in series)
        assert thinned[-1]["at"] == series[-1]["at"]


def test_thinning_leaves_a_short_series_alone() -> None:
    series = [{"at": "a", "mean": 1.0, "low": 0.5, "high": 2.0, "count": 3}]
    assert thin(series) == series


def pose(**changes: float) -> dict:
    whole = CameraPose(
        camera="cam-1", pose_version=1, place=Place(38.0, 106.0), height_m=12.0, heading_deg=350.0, tilt_deg=0.0,
        hfov_deg=90.0, frame_size=(1000, 600),
    )  # fmt: skip
    return {**msgspec.to_builtins(whole), **changes}


@pytest.mark.parametrize(
    ("changes", "pixel", "azimuth"),
    [
        ({}, [500, 300], 350.0),
        ({}, [1000, 300], 35.0),  # the picture's right edge is half the field of view clockwise of the axis
        ({}, [0, 300], 305.0),
        ({"tilt_deg": -30.0}, [500, 300], 350.0),
        ({"roll_deg": 90.0}, [500, 0], math.degrees(math.atan2(300, 500)) - 10),  # lying on its right side, up is right
    ],
)
def test_a_pixels_direction_on_the_map(changes: dict, pixel: list[float], azimuth: float) -> None:
    found = ray("gw", pose(**changes), pixel)
    assert found["azimuth_deg"] == pytest.approx(azimuth, abs=1e-6)
    assert (found["lat"], found["lon"]) == (38.0, 106.0)


FILES_OF_WORDS = sorted(file.name.removesuffix(".json") for file in HERE.joinpath("texts").iterdir())
TEMPLATES = {file.name.removesuffix(".html"): file.read_text() for file in HERE.joinpath("templates").iterdir()}
SHARED = "".join(TEMPLATES[name] for name in ("base", "sheet", "nav"))


def asked_by(page: str) -> tuple[set[str], set[str]]:
    """The keys that a template asks for, and the beginnings of those that it puts together."""
    keys = {one or other for one, other in re.findall(r'words\["([^"]+)"\]|words\[\'([^\']+)\'\]', page)}
    return keys, set(re.findall(r'words(?:\.get\(|\[)"([a-z.]+\.)" ~', page))


@pytest.mark.parametrize("name", FILES_OF_WORDS)
def test_every_word_is_there_in_both_languages_with_the_same_holes(name: str) -> None:
    chinese, english = words("zh", name), words("en", name)
    assert chinese.keys() == english.keys()
    for key in chinese:
        assert chinese[key].strip() and english[key].strip(), key
        assert set(re.findall(r"\{\w+\}", chinese[key])) == set(re.findall(r"\{\w+\}", english[key])), key


def test_every_word_that_the_live_page_asks_for_exists_and_none_is_left_over() -> None:
    scripts = "".join(file.read_text() for file in HERE.joinpath("static").iterdir() if file.name.endswith(".js"))
    in_page, _ = asked_by(TEMPLATES["console"] + SHARED)
    plain = in_page | set(re.findall(r'"([a-z]+(?:\.[a-z_]+)*)"', scripts))
    groups = set(re.findall(r'word\("([^"]+)"', scripts)) | set(re.findall(r"`([a-z.]+)\.\$\{", scripts))
    known = set(words("zh", "common", "console"))
    missing = in_page | set(re.findall(r'\bt\("([^"]+)"', scripts))
    assert missing <= known, missing - known
    own = set(words("zh", "console"))
    assert {key for key in own if key not in plain and not any(key.startswith(f"{g}.") for g in groups)} == set()


@pytest.mark.parametrize("name", [name for name in FILES_OF_WORDS if name not in ("common", "console")])
def test_every_word_that_a_sheet_asks_for_exists_and_none_is_left_over(name: str) -> None:
    asked, groups = asked_by(TEMPLATES[name] + SHARED)
    known = set(words("zh", "common", name))
    assert asked <= known, asked - known
    left = {key for key in words("zh", name) if key not in asked and not key.startswith(tuple(groups))}
    assert left == set()


def test_every_shared_word_is_used_by_some_page() -> None:
    asked, groups = asked_by("".join(TEMPLATES.values()))
    assert {key for key in words("zh", "common") if key not in asked and not key.startswith(tuple(groups))} == set()


def test_known_sentences_have_as_many_holes_in_chinese() -> None:
    assert phrases("en") == []
    for english, chinese in phrases("zh"):
        assert english.count("{}") == chinese.count("{}"), english


def test_maplibre_is_in_the_installed_package_and_nowhere_in_the_tree() -> None:
    for name in FILES:
        assert (maplibre_folder() / name).stat().st_size > 10_000
    assert not [file for file in HERE.joinpath("static").iterdir() if "maplibre" in file.name]


def test_nothing_of_the_page_names_another_host() -> None:
    own = [*HERE.joinpath("static").iterdir(), *HERE.joinpath("templates").iterdir()]
    for file in own:
        addresses = set(re.findall(r"https?://[^\s\"'<>]+|[\"'(]//[a-z]", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, (file.name, addresses)


def test_pages_never_make_markup_out_of_text() -> None:
    for file in HERE.joinpath("static").iterdir():
        if file.name.endswith(".js"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|eval\(", file.read_text()
            ), file


def test_a_listener_hears_every_move_and_the_poll_survives_a_broken_store() -> None:
    answers: list[dict[str, int] | Exception] = [
        {"alerts": 1}, {"alerts": 1}, OperationalError("select", {}, Exception("locked")), {"alerts": 2}
    ]  # fmt: skip

    def read() -> dict[str, int]:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def listen() -> list[dict[str, int]]:
        feed = ChangeFeed(read)
        task = asyncio.create_task(feed.run())
        heard = []
        async for event in feed.events():
            if event.startswith("event: change\n"):
                heard.append(json.loads(event.split("data: ")[1]))
            if len(heard) == 2:
                break
        task.cancel()
        return heard

    # In a thread of its own: the browser's driver keeps an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        heard = thread.submit(lambda: asyncio.run(asyncio.wait_for(listen(), 120))).result()
    assert heard == [{"alerts": 1}, {"alerts": 2}]
