"""Plans and charts: whole documents with what they ought to show, and words for what cannot be drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulator.commands import main
from simulator.street import StreetKind, build_street


def _words(path: Path) -> list[str]:
    return [node.text or "" for node in ElementTree.parse(path).iter() if node.tag.endswith("text")]


@pytest.mark.parametrize("kind", ["village", "old-quarter", "apartment-edge"])
def test_the_plan_shows_every_house(kind: StreetKind, tmp_path: Path) -> None:
    assert main(["--plan", str(tmp_path / "plan.svg"), "--seed", "4", "--street", kind]) == 0
    words = _words(tmp_path / "plan.svg")
    assert {roof.rooftop for roof in build_street(4, kind).roofs} <= set(words)
    assert sum("gw-" in word for word in words) == 2


def test_the_plan_of_a_real_street(tmp_path: Path) -> None:
    street = build_street(6)
    features = []
    for roof in street.roofs:
        ring = [list(street.origin.lon_lat(*corner)) for corner in roof.footprint]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        features.append({"type": "Feature", "geometry": geometry, "properties": {"rooftop": f"楼 {roof.rooftop}"}})
    (tmp_path / "town.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert main(["--plan", str(tmp_path / "plan.svg"), "--footprints", str(tmp_path / "town.geojson")]) == 0
    assert sum(word.startswith("楼 r-") for word in _words(tmp_path / "plan.svg")) >= 4


def test_the_chart_of_a_holiday(tmp_path: Path) -> None:
    assert main(["--chart", str(tmp_path / "night.svg"), "--seed", "3", "--night", "2027-02-05"]) == 0
    words = " ".join(_words(tmp_path / "night.svg"))
    for expected in ("2027-02-05", "除夕", "fireworks", "r-01", "PM2.5"):
        assert expected in words


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--chart", "OUT", "--night", "2027-07-01"], "heating season|lunar dates"),
        (["--chart", "OUT", "--night", "1999-12-01"], "lunar dates"),
        (["--plan", "nowhere/plan.svg"], "cannot be written"),
        (["--plan", "OUT", "--footprints", "missing.geojson"], "cannot be read"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert any(part in capsys.readouterr().err for part in says.split("|"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words", [["--plan", "x.svg", "--night", "2027-01-01"], ["--chart", "x.svg", "--night", "soon"]]
)
def test_words_that_make_no_sense(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(words)
    assert refusal.value.code == 2
