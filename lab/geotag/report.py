"""Rows → the tables of docs/geotag.md and its reliability diagrams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lab.geotag.rows import Answer, Row
from lab.geotag.scenes import FLAT, MAPPED, UNMAPPED
from lab.scoreboard.bounds import Estimate, share
from lab.scoreboard.calibration import Pair, expected_error, reliability
from lab.scoreboard.svg import BLUE, ORANGE, SOFT, Plot

_SHARES = [(n / 5, f"{n / 5:.1f}") for n in range(6)]
PICTURES = ("geotag-one-camera.svg", "geotag-two-cameras.svg")

Test = Callable[[Row], bool]


def report(rows: Sequence[Row], seed: int) -> str:
    """The Markdown that stands below the mark in docs/geotag.md."""
    parts = [
        f"{len(rows)} scenes of seed {seed}. Shares in percent, in brackets their 95 % bounds.",
        _targets(rows),
        "**One camera.** *Best possible* is the posterior of one who knows how the scenes are made: true walls, "
        "heights, lines of sight, wind and the distribution of every error; of the poses it knows what is written "
        "down. It is drawn by Monte Carlo, so that it may lie a point or two below the product by chance.",
        _one(rows),
        "**Two cameras.** Metres: from the origin named to the mouth that burned, median.",
        _two(rows),
        "**Do probabilities keep their word?** Roofs named first, by the probability given to them:",
        "\n".join(f"![{name}](pictures/{name})" for name in PICTURES),
        _kept(rows),
        "**Alert building** on the same scenes:",
        _alerts(rows),
    ]
    return "\n\n".join(parts) + "\n"


def pictures(rows: Sequence[Row]) -> dict[str, str]:
    """File name → SVG."""
    one, two = PICTURES
    return {
        one: _diagram("One camera 一台摄像机", _pairs(rows, one_camera), BLUE),
        two: _diagram("Two cameras 两台摄像机", _pairs(rows, two_cameras), ORANGE),
    }


def one_camera(row: Row) -> Answer:
    """What the first camera alone gave."""
    return row.one


def two_cameras(row: Row) -> Answer:
    """What both gave."""
    return row.two


def strata(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Names and rows, axis by axis; what the papers lack has lines of its own."""
    tests: list[tuple[str, Test]] = [
        ("all", lambda _: True),
        ("≤ 150 m, pose error ≤ 0.5°", lambda r: r.axes.distance_m <= 150 and r.axes.error_deg <= 0.5),
        ("≤ 150 m", lambda r: r.axes.distance_m <= 150),
        ("150–300 m", lambda r: r.axes.distance_m > 150),
        ("pose error ≤ 0.5°", lambda r: r.axes.error_deg <= 0.5),
        ("pose error 0.5–1°", lambda r: 0.5 < r.axes.error_deg <= 1),
        ("pose error 1–2°", lambda r: r.axes.error_deg > 1),
        ("camera ≤ 12 m", lambda r: r.axes.camera_m <= 12),
        ("camera 12–20 m", lambda r: 12 < r.axes.camera_m <= 20),
        ("camera 20–35 m", lambda r: r.axes.camera_m > 20),
        *[(f"roofs: {layout}", _of_layout(layout)) for layout in ("dense", "usual", "loose", "old quarter")],
        ("no chimney registered", lambda r: r.axes.registered == 0),
        ("half of them registered", lambda r: r.axes.registered == 0.5),
        ("all registered", lambda r: r.axes.registered == 1),
        ("heights missing", lambda r: not r.axes.heights_known),
        ("mouth hidden behind a roof", lambda r: r.hidden),
        ("flat ground", lambda r: r.axes.ground == FLAT),
        ("hills, terrain imported", lambda r: r.axes.ground == MAPPED),
        ("hills, none imported", lambda r: r.axes.ground == UNMAPPED),
    ]
    return [(name, [row for row in rows if test(row)]) for name, test in tests]


def _of_layout(layout: str) -> Test:
    return lambda row: row.axes.layout == layout


def _targets(rows: Sequence[Row]) -> str:
    near = [r for r in rows if r.axes.distance_m <= 150 and r.axes.error_deg <= 0.5]
    lines = ["| target | reached | best possible |", "|---|---|---|"]
    three = _share(near, lambda r: _in_three(r.one))
    best = _share(near, lambda r: r.bound_one < 3)
    name = "one camera, ≤ 150 m, pose error ≤ 0.5°: in first 3 ≥ 95"
    lines.append(f"| {name} | {_said(three)}, n = {three.n} | {_said(best)} |")
    for name, some in (("all scenes", rows), ("≤ 150 m, pose error ≤ 0.5°", near)):
        first, best = _share(some, lambda r: r.two.rank == 0), _share(some, lambda r: r.bound_two == 0)
        lines.append(f"| two cameras, {name}: first ≥ 90 | {_said(first)}, n = {first.n} | {_said(best)} |")
    for name, camera in (("one camera", one_camera), ("two cameras", two_cameras)):
        error = expected_error(_pairs(rows, camera))
        said = "–" if error.value is None else f"{error.value:.3f} ({error.low:.3f}–{error.high:.3f}), n = {error.n}"
        lines.append(f"| calibration error, {name} ≤ 0.05 | {said} | – |")
    return "\n".join(lines)


def _one(rows: Sequence[Row]) -> str:
    lines = [
        "| scenes | n | first | in first 3 | best possible: first | in first 3 | ray to first footprint "
        "| 90 % region: right / said |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]

    def cells(some: Sequence[Row]) -> list[str]:
        return [
            _said(_share(some, lambda r: r.one.rank == 0)),
            _said(_share(some, lambda r: _in_three(r.one))),
            _plain(some, lambda r: r.bound_one == 0),
            _plain(some, lambda r: r.bound_one < 3),
            _plain(some, lambda r: r.ray),
            _region(some, one_camera),
        ]

    return "\n".join([*lines, *_by_stratum(rows, cells)])


def _two(rows: Sequence[Row]) -> str:
    lines = [
        "| scenes | n | first | in first 3 | metres | best possible: first | in first 3 | cones cross: first | metres "
        "| 90 % region: right / said |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]

    def cells(some: Sequence[Row]) -> list[str]:
        return [
            _said(_share(some, lambda r: r.two.rank == 0)),
            _said(_share(some, lambda r: _in_three(r.two))),
            _median(row.two.metres for row in some),
            _plain(some, lambda r: r.bound_two == 0),
            _plain(some, lambda r: r.bound_two < 3),
            _plain(some, lambda r: r.cones),
            _median(row.cones_metres for row in some),
            _region(some, two_cameras),
        ]

    return "\n".join([*lines, *_by_stratum(rows, cells)])


def _by_stratum(rows: Sequence[Row], cells: Callable[[Sequence[Row]], list[str]]) -> list[str]:
    return [f"| {name} | {len(some)} | {' | '.join(cells(some))} |" for name, some in strata(rows) if some]


def _kept(rows: Sequence[Row]) -> str:
    lines = ["| | n | mean said | right | 95 % bounds |", "|---|--:|--:|--:|--:|"]
    for name, camera in (("one camera", one_camera), ("two cameras", two_cameras)):
        for one in reliability(_pairs(rows, camera)):
            bounds = f"{one.low:.2f}–{one.high:.2f}"
            lines.append(f"| {name} | {one.n} | {one.said:.2f} | {one.true:.2f} | {bounds} |")
    return "\n".join(lines)


def _alerts(rows: Sequence[Row]) -> str:
    tests: list[tuple[str, Test]] = [
        ("one fire, two cameras: one alert", lambda r: r.together),
        ("two fires that begin together: two alerts", lambda r: r.two_alerts),
        ("and of the right pairs of detections", lambda r: r.pairs),
    ]
    lines = ["| | share |", "|---|--:|"]
    return "\n".join([*lines, *[f"| {name} | {_said(_share(rows, test))} |" for name, test in tests]])


def _diagram(title: str, pairs: Sequence[Pair], colour: str) -> str:
    plot = Plot(title, "probability said 所报概率", "share right 实际正确比例", (0, 1.1), (0, 1.05))
    plot.y_ticks(_SHARES)
    plot.x_ticks(_SHARES)
    plot.line([(0, 0), (1, 1)], SOFT, dashed=True)
    for one in reliability(pairs):
        plot.dot((one.said, one.true), one.low, one.high, f"n={one.n}", colour)
    error = expected_error(pairs).value
    plot.note(f"{len(pairs)} scenes; calibration error {error or 0:.3f}; on the dashed line words are kept")
    return plot.svg()


def _pairs(rows: Sequence[Row], camera: Callable[[Row], Answer]) -> list[Pair]:
    answers = [camera(row) for row in rows]
    return [(answer.said[0] if answer.said else 0.0, answer.rank == 0, 1.0) for answer in answers]


def _in_three(answer: Answer) -> bool:
    return answer.rank is not None and answer.rank < 3


def _share(rows: Sequence[Row], test: Test) -> Estimate:
    return share(sum(map(test, rows)), len(rows))


def _said(found: Estimate) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "–"
    return f"{100 * found.value:.0f} ({100 * found.low:.0f}–{100 * found.high:.0f})"


def _plain(rows: Sequence[Row], test: Test) -> str:
    return f"{100 * sum(map(test, rows)) / len(rows):.0f}"


def _region(rows: Sequence[Row], camera: Callable[[Row], Answer]) -> str:
    answers = [camera(row) for row in rows]
    right, holds = np.mean([a.region_right for a in answers]), np.mean([a.region_holds for a in answers])
    return f"{100 * right:.0f} / {100 * holds:.0f}"


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.median(known):.1f}" if known else "–"
