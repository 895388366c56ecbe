"""A night street with known truth: network cameras, serial sensors and who really burned."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_SCENES = ("burn", "steam", "quiet")


def main(argv: list[str]) -> int:
    """A night street with known truth: cameras on the loopback and sensors on pseudo-terminals, or frames as files."""
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
    parser.add_argument("--seconds", type=float, default=90.0, help="with --render-to: how long a night (default 90)")
    parser.add_argument("--gateway", default="gw-east", help="with --render-to: whose camera (default gw-east)")
    parser.add_argument("--nuisance", action="append", default=[], metavar="NAME", help="may be given several times")
    options = parser.parse_args(argv)
    if options.quiet < 0 or options.seconds <= 0:
        parser.error("--quiet must not be negative and --seconds must be above 0")

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
    stage = set_stage(options.scene, options.seed, options.nuisance)
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
