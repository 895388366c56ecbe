"""What was judged as tables for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lab.evaluate import summary
from lab.goals import goals, percent
from lab.judge import Row
from lab.scoreboard.bounds import share

_WEATHER = ("fog", "rain", "snow", "frost", "drops")


def markdown(rows: Sequence[Row]) -> str:
    """Targets, then all nights together, then by light and weather, then group by group."""
    places = sorted({row.group.split(":")[0] for row in rows})
    of = {place: [row for row in rows if row.group.startswith(place)] for place in places}
    entries = summary(rows)
    lines = _head("target", "", *places)
    for each in zip(*(goals(of[place]) for place in places), strict=True):
        lines.append(_line(each[0].name, each[0].target, *(goal.reached for goal in each)))
    lines += [
        "",
        *_head(
            "all nights", "AUC", "the trivial cue's", "recall at no false alarm", "at the threshold", "false nights"
        ),
    ]
    for name, entry in entries.items():
        if "auc" in entry:
            scores = (f"{entry['auc']:.3f}", f"{entry['auc_trivial']:.3f}")
            recalls = (_share(entry["recall_at_no_false_alarm"]), _share(entry["recall"]))
            lines.append(_line(name, *scores, *recalls, f"{entry['false_nights']} of {entry['clean_nights']}"))
    lines += ["", *_head("visible smoke found, by", *places), *_by(of)]
    lines += [
        "",
        *_head("suite", "nights", "smoke found", "wait median / p95", "origin error", "false nights", "cannot judge"),
    ]
    lines += [_suite(name, entry) for name, entry in entries.items() if "auc" not in entry]
    return "\n".join(lines) + "\n"


def _by(of: dict[str, list[Row]]) -> list[str]:
    every = [row for rows in of.values() for row in rows]
    picks: list[tuple[str, Callable[[Row], bool]]] = []
    picks += [(f"light: {light}", partial(_of_light, light)) for light in sorted({row.light for row in every})]
    picks += [(f"with {name}", partial(_with, name)) for name in _WEATHER]
    picks += [("no look-alike", _alone), ("any look-alike", lambda row: not _alone(row))]
    picks += [(f"codec: {codec}", partial(_through, codec)) for codec in sorted({row.codec for row in every})]
    lines = []
    for name, pick in picks:
        cells = []
        for rows in of.values():
            facts = [fact for row in rows if pick(row) for fact in row.visible()]
            cells.append(percent(share(sum(fact["alarm_s"] >= 0 for fact in facts), len(facts))))
        lines.append(_line(name, *cells))
    return lines


def _of_light(light: str, row: Row) -> bool:
    return row.light == light


def _with(name: str, row: Row) -> bool:
    return name in row.look_alikes


def _alone(row: Row) -> bool:
    return not row.look_alikes


def _through(codec: str, row: Row) -> bool:
    return row.codec == codec


def _suite(name: str, entry: dict[str, Any]) -> str:
    found = f"{entry['found']} of {entry['smokes']}" if entry["smokes"] else "–"
    found += f" ({entry['too_faint']} too faint)" if entry["too_faint"] else ""
    wait = f"{entry['wait_median_s']:.0f} / {entry['wait_p95_s']:.0f} s" if entry["wait_median_s"] is not None else "–"
    error = f"{entry['origin_error_px'] / 3.2:.1f} % of width" if entry["origin_error_px"] is not None else "–"
    return _line(name, entry["nights"], found, wait, error, entry["false_nights"], f"{entry['cannot_judge']:.0%}")


def _head(*cells: str) -> list[str]:
    return [_line(*cells), _line(*["---"] * len(cells))]


def _line(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"
