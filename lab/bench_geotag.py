"""A city of a million roofs on the real path: out of the store into an index, a first view of a camera, posteriors.

Times are processor time; memory is the peak of a process of its own, interpreter and libraries included.
``python -m lab.bench_geotag --roofs 100000`` for a quick look; ``smokesentry bench geotag`` writes the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import shapely

from cloud_ingest.geotag.footprints import Footprints, Roof
from cloud_ingest.geotag.posterior import Observation, locate
from cloud_ingest.geotag.region import credible_region
from cloud_ingest.geotag.towns import Towns
from cloud_ingest.store.database import open_store, reading, writing
from cloud_ingest.store.footprints import store_footprints
from lab.figures import Figure
from smokesentry.place import CameraPose, Place

Say = Callable[[str], None]
_ROOFS = 1_000_000
_LAT, _LON = 38.05, 114.45
_PITCH_M, _HALF_M = (11.0, 14.0), (4.6, 4.2)  # wall to wall nearly: 6,500 roofs a square kilometre
_SECONDS, _MEGABYTES, _MILLISECONDS = 60.0, 2000.0, 20.0
_ROUNDS = 60
_PIXEL_SIGMA = 6.0


def geotag_city(folder: Path, say: Say, roofs: int = _ROOFS) -> list[Figure]:
    """A million roofs: index and memory, first view, posterior."""
    say(f"{roofs} roofs into a store")
    _run("write", folder, roofs)
    say("reading them back, indexing, looking")
    found = json.loads(_run("look", folder, roofs))
    name = f"geotag, {roofs:,} roofs"
    return [
        _figure(f"{name}: out of the store into an index, processor time", found["index_s"], "s", _SECONDS),
        _figure(f"{name}: peak memory of the process", found["peak_mb"], "MB", _MEGABYTES),
        Figure(f"{name}: a camera's first view, {found['roofs_in_view']} roofs in it", found["view_ms"], "ms"),
        Figure(f"{name}: memory of that view", found["view_mb"], "MB"),
        _figure(f"{name}: an alert's posterior, one camera, median", found["one_ms"], "ms", _MILLISECONDS),
        _figure(f"{name}: an alert's posterior, two cameras, median", found["two_ms"], "ms", _MILLISECONDS),
        _figure(
            f"{name}: an alert's posterior, two cameras, slowest of {_ROUNDS}", found["most_ms"], "ms", _MILLISECONDS
        ),
        Figure(f"{name}: its credible region, median", found["region_ms"], "ms"),
    ]


def _figure(name: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(name, value, unit, limit, "the limit", limit)


def _run(word: str, folder: Path, roofs: int) -> str:
    """A step in a process of its own: its memory is its own."""
    command = [sys.executable, "-m", "lab.bench_geotag", "--step", word, "--folder", str(folder), "--roofs", str(roofs)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=3600).stdout


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'city.db'}"


def _write(folder: Path, count: int) -> None:
    """Rows of houses in degrees; a fifth of them without a height."""
    rng = np.random.default_rng(1)
    side = int(np.ceil(np.sqrt(count)))
    number = np.arange(count)
    metre = np.array([1 / (111_320 * np.cos(np.radians(_LAT))), 1 / 110_990])
    middle = (np.stack([number % side, number // side], axis=1) - side / 2) * _PITCH_M + rng.normal(0, 0.3, (count, 2))
    half = np.array(_HALF_M) * rng.uniform(0.8, 1.0, (count, 2))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    outlines = (_LON, _LAT) + (middle[:, None] + half[:, None] * corners) * metre
    heights = rng.uniform(3.4, 7.5, count)
    known = rng.random(count) < 0.8
    roofs = tuple(
        Roof(f"roof-{n:07d}", f"永安街 {n} 号", polygon, float(heights[n]), bool(known[n]))
        for n, polygon in enumerate(shapely.polygons(outlines))
    )
    with writing(open_store(_store(folder))) as connection:
        digest = "sha256:" + "0" * 64
        store_footprints(
            connection, "t1", "city.geojson", digest, Footprints(roofs, (), ()), "2026-01-01T00:00:00.000Z"
        )


def _look(folder: Path) -> dict[str, float]:
    engine, towns = open_store(_store(folder)), Towns()
    found: dict[str, float] = {}
    with reading(engine) as connection, _timed(found, "index_s", 1.0):
        town = towns.town(connection, "t1")
    assert town is not None
    poses = [_pose("cam-a", 0.0, -120.0, 0.0), _pose("cam-b", 110.0, 10.0, 270.0)]
    with _timed(found, "view_ms", 1e3):
        views = [towns.view(town, poses[0])]
    views.append(towns.view(town, poses[1]))
    found["roofs_in_view"] = len(views[0].roofs)
    arrays = [getattr(views[0], name) for name in ("points", "weights", "pixels", "blur", "covariance", "seen")]
    found["view_mb"] = sum(array.nbytes for array in arrays) / 1e6
    rng = np.random.default_rng(2)
    spent: dict[str, list[float]] = {"one": [], "two": [], "region": []}
    # Pixels of what both see, at all distances: roofs of the first view that lie in the second's, too.
    shared = np.intersect1d(views[0].roofs, views[1].roofs)
    for roof in rng.choice(shared, _ROUNDS):
        seen = []
        for view in views:
            start = view.starts[np.searchsorted(view.roofs, roof)]
            x, y = view.pixels[start] + rng.normal(0, _PIXEL_SIGMA, 2)
            seen.append(Observation(view, (float(x), float(y)), (_PIXEL_SIGMA, _PIXEL_SIGMA)))
        began = time.process_time()
        posterior = locate(seen[:1])
        spent["one"].append(time.process_time() - began)
        began = time.process_time()
        locate(seen)
        spent["two"].append(time.process_time() - began)
        began = time.process_time()
        credible_region(posterior, town)
        spent["region"].append(time.process_time() - began)
    found |= {f"{name}_ms": 1e3 * float(np.median(times)) for name, times in spent.items()}
    found["most_ms"] = 1e3 * max(spent["two"])
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found["peak_mb"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return found


def _pose(camera: str, east: float, north: float, heading: float) -> CameraPose:
    place = Place(_LAT + north / 110_990, _LON + east / (111_320 * float(np.cos(np.radians(_LAT)))))
    return CameraPose(
        camera=camera, pose_version=1, place=place, height_m=22.0, heading_deg=heading, tilt_deg=-9.0, hfov_deg=65.0,
        frame_size=(1280, 720),
    )  # fmt: skip


@contextmanager
def _timed(found: dict[str, float], name: str, scale: float) -> Iterator[None]:
    began = time.process_time()
    yield
    found[name] = scale * (time.process_time() - began)


def main() -> None:
    """Prints the figures as a page."""
    from lab.figures import page

    parser = argparse.ArgumentParser(prog="python -m lab.bench_geotag", description=main.__doc__)
    parser.add_argument("--roofs", type=int, default=_ROOFS)
    parser.add_argument("--step", choices=("write", "look"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "write":
        _write(options.folder, options.roofs)
    elif options.step == "look":
        print(json.dumps(_look(options.folder)))
    else:
        print(f"niceness {os.nice(0)}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            print(page(geotag_city(Path(folder), lambda text: print(text, file=sys.stderr), options.roofs), "Geotag"))


if __name__ == "__main__":
    main()
