"""``smokesentry demo``: see :mod:`lab.demo`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

_SCENES = ("burn", "steam", "quiet")


def main(argv: list[str]) -> int:
    """A simulated night street with two gateways, broker, cloud and console on this machine."""
    parser = argparse.ArgumentParser(prog="smokesentry demo", description=main.__doc__)
    parser.add_argument("--once", action="store_true", help="play one scene, compare with the truth, and end")
    parser.add_argument("--seed", type=int, default=4, help="which street and night (default 4)")
    parser.add_argument(
        "--scene", choices=_SCENES, default="burn", help="burn: one stove; steam: a boiler; quiet: neither"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="with --once: write alerts, truth and match here")
    parser.add_argument(
        "--folder", type=Path, help="where configurations, stores and logs go (default: build/demo-PID)"
    )
    options = parser.parse_args(argv)
    if options.json is not None and not options.once:
        parser.error("--json needs --once")
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    import os
    import signal

    from lab.demo import Scene, run_on, run_once
    from lab.processes import ProcessFailed

    signal.signal(signal.SIGTERM, _as_interrupt)  # children are stopped on the way out, whoever ends the demo
    folder: Path = options.folder or Path("build") / f"demo-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {text}", file=sys.stderr, flush=True)

    scene = Scene(options.scene, options.seed)
    try:
        if not options.once:
            run_on(scene, folder, say)
            return 0
        result = run_once(scene, folder, say)
    except (ProcessFailed, TimeoutError, OSError) as error:
        print(f"smokesentry demo: {error}\nlogs: {folder / 'log'}", file=sys.stderr)
        return 2
    text = json.dumps(result, ensure_ascii=False, indent=2)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    say("match: the console and the truth agree" if result["match"] else f"NO match; logs: {folder / 'log'}")
    return 0 if result["match"] else 1


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
