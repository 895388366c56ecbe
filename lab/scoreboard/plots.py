"""The page's pictures: does confidence keep its word, how recall grows with opacity, how long an alert takes."""

from __future__ import annotations

from collections.abc import Sequence

from lab.figures import Figure
from lab.scoreboard.calibration import Pair, reliability
from lab.scoreboard.recall import visible_events
from lab.scoreboard.rows import Row
from lab.scoreboard.sampling import BANDS, band_of
from lab.scoreboard.summary import claim_pairs, rooftop_pairs, waits
from lab.scoreboard.svg import ORANGE, SOFT, Plot

_SHARES = [(n / 5, f"{n / 5:.1f}") for n in range(6)]
_LONGEST_WAIT_S = 180.0


def plots(rows: Sequence[Row], figures: Sequence[Figure]) -> dict[str, str]:
    """File name to SVG."""
    return {
        "judge-recall.svg": _recall(figures),
        "judge-time.svg": _time(rows),
        "judge-confidence.svg": _kept("Detector's confidence 检测置信度", "smoke was there 确有烟", claim_pairs(rows)),
        "judge-rooftop.svg": _kept(
            "First rooftop's probability 首选屋顶概率", "it was that roof 确为该屋顶", rooftop_pairs(rows)
        ),
    }


def _recall(figures: Sequence[Figure]) -> str:
    names = [band_of(low) for low, _ in BANDS]
    found = {figure.name: figure for figure in figures}
    plot = Plot(
        "Visible fires found 可见燃烧检出率",
        "opacity at the mouth 烟囱口不透光率",
        "recall 检出率",
        (0, len(names)),
        (0, 1),
    )
    plot.y_ticks(_SHARES)
    ticks = []
    for place, name in enumerate(names):
        figure = found[f"recall by opacity: {name}"]
        count = figure.n or 0
        ticks.append(
            (place + 0.5, f"{name.replace(' and more', '+').replace('below ', '<').replace(' to ', '–')}\nn={count}")
        )
        if figure.value is not None and figure.low is not None and figure.high is not None:
            plot.dot((place + 0.5, figure.value), figure.low, figure.high)
    plot.x_ticks(ticks)
    return plot.svg()


def _time(rows: Sequence[Row]) -> str:
    ordered, fires = waits(rows), len(visible_events(rows))
    plot = Plot(
        "Time to alert 报警用时", "seconds from the first judgeable frame 自首个可判帧起（秒）",
        "visible fires alerted 已报警比例", (0, _LONGEST_WAIT_S), (0, 1),
    )  # fmt: skip
    plot.y_ticks(_SHARES)
    plot.x_ticks([(t, f"{t}") for t in range(0, int(_LONGEST_WAIT_S) + 1, 30)])
    steps = [(0.0, 0.0)]
    for place, wait in enumerate(ordered, start=1):
        steps += [(wait, (place - 1) / fires), (wait, place / fires)]
    plot.line([*steps, (_LONGEST_WAIT_S, len(ordered) / fires if fires else 0.0)])
    plot.note(f"{len(ordered)} of {fires} visible fires")
    return plot.svg()


def _kept(title: str, what: str, pairs: Sequence[Pair]) -> str:
    plot = Plot(title, "said 所报", what, (0, 1), (0, 1))
    plot.y_ticks(_SHARES)
    plot.x_ticks(_SHARES)
    plot.line([(0, 0), (1, 1)], SOFT, dashed=True)
    for one in reliability(pairs):
        plot.dot((one.said, one.true), one.low, one.high, f"n={one.n}", ORANGE)
    plot.note(f"{len(pairs)} in all; on the dashed line words are kept" if pairs else "none in this run")
    return plot.svg()
