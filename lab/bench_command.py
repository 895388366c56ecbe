"""``smokesentry bench``: the figures of :mod:`lab.bench` and the other ``lab.bench_…``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.figures import Figure

    Measure = Callable[[Path, Callable[[str], None]], list[Figure]]

_PARTS = ("sensors", "gateway", "detector", "road", "ingest", "geotag")


def main(argv: list[str]) -> int:
    """Speed and size, as ratios against a peer or limit measured in the same run; about ten minutes. What `make peer`
    measured is taken in."""
    parser = argparse.ArgumentParser(prog="smokesentry bench", description=main.__doc__)
    parser.add_argument("parts", nargs="*", help=f"default: {' '.join(_PARTS)}")
    parser.add_argument("--out", type=Path, default=Path("build"), help="where bench.json and bench.md go")
    parser.add_argument("--page", type=Path, help="the same page once more, for docs/: all parts only")
    options = parser.parse_args(argv)
    unknown = set(options.parts) - set(_PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}")

    if options.page is not None and options.parts:
        parser.error("--page: a page of some parts would drop the others; name no parts")

    from lab.figures import page, read_list, write_figures

    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    folder = options.out / "bench-work"
    shutil.rmtree(folder, ignore_errors=True)
    figures: list[Figure] = []
    for measure in _measures(options.parts or list(_PARTS)):
        here = folder / measure.__name__
        here.mkdir(parents=True)
        figures += measure(here, say)
    peer = options.out / "peer.json"
    if peer.exists():  # of an environment of its own, so of a run of its own
        figures += read_list(peer)
    else:
        say(f"no {peer}: `make peer` measures the detector beside YOLO11n; its rows are left out")
    write_figures(figures, options.out, "bench", "Benchmarks")
    text = page(figures, "Benchmarks")
    if options.page is not None:
        options.page.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _measures(parts: list[str]) -> list[Measure]:
    from lab.bench import detector_cost, road_time
    from lab.bench_gateway import gateway_cost, stream_cost
    from lab.bench_geotag import geotag_city
    from lab.bench_ingest import ingest_rates
    from lab.bench_sensors import decode_rate, eight_sensors

    work: dict[str, list[Measure]] = {
        "sensors": [decode_rate, eight_sensors],
        "gateway": [gateway_cost, stream_cost],
        "detector": [detector_cost],
        "road": [road_time],
        "ingest": [ingest_rates],
        "geotag": [geotag_city],
    }
    return [measure for part in parts for measure in work[part]]
