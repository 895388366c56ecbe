"""``smokesentry detect``: a clip becomes a page that shows every stage."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.commands import main
from detector.explain_page import Course, page, timeline


@pytest.fixture
def clip(tmp_path: Path, still: np.ndarray, rng: np.random.Generator) -> Path:
    folder = tmp_path / "night <1>"
    folder.mkdir()
    for k in range(30):
        frame = np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k:03d}.jpg"), frame)
    (folder / "015.jpg").write_bytes(b"torn")
    return folder


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag == "img"
        if tag not in {"img", "meta", "br", "rect", "line", "polyline", "li"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"li", "rect"}:
            assert self.open.pop() == tag


def test_a_page_shows_every_stage_in_both_languages(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.html"
    assert main([str(clip), "--explain", str(out)]) == 0
    assert "wrote" in capsys.readouterr().out
    text = out.read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(text)
    assert set(tags.open) <= {"html"}
    assert tags.images >= 12
    assert "night &lt;1&gt;" in text
    assert "背景" in text
    assert "what the place looks like" in text
    assert "不可读 unreadable 1" in text


def test_a_strip_is_a_picture(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert main([str(clip), "--explain", str(out)]) == 0
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[1] == 4 * 324


def test_what_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "gone"), "--explain", str(tmp_path / "x.html")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert main([str(tmp_path), "--explain", str(tmp_path / "x.html")]) == 2
    assert "holds no pictures" in capsys.readouterr().err


def test_a_clip_without_a_frame_still_makes_a_page() -> None:
    course = Course("empty", "m", 0.6)
    assert "没有烟羽" in page(course)
    assert timeline(course).startswith("<svg")
