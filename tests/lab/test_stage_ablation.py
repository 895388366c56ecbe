from __future__ import annotations

import numpy as np
import pytest

from detector import pipeline, watcher
from detector.maps import FIGURES, MAPS
from detector.model import Model
from detector.register import Pose
from lab.judge import Row, run
from lab.scenes.night import Recipe
from lab.stage_ablation import GROUPS, VARIANTS, Blinded, _one, table, without
from lab.suites import Case


def test_every_map_belongs_to_one_group() -> None:
    named = [name for group in GROUPS.values() for name in group]
    assert sorted(named) == sorted(MAPS)


@pytest.mark.parametrize("group", [*GROUPS, None])
def test_a_blinded_network_answers_otherwise_and_leaves_its_input_alone(group: str | None) -> None:
    rng = np.random.default_rng(4_000_900)
    maps = rng.uniform(0, 1, (90, 160, len(MAPS))).astype(np.float32)
    figures = rng.uniform(0, 1, len(FIGURES)).astype(np.float32)
    before, model = maps.copy(), Model()
    blind = Blinded(model, GROUPS[group] if group else (), figures=group is None)
    told = blind(maps, figures).copy()
    assert np.array_equal(maps, before)
    assert not np.allclose(told, model(maps, figures), atol=1e-4)
    assert blind.calibration == model.calibration


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_stage_comes_back_after_its_ablation(variant: str) -> None:
    kept = (watcher.find_pose, watcher.flatten, pipeline.present, pipeline.Model)
    with without(variant):
        changed = (watcher.find_pose, watcher.flatten, pipeline.present, pipeline.Model) != kept
    assert changed == bool(variant)
    assert (watcher.find_pose, watcher.flatten, pipeline.present, pipeline.Model) == kept


def test_without_registration_nothing_is_moved_back() -> None:
    with without("registration"):
        assert watcher.find_pose(np.zeros((180, 320), np.float32), None, Pose(dx=3.0)) == Pose()  # type: ignore[arg-type]


def test_a_night_is_judged_without_a_stage_and_told_in_the_table() -> None:
    case = Case("a", "simulated: quiet", 4_000_901, Recipe(20, 0.5, 0, 0, None, ()))
    rows = _one(case)
    assert list(rows) == list(VARIANTS)
    assert all(row.seconds == 20 for row in rows.values())
    assert rows["whole-frame figures"].best != rows[""].best
    # The night that is kept is the night that is drawn.
    assert rows[""] == run(case.night(), case.seed, case.name, case.group)
    smoky = Row("b", 1, "simulated: smoke", (), "none", best_smoke=0.9, best=0.9, noise=0.1)
    smoky.smoke = [{"contrast": 20.0, "alarm_s": 30.0}]
    assert "| presence | 1.000 | 1 of 1 | 0 of 1 |" in table(
        {"": [rows[""], smoky], "presence": [rows["presence"], smoky]}
    )
