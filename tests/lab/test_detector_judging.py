from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from detector.maps import FIGURES, MAPS
from lab.commands import main
from lab.evaluate import auc, load_rows, save, summary
from lab.goals import goals
from lab.judge import Row
from lab.make_data import ARRAYS, moments
from lab.report import replace_between
from lab.scenes.night import Night, Recipe
from lab.scenes.seeds import JUDGE
from lab.suites import cases
from lab.tables import markdown
from lab.targets import COLUMNS, ROWS, Truth
from lab.train import batches, load


def _row(name: str, group: str, found: bool | None, best: float) -> Row:
    row = Row(name, 1, group, (), "none", best=best, best_smoke=best if found is not None else 0.0, trivial=best)
    if found is not None:
        row.smoke = [{"x": 1.0, "y": 1.0, "opacity": 0.2, "from": 10.0, "contrast": 9.0,
                      "alarm_s": 35.0 if found else -1.0, "error_px": 3.2 if found else -1.0,
                      "final_smoke": 1.0, "confidence": 0.8}]  # fmt: skip
    elif best > 0.5:
        row.false_events = [{"x": 1.0, "y": 1.0, "alarm_s": 20.0, "class": "smoke", "confidence": 0.9}]
    return row


ROWS_HERE = [
    _row("a", "simulated: smoke", True, 0.9),
    _row("b", "simulated: smoke", False, 0.3),
    _row("c", "simulated: rain", None, 0.6),
    _row("d", "simulated: rain", None, 0.1),
]


def test_summary_counts_what_happened() -> None:
    told = summary(ROWS_HERE)
    assert (told["simulated: smoke"]["found"], told["simulated: smoke"]["smokes"]) == (1, 2)
    assert told["simulated: smoke"]["wait_median_s"] == 25
    assert told["simulated: rain"]["false_nights"] == 1
    whole = told["simulated: all"]
    assert whole["auc"] == 0.75
    assert whole["recall_at_no_false_alarm"] == 0.5
    table = markdown(ROWS_HERE)
    assert "1 of 2" in table
    assert "1.0 % of width" in table


def test_goals_count_per_event_and_bound_what_they_say() -> None:
    told = {goal.name: goal.reached for goal in goals(ROWS_HERE)}
    assert told["recall, opacity ≥ 15 %, visible"] == "50% (1%–99%, n = 2)"
    assert told["time to alarm, median / p95"] == "25 / 25 s (n = 1)"
    assert told["origin error, median, of the width"] == "1.0%"
    assert told["recall, opacity 8–15 %, visible"] == "–"


def test_a_plume_in_the_noise_is_not_asked_for() -> None:
    row = _row("e", "simulated: smoke", False, 0.3)
    assert len(row.visible()) == 1
    row.noise = 4.0
    assert row.visible() == []


def test_training_reads_what_make_data_wrote(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    shapes = {"maps": (90, 160, len(MAPS)), "figures": (len(FIGURES),), "target": (ROWS, COLUMNS, 3)}
    for name in ARRAYS:
        array = rng.integers(0, 256, (6, *shapes.get(name, (ROWS, COLUMNS, 3))), dtype=np.uint8)
        np.save(tmp_path / f"part00000000_000050_{name}.npy", array)
    (x, f), y, w = next(batches(load([tmp_path]), 4, rng))
    assert x.shape == (4, 64, 96, len(MAPS))
    assert f.shape == (4, len(FIGURES))
    assert y.shape == w.shape == (4, 32, 48, 3)
    assert 0 <= x.min() <= x.max() <= 1
    with pytest.raises(ValueError, match="make-data"):
        load([tmp_path / "nowhere"])


def test_auc_of_nothing_is_unknown() -> None:
    assert math.isnan(auc([], [1.0]))
    assert auc([1, 1], [1]) == 0.5


def test_rows_survive_the_file(tmp_path: Path) -> None:
    save(ROWS_HERE, tmp_path / "rows.jsonl")
    back = load_rows(tmp_path / "rows.jsonl")
    assert summary(back) == summary(ROWS_HERE)


def test_a_table_is_written_between_its_marks_only(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- x: begin -->\nold\n<!-- x: end -->\nbelow\n")
    replace_between(page, "x", "new\n")
    assert page.read_text() == "above\n<!-- x: begin -->\nnew\n<!-- x: end -->\nbelow\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no lines"):
        replace_between(page, "x", "new\n")


def test_judging_uses_judging_seeds_and_every_case_once() -> None:
    every = list(cases(0.1, None))
    assert all(case.seed in JUDGE for case in every)
    assert len({case.seed for case in every}) == len(every)
    assert len({case.name for case in every}) == len(every)


def test_moments_are_what_the_network_takes() -> None:
    night = Night(4_000_110, Recipe(30, 0.5, 1, 0, (0.4, 0.5), (), at_start=True, codec="none"))
    kept = moments(night, np.random.default_rng(1), every_s=6)
    assert len(kept) >= 2
    for maps, figures, target, weight in kept:
        assert maps.shape == (90, 160, len(MAPS))
        assert figures.shape == (len(FIGURES),)
        assert target.shape == weight.shape == (ROWS, COLUMNS, 3)
        assert maps.dtype == target.dtype == np.uint8


def test_targets_mark_the_mouth_of_what_shows_and_leave_out_what_hardly_does() -> None:
    night = Night(4_000_111, Recipe(30, 0.5, 1, 0, (0.4, 0.5), (), at_start=True, codec="none"))
    (source,) = night.sources
    for strength, expected in ((40.0, True), (0.0, False)):
        truth = Truth(night.sources)
        change = np.zeros((180, 320), np.float32)
        y, x = int(source.y), int(source.x)
        change[max(y - 8, 0) : y + 8, max(x - 8, 0) : x + 8] = strength
        for _ in range(60):
            truth.step([change], 0.5)
        target, weight = truth.picture(2.0)
        cell = target[min(int(source.y / 4), ROWS - 1), min(int(source.x / 4), COLUMNS - 1)]
        assert (cell[0] > 0.4) == expected
        assert (target[:, :, 1].max() > 0) == expected
        assert target[:, :, 2].max() == 0
        assert weight.max() <= 5


def test_training_refuses_judging_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-data", "--out", str(tmp_path), "--first-seed", str(JUDGE.start), "--nights", "1"]) == 2
    assert "training seeds" in capsys.readouterr().err
