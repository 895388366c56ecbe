from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.figures import Figure, write_figures


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
