"""How well fires in the open are placed: ``python -m lab.open_fires [--scenes N] [--seed S]``.

Scenes, errors of poses and pixels as ``lab.geotag`` draws them; the fire burns on open ground amid the houses and is
seen where its smoke first shows: anywhere on the ground within 300 m of the first camera. Prints Markdown.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from math import cos, hypot, radians, sin

import numpy as np
import shapely
from shapely.geometry import Point, shape

from cloud_ingest.geotag.observation import Observation
from cloud_ingest.geotag.open_fire import open_place, open_region
from cloud_ingest.geotag.posterior import locate
from lab.geotag.methods import observations
from lab.geotag.papers import ORIGIN, true_places, write_down
from lab.geotag.scenes import PIXEL_SIGMA, Scene, draw_scene

_FARTHEST_M, _FLAME_M, _TRIES = 300.0, (0.2, 1.0), 200
_EDGE_PX = 20.0

Pixels = list[tuple[float, float]]


def lit(scene: Scene, rng: np.random.Generator) -> tuple[tuple[float, float], Pixels] | None:
    """A place on open ground and both cameras' pixels of its smoke; None where no place is seen by both."""
    first = scene.cameras[0]
    for _ in range(_TRIES):
        away = _FARTHEST_M * float(rng.uniform(0, 1)) ** 0.5
        ray = radians(first.heading_deg + float(rng.uniform(-0.5, 0.5)) * first.hfov_deg)
        x, y = first.place[0] + away * sin(ray), first.place[1] + away * cos(ray)
        if scene.sight.house_under(float(x), float(y)) >= 0:
            continue
        base = float(scene.ground.at(np.array(x), np.array(y))) + float(rng.uniform(*_FLAME_M))
        pixels: Pixels = []
        for camera in scene.cameras:
            fire = np.array([[x, y, base]])
            shown = scene.sight.first_seen(np.array(camera.place), fire, np.array([scene.wind]), np.array([-2]))
            if np.isnan(shown[0, 0]):
                break
            found, depth = camera.project(shown)
            (px, py), (width, height) = found[0], camera.size
            if depth[0] < 5 or not (_EDGE_PX < px < width - _EDGE_PX and _EDGE_PX < py < height - _EDGE_PX):
                break
            noise = PIXEL_SIGMA * rng.standard_t(4, 2)
            pixels.append((float(px + noise[0]), float(py + noise[1])))
        else:
            return (float(x), float(y)), pixels
    return None


def main() -> None:
    """A line for one and for two cameras, near and far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows: dict[tuple[int, bool], list[tuple[str, float, float, bool, float]]] = defaultdict(list)
    done = 0
    while done < options.scenes:
        scene = draw_scene(rng)
        fire = lit(scene, rng)
        if fire is None:
            continue
        done += 1
        (x, y), pixels = fire
        town, first = observations(scene, write_down(scene, rng))
        views = [observation.view for observation in first[0]]
        seen = [Observation(v, p, (PIXEL_SIGMA, PIXEL_SIGMA)) for v, p in zip(views, pixels, strict=True)]
        lon, lat = ORIGIN.lon_lat(x, y)
        for some in (seen[:1], seen):
            found = open_place(some, locate(some))
            told = open_region(found, town)
            place = told["properties"]["place"]
            ((east, north),) = true_places(scene, [(place["lat"], place["lon"])])
            inside = bool(shapely.dwithin(shape(told["geometry"]), Point(lon, lat), 1e-5))
            off = float(np.hypot(east - x, north - y))
            away = hypot(x - scene.cameras[0].place[0], y - scene.cameras[0].place[1])
            key = (len(some), away > 150)
            rows[key].append((found.kind, off, place["radius_m"], inside, told["properties"]["holds"]))
    names = "cameras | distance | fires | told: ground | roofs | elsewhere | metres off, median | within the radius (½)"
    print(f"| {names} | in the region | the region says |")
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for (cameras, far), found_rows in sorted(rows.items()):
        kinds = [kind for kind, *_ in found_rows]
        ground = [row for row in found_rows if row[0] == "ground"] or [("", np.nan, np.nan, False, np.nan)]
        shares = [f"{100 * kinds.count(kind) / len(kinds):.0f} %" for kind in ("ground", "roofs", "elsewhere")]
        metres, radii = np.array([row[1] for row in ground]), np.array([row[2] for row in ground])
        within = float(np.mean(metres <= radii))
        held, holds = float(np.mean([row[3] for row in ground])), float(np.mean([row[4] for row in ground]))
        reach = "150–300 m" if far else "to 150 m"
        print(
            f"| {cameras} | {reach} | {len(kinds)} | {' | '.join(shares)} | {np.median(metres):.0f} | {within:.0%} | "
            f"{held:.0%} | {holds:.0%} |"
        )


if __name__ == "__main__":
    main()
