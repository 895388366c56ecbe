"""Rows to figures, page, plots and comparison, on rows made up by hand."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.figures import Figure, write_list
from lab.scoreboard.command import main
from lab.scoreboard.compare import comparable, falls
from lab.scoreboard.falsehoods import fired
from lab.scoreboard.page import judge_page
from lab.scoreboard.plots import plots
from lab.scoreboard.recall import visible_events
from lab.scoreboard.rooms import other_rooms
from lab.scoreboard.rows import Alert, CameraView, Claim, Event, Row, Watch, load, save
from lab.scoreboard.run import weighed
from lab.scoreboard.sampling import Population
from lab.scoreboard.stretches import stretch_figures
from lab.scoreboard.suite import Suite
from lab.scoreboard.summary import figures_of

SUITE = Suite([], Population({"web": 10}, 3.0, 2), 100.0, 4)


def event(opacity: float, alert_s: float | None, rank: int | None = None, judgeable: bool = True) -> Event:
    view = CameraView(
        gateway="gw-east", judgeable_s=100.0 if judgeable else 2.0, first_judgeable_s=1010.0 if judgeable else None,
        contrast_to_noise=6.0, across_px=9.0, opacity=opacity, distance_m=60.0, light="lamps", alarm_s=alert_s,
    )  # fmt: skip
    return Event("stove", "raw_coal", "r-01", 1000.0, [view], alert_s, rank, True)


def row(events: list[Event], alerts: list[Alert], weight: float = 1.0, stratum: str = "web") -> Row:
    watch = Watch("gw-east", "lamps", 120.0, 10.0, 5.0, 15.0)
    claims = [Claim("gw-east", alert.at_s, "smoke", 0.8, alert.cause) for alert in alerts]
    return Row(
        0, 955.0, 1195.0, 985.0, stratum, weight, "clear", 2.0, ["web"], 960, 20.0, events, alerts, claims, [watch]
    )


def alert(cause: str, at_s: float = 1040.0, right: bool | None = None) -> Alert:
    return Alert(at_s, "open", cause, 0.8, 0.7, right, False)


ROWS = [
    row([event(0.2, 1040.0, 1)], [alert("burning", right=True)], 2.0),
    row([event(0.2, None)], [], 2.0),
    row([event(0.1, 1070.0, 3)], [alert("burning", 1070.0, False)], 4.0),
    row([event(0.02, None, judgeable=False)], [], 1.0),
    row([], [alert("web")], 5.0),
    row([], [alert("web", 960.0)], 5.0),  # in the lead-in: counts for nothing
]


def figure(name: str, rows: list[Row] = ROWS) -> Figure:
    return next(found for found in figures_of(rows, SUITE) if found.name == name)


def test_recall_asks_only_for_what_could_be_seen() -> None:
    assert len(visible_events(ROWS)) == 3
    found = figure("recall by opacity: 15% to 30%")
    assert (found.value, found.n, found.target) == (0.5, 2, 0.95)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert figure("recall: all visible fires, natural mix").value == pytest.approx(1 - 2 / 8)
    assert figure("recall by opacity: below 8%").value is None


def test_false_alerts_are_scaled_by_what_windows_stand_for() -> None:
    found = figure("false alerts: all, look-alikes at their natural rates")
    camera_nights = sum(r.counted_s * r.weight for r in ROWS) / 3600 / 13
    assert found.value == pytest.approx(5.0 / camera_nights)
    assert figure("false alerts by confuser: web").value == found.value


def test_without_any_false_alert_the_bound_still_stands() -> None:
    found = figure("false alerts: all, look-alikes at their natural rates", [row([], [], 5.0)])
    assert found.value == 0
    assert found.high is not None
    assert found.high == pytest.approx(3.689 * 5 / (210 * 5 / 3600 / 13), rel=1e-3)


def test_time_and_place() -> None:
    assert figure("time to alert: median, from the first judgeable frame").value in (30.0, 60.0)
    assert figure("right rooftop, first 1: all alerts on visible fires").value == 0.5
    assert figure("right rooftop, first 3: all alerts on visible fires").value == 1.0


def test_coverage_counts_only_judgeable_light() -> None:
    assert figure("coverage: judged, of the time in judgeable light").value == pytest.approx(120 / 130)
    assert figure("coverage: “cannot judge” said where the light allowed none").value == pytest.approx(5 / 20)


def test_a_fall_is_found_and_marked_when_chance_does_not_explain_it(tmp_path: Path) -> None:
    before = [
        Figure("recall: all", 0.9, "", low=0.8, high=0.95, n=50), Figure("false alerts: all", 0.1, "", high=0.3, n=1),
              Figure("extent: windows", 10.0, ""), Figure("version: suite", 1.0, "")]  # fmt: skip
    write_list(before, tmp_path / "old.json")
    old = json.loads((tmp_path / "old.json").read_text())
    now = [Figure("recall: all", 0.7, ""), Figure("false alerts: all", 0.2, ""), Figure("extent: windows", 5.0, ""),
           Figure("version: suite", 1.0, "")]  # fmt: skip
    found = falls(now, old)
    assert [(fall.name, fall.beyond_chance) for fall in found] == [("recall: all", True), ("false alerts: all", False)]
    assert falls(before, old) == []
    assert comparable(now, old)
    assert not comparable([Figure("version: suite", 2.0, "")], old)
    assert "**beyond chance**" in judge_page(now, found, [], "", {})


def test_page_says_what_is_not_there_and_plots_are_pictures(tmp_path: Path) -> None:
    figures = [*figures_of(ROWS, SUITE), *other_rooms(tmp_path)]
    text = judge_page(figures, None, list(plots(ROWS, figures)), "pictures/", fired(ROWS))
    assert "| cases closed within the day (日查日清) | – |" in text
    assert "detector.md" in text
    assert "| web | 1 | n0 1040 s (×5) |" in text
    for svg in plots(ROWS, figures).values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    for svg in plots([], figures_of([], SUITE)).values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")


def test_delivery_under_faults_comes_from_its_own_file(tmp_path: Path) -> None:
    assert other_rooms(tmp_path)[0].value is None
    soak = [
        Figure("soak: detections decided", 101, "records"),
        Figure("soak: detections in the cloud, each exactly once", 100, "records"),
        Figure("soak: cut off by kill -9 before they were stored", 1, "records"),
        Figure("soak: broken promises (lost, double)", 0, "records", 0),
    ]
    write_list(soak, tmp_path / "faults.json")
    assert [figure.value for figure in other_rooms(tmp_path)[:2]] == [1.0, 0.0]
    (tmp_path / "faults.json").write_text("{}}")
    with pytest.raises(ValueError, match=r"make faults"):
        other_rooms(tmp_path)


def test_what_was_played_is_weighed_by_what_the_nights_hold() -> None:
    """Stopped after six of twelve windows, each stands for two."""
    assert {one.weight for one in weighed(ROWS, Population({"web": 12}, 0.0, 0))} == {2.0}


@pytest.mark.parametrize("words", [["--share", "0"], ["--processes", "0"], ["--fps", "5"], ["--minutes", "-1"]])
def test_the_command_refuses_what_it_cannot_do(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
    assert words[0] in capsys.readouterr().err


def test_rows_survive_the_file(tmp_path: Path) -> None:
    save(ROWS, tmp_path / "rows.jsonl")
    assert load(tmp_path / "rows.jsonl") == ROWS


def test_what_is_said_in_the_lead_in_counts_for_nothing() -> None:
    early = row([], [alert("boiler", 960.0), alert("burning", 970.0, False)], 5.0)
    for name in (
        "particulates: false alerts that a rise of PM2.5 seems to confirm",
        "steam: called smoke in the final class, of detections on steam",
        "calibration error: the detector's confidence, natural rates",
        "calibration error: the first rooftop's probability",
    ):
        assert figure(name, [*ROWS, early]) == figure(name, ROWS), name


def test_unbroken_hours_count_by_cause_by_hour_and_by_confidence() -> None:
    def stretch(*alerts: Alert) -> Row:
        fires = [event(0.2, 1040.0, 1), event(0.2, None), event(0.1, None)]
        watches = [Watch(name, "lamps", 7170.0, 0.0, 0.0, 0.0) for name in ("gw-east", "gw-west")]
        return Row(
            0, 0.0, 7200.0, 30.0, "unbroken", 1.0, "clear", 2.0, [], 14400, 20.0, fires, list(alerts), [], watches
        )

    unsure = Alert(5000.0, "withdrawn", "boiler", 0.5, 0.7, None, False)
    rows = [stretch(alert("web"), alert("burning", right=True), alert("web", 20.0)), stretch(unsure)]
    found = {figure.name.removeprefix("unbroken hours: "): figure for figure in stretch_figures(rows)}
    hours = 4 * 7170 / 3600
    assert found["camera-hours played, each stretch without a break"].value == pytest.approx(hours)
    assert found["false alerts"].value == pytest.approx(2 * 13 / hours)
    assert found["false alerts from a confidence of 0.8"].value == pytest.approx(13 / hours)
    assert found["false alerts by boiler"].n == found["false alerts by web"].n == 1
    assert found["false alerts in hour 1"].value == pytest.approx(13 / (4 * 3570 / 3600))
    assert found["false alerts in hour 2"].value == pytest.approx(13 / 4)
    recall = found["visible fires of 15% and more that were found"]
    assert (recall.value, recall.n) == (0.5, 4)
    assert all(figure.value is None for figure in stretch_figures([]) if "false alerts" in figure.name)


def test_the_page_takes_over_what_the_unbroken_hours_gave(tmp_path: Path) -> None:
    assert next(figure for figure in other_rooms(tmp_path) if figure.name.endswith("false alerts")).value is None
    write_list([Figure("unbroken hours: false alerts", 9.0, "per camera-night")], tmp_path / "stretches.json")
    assert next(figure for figure in other_rooms(tmp_path) if figure.name.endswith("false alerts")).value == 9.0
    (tmp_path / "stretches.json").write_text("{")
    with pytest.raises(ValueError, match="make stretches"):
        other_rooms(tmp_path)
