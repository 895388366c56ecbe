"""The moving preview: small, and played by a real browser."""

from __future__ import annotations

import http.server
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.animation import MAX_BYTES, moving_preview, view_of
from edge.ring import Kept
from lab.browser import launch
from smokesentry.clock import Stamp

UNIX_S = 1_795_000_000.0


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        return


def test_a_preview_is_small_and_moves() -> None:
    frames = []
    for number in range(61):
        image = np.random.default_rng(number).integers(0, 90, (360, 640, 3), np.uint8)  # noise is the worst to pack
        cv2.circle(image, (10 * number, 200), 60, (255, 255, 255), -1)
        jpeg = bytes(cv2.imencode(".jpg", image)[1])
        frames.append(Kept(float(number), Stamp(UNIX_S + number, 0), (640, 360), jpeg))
    data = moving_preview(frames)
    assert len(data) <= MAX_BYTES
    done, animation = cv2.imdecodeanimation(np.frombuffer(data, np.uint8)[np.newaxis])
    assert done
    assert 10 <= len(animation.frames) <= 60
    first, last = animation.frames[0], animation.frames[-1]
    assert np.abs(first.astype(int) - last.astype(int)).max() > 100


SIDES = st.floats(-2000, 4000)


@given(st.tuples(SIDES, SIDES, SIDES, SIDES), st.tuples(st.integers(64, 4000), st.integers(64, 4000)))
def test_the_part_that_is_shown_lies_in_the_frame_and_has_its_shape(
    corners: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    xs, ys = sorted(corners[:2]), sorted(corners[2:])
    x0, y0, x1, y1 = view_of((xs[0], ys[0], xs[1], ys[1]), size)
    assert 0 <= x0 < x1 <= size[0]
    assert 0 <= y0 < y1 <= size[1]
    assert (x1 - x0) / size[0] == pytest.approx((y1 - y0) / size[1], abs=0.02)
    assert (x1 - x0) >= 0.34 * size[0]


def test_a_small_plume_is_shown_large() -> None:
    image = np.full((720, 1280, 3), 30, np.uint8)
    image[300:340, 900:920] = 230
    jpeg = bytes(cv2.imencode(".jpg", image)[1])
    frames = [Kept(float(n), Stamp(UNIX_S + n, 0), (1280, 720), jpeg) for n in range(3)]
    done, animation = cv2.imdecodeanimation(
        np.frombuffer(moving_preview(frames, (900, 300, 920, 340)), np.uint8)[np.newaxis]
    )
    assert done
    bright = np.asarray(animation.frames[0])[:200, :, 0] > 150  # above the caption
    assert bright.sum() > 2.5 * (20 * 40) * (480 / 1280) ** 2, "larger than in the whole frame"


@pytest.mark.chromium
def test_a_browser_plays_the_preview(tmp_path: Path) -> None:
    """What the screen shows is looked at again and again: it must change by itself."""
    from playwright.sync_api import sync_playwright

    frames = []
    for number in range(12):
        image = np.full((360, 640, 3), 20 * number, np.uint8)
        jpeg = bytes(cv2.imencode(".jpg", image)[1])
        frames.append(Kept(float(number), Stamp(UNIX_S + number, 0), (640, 360), jpeg))
    (tmp_path / "preview.webp").write_bytes(moving_preview(frames))
    (tmp_path / "page.html").write_text('<img id="clip" src="preview.webp">')
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    levels: list[int] = []
    try:
        with sync_playwright() as tools:
            browser = launch(tools)
            tab = browser.new_page()
            tab.set_default_timeout(120_000)
            tab.goto(f"http://127.0.0.1:{server.server_port}/page.html")
            assert tab.evaluate("document.getElementById('clip').naturalWidth") == 480
            deadline = time.monotonic() + 120
            while (len(set(levels)) < 6 or max(levels) - min(levels) <= 100) and time.monotonic() < deadline:
                shot = tab.screenshot(clip={"x": 100, "y": 60, "width": 8, "height": 8})
                levels.append(int(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_GRAYSCALE)[4, 4]))
                tab.wait_for_timeout(60)
            browser.close()
    finally:
        server.shutdown()
        server.server_close()
    assert len(set(levels)) >= 6, "it moves"
    assert max(levels) - min(levels) > 100
