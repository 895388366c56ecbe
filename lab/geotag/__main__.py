"""How often geotag names the right roof, on random scenes with heavier pose errors than it assumes.

``make geotag-check``; ``python -m lab.geotag --scenes 40`` for a quick look.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lab.geotag.report import pictures, report
from lab.geotag.rows import Row, judge_scenes, load_rows, save_rows
from lab.report import replace_below

_MARK = "<!-- python -m lab.geotag writes below this line -->"


def main() -> None:
    """Draws and judges scenes; prints the tables, or writes them into a page with the diagrams beside it."""
    parser = argparse.ArgumentParser(prog="python -m lab.geotag", description=main.__doc__)
    parser.add_argument("--scenes", type=int, default=520)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, help="a Markdown file with the mark; what follows it is replaced")
    parser.add_argument(
        "--rows", type=Path, default=Path("build/geotag-rows.jsonl"), help="what was judged, one a line"
    )
    parser.add_argument("--again", action="store_true", help="only the report, of the rows that are there")
    options = parser.parse_args()
    rows = load_rows(options.rows) if options.again else _judge(options.scenes, options.seed)
    if not options.again:
        save_rows(rows, options.rows)
    text = report(rows, options.seed)
    if options.page is None:
        print(text)
        return
    try:
        replace_below(options.page, _MARK, text)
    except ValueError as error:
        parser.error(str(error))
    for name, svg in pictures(rows).items():
        (options.page.parent / "pictures" / name).write_text(svg, encoding="utf-8")


def _judge(scenes: int, seed: int) -> list[Row]:
    rows = []
    for row in judge_scenes(scenes, seed):
        rows.append(row)
        if len(rows) % 20 == 0:
            print(f"{len(rows)} of {scenes} scenes", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    main()
