"""The labelling page: its server in words, and a person with a keyboard in a real browser."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from lab.browser import launch
from lab.label_app import make_app
from lab.labels import FILE, LabelsError, load


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, make_town: Callable[..., object]) -> Path:
    """Two clips, drawn once."""
    folder = tmp_path_factory.mktemp("drawn")
    make_town(folder, 1, 1, frames=30)
    (folder / FILE).unlink()
    return folder


@pytest.fixture
def clips(drawn: Path, tmp_path: Path) -> Path:
    """A test's own copy, which may be labelled."""
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def address(clips: Path) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(make_app(clips, 2.0), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(60)


def ask(
    address: str, method: str, path: str, body: bytes | None = None, host: str = "127.0.0.1"
) -> tuple[int, str, bytes]:
    """Status, content type and body of one request."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    connection.request(method, path, body, {"Host": host, "Content-Type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, str(answer.getheader("content-type")), answer.read()
    connection.close()
    return found


def test_the_server_answers_frames_and_keeps_labels(clips: Path, address: str) -> None:
    told = json.loads(ask(address, "GET", "/api/clips")[2])
    assert [clip["name"] for clip in told["clips"]] == ["plume-00", "quiet-01"]
    assert json.loads(ask(address, "GET", "/api/clips/plume-00")[2])["frames"] == 30
    status, kind, frame = ask(address, "GET", "/api/clips/plume-00/3")
    assert (status, kind, frame[:2]) == (200, "image/jpeg", b"\xff\xd8")
    label = {"kind": "plume", "from_s": 1, "to_s": 9, "origin": [0.5, 0.25]}
    kept = ask(address, "PUT", "/api/clips/plume-00", json.dumps({"labels": [label], "fps": 2}).encode())
    assert (kept[0], json.loads(kept[2])) == (200, {"labels": 1})
    assert load(clips)["plume-00"].labels[0].origin == (0.5, 0.25)
    assert make_app(clips, 2.0)  # a second start finds them


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/clips/nothing", 404),
        ("/api/clips/..%2F..", 422),  # a frame of that name would have to be a number
        ("/api/clips/plume-00/99", 404),
        ("/other.html", 404),
    ],
)
def test_what_is_not_there_is_said(address: str, path: str, status: int) -> None:
    assert ask(address, "GET", path)[0] == status


def test_wrong_labels_and_strange_hosts_are_refused(clips: Path, address: str) -> None:
    status, _, body = ask(
        address, "PUT", "/api/clips/plume-00", b'{"labels": [{"kind": "plume", "from_s": 0, "to_s": 1}]}'
    )
    assert status == 422
    assert "origin" in json.loads(body)["problem"]
    assert ask(address, "PUT", "/api/clips/plume-00", b"{")[0] == 422
    assert not (clips / FILE).exists()
    assert ask(address, "GET", "/", host="evil.example")[0] == 400
    with pytest.raises(LabelsError):
        make_app(clips / "plume-00" / "none", 2.0)


@pytest.mark.chromium
def test_a_person_marks_a_plume_with_keyboard_and_one_click(clips: Path, address: str) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as tools:
        expect.set_options(timeout=120_000)
        browser = launch(tools)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)
        expect(page.locator("#clips button")).to_have_count(2)
        expect(page.locator("#clock")).to_contain_text("14.5 s")
        page.keyboard.press("Enter")  # a plume without its origin
        expect(page.locator("#saved")).to_contain_text("origin")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("i")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("o")
        page.wait_for_function("document.getElementById('frame').naturalWidth > 0")  # before, it has no height
        box = page.locator("#frame").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
        page.keyboard.press("Enter")
        expect(page.locator("#labels tbody tr")).to_have_count(1)
        page.keyboard.press("b")
        page.keyboard.press("n")
        expect(page.locator("#name")).to_contain_text("quiet-01")
        page.keyboard.press("4")
        page.keyboard.press("Enter")
        expect(page.locator("#clips button").nth(1)).to_contain_text("✓ 1")
        page.locator("#temp_c").fill("-3.5")
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            page.locator("#temp_c").blur()
        expect(page.locator("#saved")).to_contain_text("kept")
        page.keyboard.press("p")
        expect(page.locator("#name")).to_contain_text("plume-00")
        expect(page.locator("#labels tbody tr")).to_have_count(1)
        browser.close()
    assert problems == []
    kept = load(clips)
    (plume,) = kept["plume-00"].labels
    assert (plume.kind, plume.from_s, plume.to_s) == ("plume", 2.0, 7.0)
    assert plume.origin == pytest.approx((0.25, 0.5), abs=0.01)
    assert [label.kind for label in kept["quiet-01"].labels] == ["nothing"]
    assert kept["quiet-01"].temp_c == -3.5
    assert json.loads((clips / FILE).read_text(encoding="utf-8"))["format"]
