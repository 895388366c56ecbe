"""What a city's footprints cost: ``python -m lab.places_bench [--roofs N] [--format gpkg|geojson|shp]``.

A simulated city is written by GDAL, imported into a new SQLite store and indexed, each in a process of its own, so that
the peak of memory is its own, too. Processor time, not the clock: the machine may be busy.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely

_AT = "2026-11-22T19:05:00.000Z"


def write_city(path: Path, roofs: int) -> None:
    """Houses of four to seven corners in rows, with ids, addresses and heights."""
    import pyogrio.raw

    index = np.arange(roofs)
    side = int(roofs**0.5) + 1
    lon, lat = 106.2 + (index % side) * 2.2e-4, 38.3 + (index // side) * 1.8e-4
    shapes = shapely.box(lon, lat, lon + 1.3e-4, lat + 1e-4)
    columns = {
        "rooftop": np.array([f"b{n:07d}" for n in index], dtype=object),
        "name": np.array([f"丽景街{n}号" for n in index], dtype=object),
        "height_m": 3.0 + (index % 40) / 10,
    }
    more = {"encoding": "GBK"} if path.suffix == ".shp" else {}
    wkb = shapely.to_wkb(shapes)
    pyogrio.raw.write(
        path, wkb, list(columns.values()), list(columns), geometry_type="Polygon", crs="EPSG:4326", **more
    )


def take_in(folder: Path, path: Path) -> dict[str, Any]:
    """The import itself."""
    from cloud_ingest.store.database import open_store, reading, writing
    from cloud_ingest.store.imports import Wish, prepare

    engine = open_store(f"sqlite:///{folder / 'cloud.db'}")
    with reading(engine) as connection:
        zone = ZoneInfo("Asia/Shanghai")
        prepared = prepare(connection, "city", Wish("footprints", path), zone, lambda text: print(" ", text))
    with writing(engine) as connection:
        return {"taken in": prepared.put_in_force(connection, _AT).summary}


def index(folder: Path, _: Path) -> dict[str, Any]:
    """From the store to a town that answers where roofs are."""
    from cloud_ingest.geotag.town import Town
    from cloud_ingest.store.database import open_store, reading
    from cloud_ingest.store.footprints import load_footprints

    engine = open_store(f"sqlite:///{folder / 'cloud.db'}")
    with reading(engine) as connection:
        found = load_footprints(connection, 1)
    read_s = time.process_time()
    town = Town.build(1, *found)
    return {
        "of it Town.build": f"{time.process_time() - read_s:.1f} s",
        "roofs near a place": len(town.near(0.0, 0.0, 600.0)),
    }


def _measured(job: Callable[[Path, Path], dict[str, Any]], folder: Path, path: Path, answers: Any) -> None:
    before, wall = time.process_time(), time.monotonic()
    found = job(folder, path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = {"cpu_s": round(time.process_time() - before, 1), "wall_s": round(time.monotonic() - wall, 1)}
    answers.put(cost | {"peak_mb": round(peak)} | found)


def main() -> None:
    """Writes the figures as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roofs", type=int, default=1_000_000)
    parser.add_argument("--format", choices=("gpkg", "geojson", "shp"), default="gpkg")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / f"city.{options.format}"
        write_city(path, options.roofs)
        for job in (take_in, index):
            answers = context.Queue()
            process = context.Process(target=_measured, args=(job, folder, path, answers))
            process.start()
            print(json.dumps({"job": job.__name__, **answers.get()}, ensure_ascii=False), flush=True)
            process.join()


if __name__ == "__main__":
    main()
