"""The judge shares nothing with what it judges, nor with what trains it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What the rooms may have in common: the product's vocabulary, and the drivers' encoders for true bytes.
COMMON = ("smokesentry", "firmware_bridge.models")


def imports(folder: Path) -> dict[str, set[str]]:
    """Modules of this house that each file imports, by the file's name."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
        rooms = {entry.name for entry in ROOT.iterdir() if (entry / "__init__.py").exists()}
        found[str(path.relative_to(ROOT))] = {name for name in names if name.split(".")[0] in rooms}
    return found


def test_the_simulator_imports_nothing_that_it_judges() -> None:
    found = imports(ROOT / "simulator")
    assert len(found) > 30
    for file, names in found.items():
        foreign = {name for name in names if not name.startswith(("simulator", *COMMON))}
        assert not foreign, f"{file} imports {foreign}; it may use only {COMMON}"


def test_training_scenes_and_judging_scenes_share_no_module() -> None:
    trains = imports(ROOT / "lab" / "scenes")
    assert trains
    for file, names in trains.items():
        assert not {name for name in names if name.startswith("simulator")}, file
    for file, names in imports(ROOT / "simulator").items():
        assert not {name for name in names if name.startswith("lab")}, file
