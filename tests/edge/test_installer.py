"""The installer's page: meters, siting, masks into the file, access; and the page itself in a real browser."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera import Camera, build_camera
from edge.drawn_masks import Drawn, DrawnMasks
from edge.frames import Mask, encode_jpeg
from edge.fusion import AirView
from edge.installer.access import Access, new_pin
from edge.installer.meters import Meter, measure, spot_of
from edge.installer.server import InstallerPage
from edge.installer.siting import can_judge
from edge.judge import Judge
from edge.masks import MasksRefused, with_masks
from edge.settings import CameraSection
from lab.browser import launch
from smokesentry.clock import Stamp, SystemClock

Until = Callable[..., None]

# -- meters and siting -------------------------------------------------------------------------------------------------


def street(blur: float = 0.0, noise: float = 2.0, seed: int = 0, light: float = 1.0) -> np.ndarray:
    image = np.full((360, 640), 12.0, np.float32)
    for n in range(0, 640, 16):
        image[100:300, n : n + 6] += 60 * light
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    image += np.random.default_rng(seed).normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def test_focus_is_greatest_where_the_picture_is_sharp_and_noise_is_not_taken_for_it() -> None:
    found = [measure([street(blur, 4.0, seed) for seed in range(6)], 320, 200).focus for blur in (0, 1, 2, 4, 8)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 10 * found[-1]
    noisy = measure([street(0, 6.0, seed) for seed in range(6)], 320, 30)
    assert noisy.noise == pytest.approx(6.0, rel=0.25)
    assert noisy.focus < 3, "an even wall in noise has no detail"


@given(st.integers(16, 4000), st.integers(16, 4000), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_spot_lies_inside_every_frame(width: int, height: int, x: float, y: float) -> None:
    x0, y0, x1, y1 = spot_of((width, height), x, y)
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height


def meter(level: float = 60.0, noise: float = 2.0) -> Meter:
    return Meter(10.0, level, 4.0, noise, 0.1, 0.0, 6)


@pytest.mark.parametrize(
    ("hfov", "distance", "seen", "answer", "cause"),
    [
        (60.0, 100.0, meter(), "yes", "good"),
        (60.0, 200.0, meter(), "hardly", "small"),
        (60.0, 500.0, meter(), "no", "too_small"),
        (12.0, 500.0, meter(), "yes", "good"),
        (60.0, 100.0, meter(level=6.0), "no", "too_dark"),
        (60.0, 100.0, meter(level=25.0), "hardly", "weak_light"),
        (60.0, 100.0, meter(level=255.0), "no", "blinded"),
    ],
)
def test_whether_a_lens_can_judge_a_chimney(hfov: float, distance: float, seen: Meter, answer: str, cause: str) -> None:
    found = can_judge(1280, hfov, distance, 0.5, seen)
    assert (found.answer, found.causes[0]) == (answer, cause)


def test_pixels_across_are_those_of_plain_geometry_and_more_of_them_than_1280_do_not_help() -> None:
    # Half a metre at 100 m behind 90 degrees: 200 m of street on 1280 pixels.
    assert can_judge(1280, 90.0, 100.0, 0.5, meter()).pixels == pytest.approx(3.2)
    assert can_judge(3840, 90.0, 100.0, 0.5, meter()).pixels == pytest.approx(3.2)
    assert can_judge(640, 90.0, 100.0, 0.5, meter()).pixels == pytest.approx(1.6)


# -- masks in the file -------------------------------------------------------------------------------------------------

FILE = """# the roof of number 12
[gateway]
name = "gw-1" # hers

[[cameras]]
name = "east"
kind = "folder"   # for now
masks = [
  [[0, 600], [400, 600], [400, 720]],  # the yard
  [[1, 2], [3, 4],
   [5, 6]],
]
source = "a"
[cameras.pose]
height_m = 3
[[cameras]] # the other
name = "west"
source = "b"
"""
POINTS = st.tuples(st.integers(0, 4000).map(float), st.integers(0, 4000).map(float))


@given(st.sampled_from(["east", "west"]), st.lists(st.lists(POINTS, min_size=3, max_size=9), max_size=5))
def test_only_one_cameras_masks_change_and_every_comment_stays(
    camera: str, masks: list[list[tuple[float, float]]]
) -> None:
    text = with_masks(FILE, camera, masks)
    found = {one["name"]: one for one in tomllib.loads(text)["cameras"]}
    assert found[camera]["masks"] == [[list(point) for point in polygon] for polygon in masks]
    for comment in ("# the roof of number 12", "# hers", "# for now", "# the other"):
        assert comment in text
    assert with_masks(text, camera, masks) == text
    other = "west" if camera == "east" else "east"
    assert found[other] == {one["name"]: one for one in tomllib.loads(FILE)["cameras"]}[other]


def test_a_file_that_cannot_be_changed_safely_is_left_alone() -> None:
    polygon: Mask = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)]
    with pytest.raises(MasksRefused, match="no camera 'north'"):
        with_masks(FILE, "north", [polygon])
    with pytest.raises(MasksRefused, match=r"\[\[cameras\]\] tables"):
        with_masks('cameras = [{ name = "east" }]', "east", [polygon])
    with pytest.raises(MasksRefused, match="cannot be changed safely"):
        with_masks('[[cameras]]\nname = "east"\n"masks" = []\n', "east", [polygon])


# -- access ------------------------------------------------------------------------------------------------------------


def test_a_pin_opens_once_and_not_for_ever(tmp_path: Path) -> None:
    def at(minutes: float) -> Stamp:
        return Stamp(1_795_000_000.0, int(1e12 + minutes * 60e9))

    pin = new_pin(tmp_path, at(0), "boot")
    access = Access(tmp_path, "boot")
    wrong = f"{(int(pin) + 1) % 10**8:08}"
    assert access.log_in(wrong, at(1)) is None
    token = access.log_in(pin, at(2))
    assert token is not None
    assert access.knows(token, at(3))
    assert not access.knows("", at(3))
    assert access.log_in(pin, at(3)) is None, "used up"
    assert not access.knows(token, at(130)), "two hours"
    late = new_pin(tmp_path, at(0), "boot")
    assert access.log_in(late, at(16)) is None, "too late"
    elsewhere = new_pin(tmp_path, at(0), "boot")
    assert Access(tmp_path, "another boot").log_in(elsewhere, at(1)) is None
    guessed = new_pin(tmp_path, at(0), "boot")
    for _ in range(5):
        assert access.log_in(f"{(int(guessed) + 1) % 10**8:08}", at(1)) is None
    assert access.log_in(guessed, at(1)) is None, "five wrong tries use it up"


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(
    tmp_path: Path, scripted: Any, clock: SystemClock, until: Until
) -> Iterator[tuple[InstallerPage, Camera, DrawnMasks]]:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(4000):  # more than the slowest machine can watch
        picture = frames / f"{number:04}.jpg"
        if number < 8:
            picture.write_bytes(encode_jpeg(street(0.6, 3.0, number), 90))
        else:
            picture.hardlink_to(frames / f"{number % 8:04}.jpg")
    drawn = DrawnMasks(tmp_path)
    section = CameraSection(name="east", kind="folder", source=str(frames), fps=10)
    judge = Judge("gw-1", "east", 1, section.detector, lambda settings: scripted(settings, []))
    camera = build_camera(section, judge, clock, lambda _: AirView(), lambda *_: None)
    site = InstallerPage(
        "gw-1", [camera], "127.0.0.1", 0, Access(tmp_path, clock.boot_id), clock,
        lambda name, masks: drawn.save(Drawn(name, masks, section.masks, clock.now().captured_at)),
    )  # fmt: skip
    stop = threading.Event()
    threads = [
        threading.Thread(target=run, args=(stop,)) for run in (camera.capture.run, camera.inference.run, site.run)
    ]
    for thread in threads:
        thread.start()
    until(lambda: site.address is not None and len(camera.recent) > 2, "the page and frames")
    yield site, camera, drawn
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def ask(site: InstallerPage, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    assert site.address is not None
    connection = http.client.HTTPConnection(site.address[7:-1], timeout=60)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


ORDER = {"Content-Type": "application/json", "X-Smokesentry": "1"}
SQUARE = [[195, 95], [265, 95], [265, 145], [195, 145]]


def test_what_the_page_asks_is_checked(page: tuple[InstallerPage, Camera, DrawnMasks]) -> None:
    site, camera, drawn = page
    assert ask(site, "GET", "/api/meter/east?x=1&y=2")[0] == 200
    for path in ("/api/meter/east", "/api/meter/east?x=a&y=2", "/api/meter/east?x=nan&y=1e999"):
        assert ask(site, "GET", path)[0] == 400, path
    assert ask(site, "GET", "/api/frame/north")[0] == 404
    assert ask(site, "GET", "/../../etc/passwd")[0] == 404
    assert ask(site, "POST", "/api/masks/east", [SQUARE])[0] == 400, "a form of another site has no such header"
    assert ask(site, "POST", "/api/masks/east", [SQUARE], Host="evil.example", **ORDER)[0] == 400
    assert ask(site, "GET", "/api/state", Host="evil.example")[0] == 403
    for bad in ([[[1, 2], [3, 4]]], [[[-1, 2], [3, 4], [5, 6]]], {"a": 1}, [SQUARE] * 40):
        assert ask(site, "POST", "/api/masks/east", bad, **ORDER)[0] == 400, bad
    chimney = {"camera": "east", "x": 1, "y": 2, "hfov_deg": 60, "distance_m": 60, "plume_m": 0.5}
    assert ask(site, "POST", "/api/siting", chimney, **ORDER)[0] == 200
    nearer_than_anything = chimney | {"distance_m": 5e-324}  # pixels without end, which no JSON can say
    assert ask(site, "POST", "/api/siting", nearer_than_anything, **ORDER)[0] == 400
    assert (drawn.of("east"), camera.capture.masks) == (None, [])


def test_a_mask_is_burnt_in_at_once_and_written_down(
    page: tuple[InstallerPage, Camera, DrawnMasks], until: Until
) -> None:
    site, _, drawn = page
    status, body = ask(site, "POST", "/api/masks/east", [SQUARE], **ORDER)
    assert (status, json.loads(body)["saved"]) == (200, True)
    kept = drawn.of("east")
    assert kept is not None
    assert np.array(kept.masks).tolist() == [SQUARE]

    def masked() -> bool:
        code, jpeg = ask(site, "GET", "/api/frame/east")
        if code != 200:
            return False
        pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        return bool(pixels[100:140, 200:260].max() < 20 and pixels[110:290, 300:400].max() > 40)

    until(masked, "the masked picture on the page")
    shutil.rmtree(drawn.folder)
    drawn.folder.write_bytes(b"")  # no folder any more: nothing can be written into it
    status, body = ask(site, "POST", "/api/masks/east", [], **ORDER)
    assert json.loads(body)["saved"] is False
    assert str(drawn.folder) in json.loads(body)["why"]


def test_another_device_needs_the_pin(
    page: tuple[InstallerPage, Camera, DrawnMasks], monkeypatch: pytest.MonkeyPatch, clock: SystemClock
) -> None:
    """What a phone in the LAN would see: the server is told that nobody is at loopback."""
    site, _, _ = page
    monkeypatch.setattr("ipaddress.IPv4Address.is_loopback", property(lambda _: False))
    assert ask(site, "GET", "/")[0] == 200, "the page itself, which asks for the PIN"
    for method, path in (("GET", "/api/state"), ("GET", "/api/frame/east"), ("POST", "/api/masks/east")):
        assert ask(site, method, path, [] if method == "POST" else None, **ORDER)[0] == 401, path
    pin = new_pin(site.access.folder, clock.now(), clock.boot_id)
    assert ask(site, "POST", "/api/login", {"pin": "00000000x"}, **ORDER)[0] == 401
    assert site.address is not None
    connection = http.client.HTTPConnection(site.address[7:-1], timeout=60)
    connection.request("POST", "/api/login", json.dumps({"pin": pin}), ORDER)
    answer = connection.getresponse()
    cookie = answer.headers["Set-Cookie"]
    connection.close()
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert ask(site, "GET", "/api/frame/east", Cookie=cookie.split(";")[0])[0] == 200


@pytest.mark.chromium
def test_a_phone_draws_a_mask_and_judges_a_chimney(
    page: tuple[InstallerPage, Camera, DrawnMasks], tmp_path: Path, until: Until
) -> None:
    from playwright.sync_api import sync_playwright

    site, camera, drawn = page
    assert site.address is not None
    with sync_playwright() as tools:
        browser = launch(tools)
        phone = browser.new_context(
            viewport={"width": 390, "height": 844},
            device_scale_factor=2,
            has_touch=True,
            is_mobile=True,
            locale="zh-CN",
        )
        phone.set_default_timeout(120_000)
        tab = phone.new_page()
        problems: list[str] = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.goto(site.address)
        until(lambda: float(tab.inner_text("#focus") or 0) > 1, "measured")
        tab.screenshot(path=str(tmp_path / "aim.png"), full_page=True)
        assert "对准" in tab.inner_text("#tabs")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing hangs over"
        tab.click("#tabs button:nth-child(2)")
        tab.touchscreen.tap(195, 200)
        tab.fill("#distance", "60")
        tab.click("#judge")
        tab.wait_for_selector("#answer:not([hidden])")
        assert tab.inner_text("#answer_word") in ("能判断", "勉强")
        tab.screenshot(path=str(tmp_path / "siting.png"), full_page=True)
        tab.click("#tabs button:nth-child(3)")
        box = tab.locator("#picture").bounding_box()
        assert box is not None
        for number, (x, y) in enumerate(SQUARE, 1):
            tab.touchscreen.tap(box["x"] + x / 640 * box["width"], box["y"] + y / 360 * box["height"])
            tab.wait_for_function("number => drawing.length === number", arg=number)
        tab.click("#close")
        tab.screenshot(path=str(tmp_path / "mask.png"), full_page=True)
        tab.click("#save")
        until(lambda: bool(tab.inner_text("#saved")), "saved")
        assert tab.inner_text("#saved") == "已保存，1 块"
        kept = drawn.of("east")
        assert kept is not None
        [polygon] = kept.masks
        assert np.abs(np.array(polygon) - np.array(SQUARE)).max() <= 2, "to the pixel of a phone"
        tab.click("#lang")
        assert "Masks" in tab.inner_text("#tabs")
        tab.screenshot(path=str(tmp_path / "english.png"), full_page=True)
        assert problems == []
        browser.close()
    assert len(camera.capture.masks) == 1
