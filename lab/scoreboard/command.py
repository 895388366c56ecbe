"""``smokesentry judge``: plays the suite and writes the scoreboard."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.figures import Figure

_FULL = 6.0
_PICTURES = "pictures"
_STRIPS = Path("judge") / "false-alerts"


def main(argv: list[str]) -> int:
    """Simulated nights through the whole system, with 95 % bounds: build/judge.json and build/judge.md."""
    parser = argparse.ArgumentParser(prog="smokesentry judge", description=main.__doc__)
    parser.add_argument("--share", type=float, default=1.0, help=f"of the usual suite (0.05: a look; {_FULL:g}: long)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--minutes", type=float, default=28.0, help="stop after so long with what was played (default 28; 0: never)"
    )
    parser.add_argument(
        "--fps",
        type=float,
        default=1.0,
        help="frames a second, 1 (default: twice the nights in the time) or 2, as gateways",
    )
    parser.add_argument("--out", type=Path, default=Path("build"), help="where judge.json and judge.md go")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where the last kept scoreboard lies")
    parser.add_argument("--rows", type=Path, help="reckon up an earlier run's judge-rows.jsonl instead of playing")
    parser.add_argument("--keep", action="store_true", help="write it into --docs too, to be committed")
    parser.add_argument(
        "--stretches",
        type=int,
        help="play so many unbroken stretches of two hours instead: build/stretches.json, a part of the next page",
    )
    options = parser.parse_args(argv)
    if options.share <= 0 or options.processes < 1 or options.minutes < 0 or not 1 <= options.fps <= 2:
        parser.error("--share must be above 0, --processes at least 1, --minutes not below 0, --fps between 1 and 2")

    from lab.figures import Figure
    from lab.scoreboard.demo_scenes import DEMOS, demo_figures
    from lab.scoreboard.falsehoods import fired
    from lab.scoreboard.plots import plots
    from lab.scoreboard.rooms import other_rooms
    from lab.scoreboard.rows import load, save
    from lab.scoreboard.run import Played, play_all, weighed
    from lab.scoreboard.suite import draw_suite, versions
    from lab.scoreboard.summary import figures_of

    signal.signal(signal.SIGTERM, _as_interrupt)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    options.out.mkdir(parents=True, exist_ok=True)
    if options.stretches is not None:
        return _stretches(options, say)
    suite = draw_suite(options.share, say)
    demos = min(len(DEMOS), max(1, round(len(DEMOS) * options.share)))
    if options.rows is None:
        pictures = options.out / _STRIPS
        shutil.rmtree(pictures, ignore_errors=True)  # an earlier run's
        limits = options.processes, options.minutes
        played = play_all(suite.windows, demos, options.fps, *limits, pictures, say)
        save(played.rows, options.out / "judge-rows.jsonl")
    else:
        played = Played(load(options.rows))
    rows = weighed(played.rows, suite.population)
    failed = Figure("extent: windows and demos that broke off", float(played.failed), "", 0.0)
    figures = [*figures_of(rows, suite), failed, *demo_figures(played.demos), *other_rooms(options.out), *versions()]
    _write(figures, fired(rows), plots(rows, figures), options.out, options.docs, options.keep)
    print((options.out / "judge.md").read_text(encoding="utf-8"))
    return 0


def _stretches(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    from lab.figures import write_figures
    from lab.scoreboard.rows import save
    from lab.scoreboard.run import play_all
    from lab.scoreboard.stretches import NAME, stretch_figures
    from lab.scoreboard.suite import draw_unbroken

    try:
        windows = draw_unbroken(options.stretches, say)
    except ValueError as error:
        print(f"smokesentry judge: {error}", file=sys.stderr)
        return 2
    played = play_all(windows, 0, options.fps, options.processes, options.minutes, None, say)
    save(played.rows, options.out / f"{NAME}-rows.jsonl")
    write_figures(stretch_figures(played.rows), options.out, NAME, "Unbroken hours")
    print((options.out / f"{NAME}.md").read_text(encoding="utf-8"))
    return 0


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _write(
    figures: list[Figure], false: dict[str, list[str]], drawn: dict[str, str], out: Path, docs: Path, keep: bool
) -> None:
    from lab.figures import write_list
    from lab.scoreboard.compare import comparable, falls
    from lab.scoreboard.page import judge_page

    kept = docs / "scoreboard.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
    fallen = falls(figures, before) if before is not None and comparable(figures, before) else None
    for folder, name in [(out, "judge"), *([(docs, "scoreboard")] if keep else [])]:
        (folder / _PICTURES).mkdir(parents=True, exist_ok=True)
        for file, svg in drawn.items():
            (folder / _PICTURES / file).write_text(svg, encoding="utf-8")
        write_list(figures, folder / f"{name}.json")
        page = judge_page(figures, fallen, list(drawn), f"{_PICTURES}/", false)
        (folder / f"{name}.md").write_text(page, encoding="utf-8")
