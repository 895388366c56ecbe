from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector import model as model_module
from detector.maps import CONTRACT, FIGURES, MAPS
from detector.model import Model, ModelError


def test_the_committed_model_answers_heat_and_is_small() -> None:
    model = Model()
    heat = model(np.full((90, 160, len(MAPS)), 0.4, np.float32), np.full(len(FIGURES), 0.5, np.float32))
    assert heat.shape == (45, 80, 3)
    assert 0 <= heat.min() <= heat.max() <= 1
    folder = resources.files("detector") / "weights"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert len((folder / manifest["file"]).read_bytes()) <= 500_000
    assert manifest["contract"] == CONTRACT
    assert manifest["name"] in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("damage", ["weights", "contract"])
def test_files_that_do_not_belong_together_are_refused(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = resources.files("detector") / "weights"
    manifest = json.loads((source / "manifest.json").read_text())
    weights = (source / manifest["file"]).read_bytes()
    if damage == "weights":
        weights = weights[:-1] + bytes([weights[-1] ^ 1])
    else:
        manifest["contract"] = "maps-0"
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / manifest["file"]).write_bytes(weights)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(model_module.resources, "files", lambda _: tmp_path)
    with pytest.raises(ModelError, match="lab train"):
        Model()


def test_a_missing_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str, *_: Any, **__: Any) -> Any:
        raise ImportError(name) if "edge" in name else SystemError("built for numpy 1")

    monkeypatch.setattr("builtins.__import__", fails)
    with pytest.raises(ModelError, match=r"\[edge\]"):
        model_module._interpreter(b"")
