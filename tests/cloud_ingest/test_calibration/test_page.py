"""The page as a person uses it: a real process, a real Chromium, two clicks a mark, a pose in a file at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.site import Site
from lab import calibration_street as street
from lab.browser import PATIENCE_MS, launch
from lab.processes import free_port, port_answers
from smokesentry.settings import load_settings

pytestmark = pytest.mark.chromium


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str], Path]]:
    street.write(tmp_path)
    port, out = free_port(), tmp_path / "pose.toml"
    smokesentry = Path(sys.executable).with_name("smokesentry")
    command = [smokesentry, "camera", "calibrate", "--still", tmp_path / "still.png", "--pose"]
    command += [tmp_path / "site.toml", "--footprints", tmp_path / "town.geojson", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*map(str, command), "--out", str(out)], stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 240
        while not port_answers(port):
            assert process.poll() is None, "the page's server ended"
            assert time.monotonic() < deadline, "the page's server did not come up"
            time.sleep(0.1)
        yield url, process, out
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        found = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        found.set_default_timeout(PATIENCE_MS)
        yield found
        browser.close()


def mark(page: Any, point: np.ndarray, *, beside_px: float = 0.0) -> None:
    """Clicks a roof's corner in the still, then on the map."""
    pixel = street.CAMERA.project(point[None])[0][0] + (beside_px, 0)
    x, y = page.evaluate(
        "([x, y]) => { const s = document.querySelector('#still');"
        " const p = new DOMPoint(x, y).matrixTransform(s.getScreenCTM()); return [p.x, p.y]; }",
        pixel.tolist(),
    )
    page.mouse.click(x, y)
    lon, lat = street.ORIGIN.lon_lat(*point[:2])
    x, y = page.evaluate(
        "([lon, lat]) => { const c = document.querySelector('#map'); const b = c.getBoundingClientRect();"
        " const p = c.map.project([lon, lat]); return [b.left + p.x, b.top + p.y]; }",
        [lon, lat],
    )
    page.mouse.click(x + 3, y - 2)  # near enough to snap


def corners() -> list[np.ndarray]:
    """Roof corners all over the still, near and far."""
    found = []
    for house, corner in ((3, 3), (2, 0), (8, 0), (10, 3), (2, 3), (17, 0), (3, 0)):
        one = street.houses()[house]
        found.append(np.array([*one.corners[corner], one.height_m]))
    return found


def test_two_clicks_a_mark_and_a_pose_in_the_end(desk, page):
    url, process, out = desk
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
    page.goto(f"{url}/?lang=en")
    page.wait_for_selector("#map[data-ready]")
    points = corners()
    for point in points[:3]:
        mark(page, point)
    assert "Mark 1 more" in page.inner_text("#hint")
    assert page.is_disabled("#save")
    for point in points[3:-1]:
        mark(page, point)
    mark(page, points[-1], beside_px=120.0)  # a slip
    page.wait_for_selector("tr.wrong")
    assert "left out" in page.inner_text("tr.wrong")
    assert page.locator("#ellipses tr").count() >= 2
    page.wait_for_timeout(500)
    if folder := os.environ.get("SMOKESENTRY_PICTURES"):
        page.screenshot(path=f"{folder}/calibration-en.png")
    page.goto(f"{url}/?lang=zh")  # a page that is loaded again begins anew, in Chinese too
    page.wait_for_selector("#map[data-ready]")
    for point in points[:5]:
        mark(page, point)
    page.wait_for_selector("#save:enabled")
    assert "已解算" in page.inner_text("#hint")
    page.wait_for_timeout(500)
    if folder := os.environ.get("SMOKESENTRY_PICTURES"):
        page.screenshot(path=f"{folder}/calibration-zh.png")
    page.click("#save")
    assert process.wait(timeout=60) == 0
    assert troubles == []
    pose = load_settings(out, Site).pose
    assert pose is not None
    assert pose.heading_deg == pytest.approx(street.CAMERA.heading_deg, abs=1.0)
    assert pose.pose_version == 4
    assert out.with_suffix(".report.json").is_file()


def test_another_sites_name_does_not_lead_here(desk):
    url, _, _ = desk
    request = urllib.request.Request(f"{url}/data", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=120)
