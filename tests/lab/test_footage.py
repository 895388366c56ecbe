"""A town's clips: labels that survive, recall with bounds, an adaptation that is refused when things get worse."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.model import Calibration, Model
from detector.types import PlumeClass, PlumeEvent
from lab import fine_tune as tuning
from lab.commands import main
from lab.fine_tune import Scores, TooFewLabels, calibrate, split
from lab.footage import ClipRow, Found, evaluate_footage, markdown, matched, summarise
from lab.labels import FILE, ClipLabels, Label, LabelsError, load, parse, save
from lab.last_layer import Backbone, fit_row, replaced

MakeTown = Callable[..., dict[str, ClipLabels]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, make_town: MakeTown) -> Path:
    folder = tmp_path_factory.mktemp("town")
    make_town(folder, 4, 4)
    return folder


def test_labelled_clips_are_judged_with_bounds(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = evaluate_footage(town)
    assert [row.name for row in rows] == sorted(load(town))
    told = summarise(rows)
    assert told.plumes == 4
    assert told.hours == pytest.approx(8 * 59 * 0.5 / 3600)
    assert told.recall.n == 4
    assert told.recall.value is not None
    best = [max(plume.score for plume in row.plumes) for row in rows if row.plumes]
    assert np.mean(best) > np.mean([row.best_other for row in rows])
    page = markdown(rows)
    assert "95 % bounds" in page
    assert "plume-00" in page


def _event(plume_class: PlumeClass, alarm_s: float, last_s: float) -> PlumeEvent:
    return PlumeEvent(
        track=1, phase="end", origin_px=(320.0, 180.0), origin_sigma_px=(4.0, 4.0), bbox_px=(0.0, 0.0, 1.0, 1.0),
        outline_px=(), plume_class=plume_class, class_scores={}, confidence=0.3, opacity=None, started_s=alarm_s - 10,
        alarm_s=alarm_s, last_seen_s=last_s, visible_s=10.0, reasons=(),
    )  # fmt: skip


def test_only_smoke_told_while_it_shows_finds_a_plume() -> None:
    def found(*events: PlumeEvent) -> tuple[float | None, int]:
        row = ClipRow("c", plumes=[Found(Label("plume", 60, 120, (0.5, 0.5)))])
        for event in events:
            matched(row, event, (640, 360), [])
        return row.plumes[0].alarm_s, len(row.false_alarms)

    assert found(_event("smoke", 90, 130), _event("unresolved", 70, 120)) == (70, 0)
    assert found(_event("steam", 70, 120)) == (None, 0)
    assert found(_event("smoke", 12, 61)) == (None, 0)


def test_a_mark_of_steam_is_called_smoke_once() -> None:
    row, marks = ClipRow("c"), [Label("steam", 60, 160, (0.5, 0.5)), Label("steam", 60, 160, (0.1, 0.1))]
    assert {matched(row, _event("smoke", 70 + t, 80 + t), (640, 360), marks) for t in (0, 20, 40)} == {0}
    assert matched(row, _event("steam", 70, 80), (640, 360), marks) is None
    assert row.false_alarms == []


def test_fine_tuning_judges_on_clips_it_never_learned_from(
    town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["fine-tune", str(town), "--out", str(tmp_path / "tuned")])
    said = capsys.readouterr().out
    assert "held-out clips before" in said
    assert ("may be shipped" in said) == (status == 0)
    assert ("not shipped" in said) == (status == 1)
    model = Model(tmp_path / "tuned")
    assert model.name.endswith("+town")
    assert "fitted to" in said or "left as it was" in said


def _answers(path: Path, labels: ClipLabels, threshold: float | None, model: Model | None) -> ClipRow:
    """Stands in for running the clips: plumes score 0.97 and nothing else 0.2."""
    row = ClipRow(path.name, 0.01, 60, best_other=0.2)
    for label in labels.labels:
        if label.kind == "plume":
            row.plumes.append(Found(label, 0.97, 20.0 if (threshold or 0.6) <= 0.97 else None))
    return row


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"alarm_threshold": 0.98}, "2 fewer plumes are found"),
        ({"slope": 6.0, "intercept": 12.0}, "the confidence is worse"),
        ({}, None),
    ],
)
def test_what_makes_held_out_clips_worse_is_not_shipped(
    changed: dict[str, float],
    why: str | None,
    town: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tuning, "calibrate", lambda rows, before: replace(before, **changed))
    monkeypatch.setattr(tuning, "judge_clip", _answers)
    shipped: list[Path] = []
    monkeypatch.setattr(tuning, "ship", shipped.append)
    words = ["fine-tune", str(town), "--out", str(tmp_path / "t"), "--calibration-only", "--ship"]
    assert main(words) == (1 if why else 0)
    said = capsys.readouterr().out
    assert (f"not shipped: on the 4 held-out clips {why}" in said) == bool(why)
    assert shipped == ([] if why else [tmp_path / "t"])


def _row(score: float, plume: bool) -> ClipRow:
    row = ClipRow("c", hours=0.1, frames=10, best_other=0.1 if plume else score)
    if plume:
        row.plumes = [Found(Label("plume", 0, 1, (0.5, 0.5)), score, 1.0 if score > 0.5 else None)]
    return row


def test_calibration_moves_towards_what_the_town_shows_and_not_without_need() -> None:
    before = Calibration(0.6, 1.0, 0.0)
    fine = calibrate([_row(0.8, True), _row(0.2, False)] * 4, before)
    assert fine.alarm_threshold == 0.6
    lower = calibrate([_row(0.55, True), _row(0.1, False)] * 6, before)
    assert 0.5 < lower.alarm_threshold <= 0.55
    higher = calibrate([_row(0.8, True), _row(0.65, False)] * 6, before)
    assert 0.65 < higher.alarm_threshold <= 0.75
    assert calibrate([_row(0.1, True), _row(0.9, False)] * 6, before).slope > 0


_calm = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_calm
@given(st.integers(0, 40), st.integers(0, 20), st.floats(0, 3), st.integers(0, 40), st.integers(0, 20), st.floats(0, 3))
def test_worse_in_any_figure_is_worse(f1: int, a1: int, l1: float, f2: int, a2: int, l2: float) -> None:
    before, after = Scores(40, f1, a1, l1), Scores(40, f2, a2, l2)
    assert (after.worse_than(before) is not None) == (f2 < f1 or a2 > a1 or l2 > l1 + 1e-3)
    assert before.worse_than(before) is None


def test_the_split_is_stable_and_needs_enough() -> None:
    plume, none = ClipLabels((Label("plume", 0, 1, (0.5, 0.5)),)), ClipLabels((Label("nothing", 0, 1),))
    labels = {f"p{k}": plume for k in range(5)} | {f"q{k}": none for k in range(6)}
    fit, held_out = split(labels)
    assert not set(fit) & set(held_out)
    assert set(fit) | set(held_out) == set(labels)
    assert split(dict(reversed(labels.items()))) == (fit, held_out)
    with pytest.raises(TooFewLabels, match="3 labelled clips with a plume"):
        split({k: v for k, v in labels.items() if k not in ("p0", "p1")})


def test_the_last_layer_is_replaced_in_the_file_and_nothing_else() -> None:
    from importlib import resources

    folder = resources.files("detector") / "weights"
    raw = (folder / json.loads((folder / "manifest.json").read_text())["file"]).read_bytes()
    backbone = Backbone(raw)
    rng = np.random.default_rng(1)
    x = np.abs(rng.normal(0, 1, (400, backbone.last.weights.shape[1]))).astype(np.float32)
    truth = (x[:, 0] > 0.9).astype(float)
    new = fit_row(x, truth, np.ones(400), backbone.last)
    after = replaced(raw, new)
    assert len(after) == len(raw)
    assert sum(a != b for a, b in zip(raw, after, strict=True)) <= 4 * (new.weights.shape[1] + 1)
    again = Backbone(after).last
    assert np.array_equal(again.weights, new.weights)
    assert np.array_equal(again.weights[1:], backbone.last.weights[1:])
    old_p, new_p = (1 / (1 + np.exp(-(x @ w.weights[0] + w.bias[0]))) for w in (backbone.last, again))
    assert np.mean((new_p - truth) ** 2) < np.mean((old_p - truth) ** 2)


_labels = st.lists(
    st.builds(
        lambda kind, a, b, o: Label(kind, min(a, b), max(a, b), o if kind != "nothing" else None),
        st.sampled_from(["plume", "steam", "other", "nothing"]),
        st.floats(0, 1e4), st.floats(0, 1e4), st.tuples(st.floats(0, 1), st.floats(0, 1)),
    ),
    max_size=5,
)  # fmt: skip


@_calm
@given(_labels, st.floats(0.1, 30), st.none() | st.floats(-50, 50))
def test_labels_survive_their_file(
    tmp_path_factory: pytest.TempPathFactory, labels: list[Label], fps: float, temp_c: float | None
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    written = {"片段 1": ClipLabels(tuple(labels), fps, temp_c)}
    save(folder, written)
    assert load(folder) == written


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ([], "list of labels"),
        ({"labels": [{"kind": "fire"}]}, "kind is one of"),
        ({"labels": [{"kind": "plume", "from_s": 1, "to_s": 2}]}, "needs its origin"),
        ({"labels": [{"kind": "steam", "from_s": 3, "to_s": 2}]}, "before"),
        ({"labels": [{"kind": "steam", "from_s": math.nan, "to_s": 2}]}, "a number"),
        ({"labels": [{"kind": "plume", "from_s": 1, "to_s": 2, "origin": [2, 0]}]}, "0 to 1"),
        ({"labels": [], "rh_percent": 140}, "rh_percent"),
    ],
)
def test_labels_that_cannot_be_are_refused_in_words(data: object, word: str) -> None:
    with pytest.raises(LabelsError, match=word):
        parse(data, "clip")


def test_a_folder_without_labels_says_what_to_do(
    tmp_path: Path, make_town: MakeTown, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["footage", str(tmp_path)]) == 2
    assert "holds no clips" in capsys.readouterr().err
    make_town(tmp_path, 0, 1, frames=2)
    (tmp_path / FILE).unlink()
    assert main(["footage", str(tmp_path)]) == 2
    assert "lab label" in capsys.readouterr().err
    (tmp_path / FILE).write_text("{")
    assert main(["footage", str(tmp_path)]) == 2
    assert "cannot be read as JSON" in capsys.readouterr().err
