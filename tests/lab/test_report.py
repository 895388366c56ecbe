from __future__ import annotations

from pathlib import Path

import pytest

from lab.report import replace_below


def test_what_follows_the_mark_is_replaced_and_what_precedes_it_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n<!-- mark -->\n\nold\n", encoding="utf-8")
    for _ in range(2):
        replace_below(page, "<!-- mark -->", "新\n")
    assert page.read_text(encoding="utf-8") == "# Before\n<!-- mark -->\n\n新\n"


def test_a_page_without_the_mark_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no line '<!-- mark -->'"):
        replace_below(page, "<!-- mark -->", "new")
    assert page.read_text(encoding="utf-8") == "# Before\n"
