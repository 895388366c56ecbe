"""The page for the offices names every column that the code reads, and every kind."""

from __future__ import annotations

from pathlib import Path

from cloud_ingest.place_commands import KINDS
from cloud_ingest.places.columns import NAMES
from cloud_ingest.store.imports import ALL_KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "places.md").read_text(encoding="utf-8")


def test_every_column_and_each_of_its_names_is_on_the_page():
    rows = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}
    for ours, theirs in NAMES.items():
        for name in theirs:
            assert name in rows[ours], (ours, name)


def test_every_kind_is_on_the_page_and_the_command_knows_all_of_them():
    assert set(KINDS) == set(ALL_KINDS)
    assert all(f"| `{kind}` " in PAGE for kind in KINDS)
