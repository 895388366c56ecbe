from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.figures import Figure, read_list, write_figures, write_list


def test_page_and_list_say_the_same(tmp_path: Path) -> None:
    figures = [
        Figure("share of one core", 4.2, "%", 10, "the limit", 10),
        Figure("frames", 120, "", None, None, None),
    ]
    write_figures(figures, tmp_path, "bench", "Speed")
    rows = json.loads((tmp_path / "bench.json").read_text())
    assert [row["ratio"] for row in rows] == [pytest.approx(0.42), None]
    assert set(rows[0]) == {"name", "value", "unit", "target", "peer", "peer_value", "ratio"}
    text = (tmp_path / "bench.md").read_text()
    assert "| share of one core | 4.2 % | 10 | the limit | 10 | 0.42 |" in text
    assert "| frames | 120  | – | – | – | – |" in text


def test_a_list_comes_back_as_it_was(tmp_path: Path) -> None:
    figures = [
        Figure("a", 1.5, "ms", 2, "YOLO11n", 30.0),
        Figure("b", None, ""),
        Figure("c", 0.5, "", n=3, low=0, high=1),
    ]
    write_list(figures, tmp_path / "peer.json")
    assert read_list(tmp_path / "peer.json") == figures
