"""A night street with known truth: network cameras, serial sensors and who really burned."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.places import Street

_SCENES = ("burn", "steam", "quiet")
_STREETS = ("village", "old-quarter", "apartment-edge")


def main(argv: list[str]) -> int:
    """A night street with known truth: cameras and sensors to connect to, frames as files, or its plan and schedule."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.quiet < 0 or options.seconds <= 0:
        parser.error("--quiet must not be negative and --seconds must be above 0")
    if options.night is not None and options.chart is None:
        parser.error("--night says which night --chart draws")
    try:
        street = _street(options)
        if options.plan is not None or options.chart is not None:
            return _draw(options, street)
    except ValueError as error:
        print(f"smokesentry simulate: {error}", file=sys.stderr)
        return 2
    return _play(parser, options, street)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smokesentry simulate", description=main.__doc__)
    parser.add_argument("--scene", choices=_SCENES, default="burn")
    parser.add_argument("--seed", type=_seed, default=1, help="same seed, same street and night (default 1)")
    parser.add_argument(
        "--quiet", type=float, default=20.0, metavar="S", help="seconds before the stove is lit (default 20)"
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--folder", type=Path, help="run live; street.json appears here when everything is up")
    target.add_argument(
        "--render-to", type=Path, metavar="FOLDER", help="write one camera's frames as files, without waiting"
    )
    target.add_argument("--plan", type=Path, metavar="OUT.svg", help="draw the street from above")
    target.add_argument("--chart", type=Path, metavar="OUT.svg", help="draw one night's schedule, weather and air")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--street", choices=_STREETS, default="village", help="what kind of street (default village)")
    kind.add_argument("--footprints", type=Path, metavar="FILE", help="GeoJSON of real buildings instead")
    parser.add_argument("--night", type=_date, metavar="DATE", help="with --chart: which evening (default 10 January)")
    parser.add_argument("--seconds", type=float, default=90.0, help="with --render-to: how long a night (default 90)")
    parser.add_argument("--gateway", default="gw-east", help="with --render-to: whose camera (default gw-east)")
    parser.add_argument("--nuisance", action="append", default=[], metavar="NAME", help="may be given several times")
    return parser


def _street(options: argparse.Namespace) -> Street:
    """The street that was asked for. Raises ``ValueError`` for footprints that hold none."""
    from simulator.street import build_street

    if options.footprints is None:
        return build_street(options.seed, options.street)
    from simulator.footprints import read_footprints
    from simulator.real_street import street_from

    return street_from(read_footprints(options.footprints), options.seed)


def _draw(options: argparse.Namespace, street: Street) -> int:
    """Writes the plan or the chart. Raises ``ValueError`` for a night outside the season."""
    if options.plan is not None:
        from simulator.plan import plan_of

        return _write(options.plan, plan_of(street))
    from simulator.chart import chart_of
    from simulator.schedule import winter

    evening: date = options.night or date(2027, 1, 10)
    nights = winter(options.seed, street, evening.year - (evening.month < 7))
    found = next((night for night in nights if night.evening == evening), None)
    if found is None:
        first, last = nights[0].evening, nights[-1].evening
        raise ValueError(f"--night {evening} is not in the heating season, {first} to {last}")
    return _write(options.chart, chart_of(found))


def _write(path: Path, text: str) -> int:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"smokesentry simulate: {path} cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    print(path)
    return 0


def _play(parser: argparse.ArgumentParser, options: argparse.Namespace, street: Street) -> int:
    import cv2

    from simulator.nuisances import NUISANCES
    from simulator.stage import set_stage

    unknown = [name for name in options.nuisance if name not in NUISANCES]
    if unknown:
        parser.error(f"--nuisance {unknown[0]!r} is none; there are: {', '.join(NUISANCES)}")
    cv2.setNumThreads(1)
    folder: Path = options.folder or options.render_to
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(
            f"smokesentry simulate: {folder} cannot be made ({error.strerror}); name a folder that may be written",
            file=sys.stderr,
        )
        return 2
    stage = set_stage(options.scene, options.seed, options.nuisance, street)
    if options.folder is not None:
        from simulator.show import Show

        Show(stage, folder.resolve(), options.quiet).run()
        return 0
    from simulator.film import render

    if options.gateway not in stage.eyes:
        parser.error(f"--gateway {options.gateway!r}: this street has {', '.join(stage.eyes)}")
    frames = render(stage, options.gateway, folder, options.seconds, options.quiet)
    print(f"{frames} frames in {folder}")
    return 0


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a seed is a whole number from 0 up")
    return value


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; expected one like 2027-02-05") from error
