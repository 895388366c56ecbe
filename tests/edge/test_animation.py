"""The moving preview: small, and played by a real browser."""

from __future__ import annotations

import http.server
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.animation import MAX_BYTES, moving_preview
from edge.ring import Kept
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
            browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            tab = browser.new_page()
            tab.goto(f"http://127.0.0.1:{server.server_port}/page.html")
            assert tab.evaluate("document.getElementById('clip').naturalWidth") == 480
            for _ in range(24):
                shot = tab.screenshot(clip={"x": 100, "y": 60, "width": 8, "height": 8})
                levels.append(int(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_GRAYSCALE)[4, 4]))
                tab.wait_for_timeout(60)
            browser.close()
    finally:
        server.shutdown()
        server.server_close()
    assert len(set(levels)) >= 6, "it moves"
    assert max(levels) - min(levels) > 100
