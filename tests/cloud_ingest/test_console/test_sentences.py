"""What detector, gateway and geotag say in English has its Chinese: read from their sources."""

from __future__ import annotations

import ast
import itertools
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import shapely

from cloud_ingest.console.words import phrases, words
from cloud_ingest.places.datum import Gateway, check_under_gateways
from cloud_ingest.places.shifted import wgs84_to_gcj02
from cloud_ingest.places.table import PlaceError
from lab.places_datum import town

#: Where sentences for people are made: module, and the functions, classes and constants that hold them.
SOURCES = {
    "detector.events": ("classify",),
    "detector.health": ("Health", "veil"),
    "detector.sight": ("_problems", "_chimney"),
    "edge.verdict": ("site_verdict",),
    "edge.machine": ("_BITS",),
    "edge.drawn_masks": ("masks_in_force", "_unreadable"),
    "edge.managed": ("take_back", "forget", "observe", "start"),
    "edge.in_force": ("trouble_of",),
    "edge.fusion": ("AirView", "SiteAir", "_reason"),
    "edge.events": ("EventBook",),
    "edge.judge": ("_notes",),
    "edge.publish": ("_NOTE",),
    "firmware_bridge.quality": ("SensorHistory", "TwinWatch", "aged"),
    "cloud_ingest.geotag.alert_rows": ("_REASONS",),
    "cloud_ingest.geotag.judgement": None,  # the whole module
    "cloud_ingest.geotag.open_judgement": None,
    "cloud_ingest.geotag.placing": None,
    "cloud_ingest.geotag.smoke": None,
    "cloud_ingest.geotag.register": ("roof_factors",),
    "cloud_ingest.geotag.history": ("repeat_factor",),
    "cloud_ingest.geotag.air": ("air_factor", "placeless_factor"),
    "cloud_ingest.geotag.steam": ("steam_factors",),
    "cloud_ingest.geotag.coal": None,
    "cloud_ingest.geotag.customs": ("suggestions",),
    "cloud_ingest.places.datum": ("check_on_roofs",),
    "cloud_ingest.places.borders": ("check_borders", "check_points", "check_against_held"),
}


def source(module: str) -> ast.Module:
    found = find_spec(module)
    assert found is not None and found.origin is not None
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def named(tree: ast.Module, names: tuple[str, ...] | None) -> list[ast.stmt]:
    by_name: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            by_name[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            by_name[node.targets[0].id] = node
    return list(by_name.values()) if names is None else [by_name[name] for name in names]


def templates(node: ast.expr, known: dict[str, ast.expr]) -> list[str]:
    """Every text that an expression can make, with 7 wherever a value goes in; empty for what is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return templates(node.body, known) + templates(node.orelse, known)
        case ast.Name() if node.id in known:
            return templates(known[node.id], known)
        case ast.FormattedValue():
            return templates(node.value, known) or ["7"]
        case ast.JoinedStr():
            return ["".join(parts) for parts in itertools.product(*(templates(part, known) for part in node.values))]
    return []


def said(root: ast.stmt) -> set[str]:
    """The whole sentences of one definition: no docstrings, no messages of exceptions, no parts of longer ones."""
    skipped: set[ast.AST] = set()
    known: dict[str, ast.expr] = {}
    for node in ast.walk(root):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr):
                skipped.add(first.value)
        if isinstance(node, ast.Raise | ast.arg | ast.AnnAssign):
            inner = node.annotation if isinstance(node, ast.arg | ast.AnnAssign) else node
            skipped.update(ast.walk(inner) if inner is not None else ())
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = node.value
    for node in ast.walk(root):
        if isinstance(node, ast.JoinedStr) and node not in skipped:
            for part in ast.walk(node):
                if part is not node:
                    skipped.add(part)
                if isinstance(part, ast.Name) and part.id in known and templates(known[part.id], known):
                    skipped.update(ast.walk(known[part.id]))
    whole = (node for node in ast.walk(root) if isinstance(node, ast.Constant | ast.JoinedStr) and node not in skipped)
    return {text for node in whole for text in templates(node, known) if len(text.split()) > 1}


def translated(text: str) -> bool:
    return any(re.fullmatch("(.+)".join(map(re.escape, known.split("{}"))), text) for known, _ in phrases("zh"))


@pytest.mark.parametrize("module", SOURCES)
def test_every_sentence_that_may_reach_a_reader_has_its_chinese(module: str) -> None:
    found = set().union(*(said(root) for root in named(source(module), SOURCES[module])))
    assert found
    assert {text for text in found if not translated(text)} == set()


def test_what_gateways_say_of_footprints_has_its_chinese() -> None:
    """As ``places.datum`` puts it together; of a refusal, what remains beyond doubt (``--crs`` vouched)."""
    roofs, stand = town(2, 4)
    there = [Gateway(one.gateway, *map(float, wgs84_to_gcj02(one.lon, one.lat)[::-1])) for one in stand]
    beside = [Gateway(one.gateway, one.lat + 0.5, one.lon) for one in stand]
    found = [text for some in ([], stand[:1], there, beside) for text in check_under_gateways(roofs, some)]
    shifted = shapely.transform(roofs, lambda p: np.column_stack(wgs84_to_gcj02(p[:, 0], p[:, 1])))
    with pytest.raises(PlaceError) as refused:
        check_under_gateways(shifted, stand, vouched=True)
    found.append(str(refused.value))
    assert len(found) >= 4
    assert [text for text in found if not translated(text)] == []


def test_every_reason_for_a_new_version_of_an_alert_has_its_word() -> None:
    (table,) = named(source("cloud_ingest.geotag.alert_rows"), ("_REASONS",))
    assert isinstance(table, ast.Assign)
    texts = ast.literal_eval(table.value)
    reasons = set(texts) - {"silent", "fuel"}  # told as "closed" and "confidence", with sentences of their own
    assert reasons == {
        "raised", "joined", "split", "merged", "sharper", "class", "confidence", "reopened", "closed", "withdrawn",
    }  # fmt: skip
    for lang in ("zh", "en"):
        assert {f"reason.{reason}" for reason in reasons} <= set(words(lang, "console"))


def test_a_sentence_within_a_sentence_has_its_chinese_too() -> None:
    general = [known for known, _ in phrases("zh")].index("PM2.5 at {} off: {}")
    special = [at for at, (known, _) in enumerate(phrases("zh")) if known.startswith("PM2.5 at {} off: ")]
    assert max(special) == general  # the page takes the first that fits
