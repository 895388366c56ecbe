"""How often geotag names the right roof, on random two-camera scenes with heavier pose errors than it assumes.

``python -m lab.geotag_check --scenes 400 --write docs/geotag.md``. Geometry only: no pictures, no detector. The true
pixels come from the simulator's camera, hiding from a ray march written here; neither shares code with what is judged.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import atan2, cos, degrees, hypot, sin, sqrt
from pathlib import Path

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box

from cloud_ingest.geotag.events import Evidence, Grouping, Sighting
from cloud_ingest.geotag.footprints import Chimney, Roof
from cloud_ingest.geotag.posterior import Observation, Posterior, locate
from cloud_ingest.geotag.projection import camera_of
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import make_view
from simulator.geodesy import Origin
from simulator.pinhole import Pinhole
from smokesentry.place import CameraPose, Place

_MARK = "<!-- lab/geotag_check.py writes below this line -->"
_ORIGIN = Origin(38.4, 115.3)
_PIXEL_SIGMA = 6.0
_SPACINGS = {"dense": (9.5, 11.0), "usual": (13.0, 17.0), "loose": (20.0, 24.0)}
_NAMES = ("gw-a", "gw-b")


@dataclass
class Scene:
    """One street: true cameras, the poses that were written down, roofs, and two roofs that burn."""

    town: Town
    spacing: str
    error_deg: float
    distance_m: float
    registered: bool
    burning: list[int]
    observations: list[list[Observation]]  # a burning roof, a camera


@dataclass
class Tally:
    """Counts for one line of the table."""

    scenes: int = 0
    one: int = 0
    two: int = 0
    three: int = 0
    first_hit: int = 0
    crossing: int = 0
    together: int = 0
    two_alerts: int = 0
    apart: int = 0
    metres: list[float] = field(default_factory=list)


def main() -> None:
    """Runs the scenes and prints or writes the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="a Markdown file with the marker line; what follows it is replaced")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    tallies: dict[str, Tally] = {}
    sure: list[tuple[float, bool]] = []
    spent: list[float] = []
    done = 0
    while done < options.scenes:
        scene = make_scene(rng)
        if scene is None:
            continue
        done += 1
        began = time.perf_counter()
        found = locate(scene.observations[0])
        spent.append(time.perf_counter() - began)
        sure.append((found.probabilities[0] if found.roofs else 0.0, found.roofs[:1] == (scene.burning[0],)))
        for line in _lines(scene):
            _count(tallies.setdefault(line, Tally()), scene, found)
        if done % 50 == 0:
            print(f"{done} of {options.scenes} scenes", flush=True)
    text = _report(tallies, sure, spent, options.scenes, options.seed)
    if options.write is None:
        print(text)
        return
    page = options.write.read_text(encoding="utf-8")
    head, mark, _ = page.partition(_MARK)
    if not mark:
        parser.error(f"{options.write} has no line {_MARK}")
    options.write.write_text(f"{head}{_MARK}\n\n{text}", encoding="utf-8")


def make_scene(rng: np.random.Generator) -> Scene | None:
    """Draws a scene; None when a burning chimney cannot be seen by both cameras."""
    spacing = str(rng.choice(list(_SPACINGS)))
    registered = bool(rng.random() < 0.5)
    roofs, mouths = _houses(rng, *_SPACINGS[spacing])
    burning = _choose_two(rng, roofs)
    middle = roofs[burning[0]][0].centroid
    distance, error = float(rng.uniform(50, 300)), float(np.exp(rng.uniform(np.log(0.3), np.log(2.0))))
    bearing = float(rng.uniform(0, 2 * np.pi))
    cameras, poses = [], []
    for turn in (0.0, float(rng.choice([-1, 1]) * rng.uniform(0.7, 2.2))):
        away = distance * float(rng.uniform(0.8, 1.2))
        place = (
            middle.x + away * sin(bearing + turn),
            middle.y + away * cos(bearing + turn),
            float(rng.uniform(9, 25)),
        )
        camera = _camera_towards(place, (middle.x, middle.y, 5.0), rng)
        cameras.append(camera)
        poses.append(_written_down(camera, error, rng))
    if not all(_visible(camera, mouths[k], k, roofs) for camera in cameras for k in burning):
        return None
    town = _town(roofs, mouths, registered, rng)
    return Scene(
        town, spacing, error, distance, registered, burning, _observe(town, cameras, poses, mouths, burning, rng)
    )


def _houses(
    rng: np.random.Generator, low: float, high: float
) -> tuple[list[tuple[Polygon, float]], list[tuple[float, float, float]]]:
    pitch, turn = (float(rng.uniform(low, high)), float(rng.uniform(low, high) * 1.05)), float(rng.uniform(0, 90))
    roofs, mouths = [], []
    for row in range(-5, 6):
        for column in range(-5, 6):
            if rng.random() < 0.1:  # yards
                continue
            x, y = (np.array([column, row]) * pitch + rng.normal(0, 0.4, 2)).tolist()
            half = pitch[0] * float(rng.uniform(0.36, 0.46)), pitch[1] * float(rng.uniform(0.3, 0.42))
            house = box(x - half[0], y - half[1], x + half[0], y + half[1])
            flue = Point(x + half[0] * float(rng.uniform(-0.85, 0.85)), y + half[1] * float(rng.uniform(-0.6, 0.6)))
            height = float(rng.choice([rng.uniform(3.4, 5.0), rng.uniform(5.5, 7.5)], p=[0.75, 0.25]))
            roofs.append((affinity.rotate(house, turn, origin=(0, 0)), height))
            at = affinity.rotate(flue, turn, origin=(0, 0))
            mouths.append((at.x, at.y, height + float(rng.uniform(-0.6, 1.4))))
    return roofs, mouths


def _choose_two(rng: np.random.Generator, roofs: Sequence[tuple[Polygon, float]]) -> list[int]:
    near = [k for k, (polygon, _) in enumerate(roofs) if polygon.centroid.distance(Point(0, 0)) < 45]
    first, second = rng.choice(near, size=2, replace=False)
    return [int(first), int(second)]


def _camera_towards(
    place: tuple[float, float, float], look: tuple[float, float, float], rng: np.random.Generator
) -> Pinhole:
    dx, dy, dz = (b - a for a, b in zip(place, look, strict=True))
    heading = degrees(atan2(dx, dy)) + float(rng.uniform(-8, 8))
    tilt = degrees(atan2(dz, hypot(dx, dy))) + float(rng.uniform(-3, 3))
    return Pinhole(place, heading % 360, tilt, float(rng.normal(0, 1)), float(rng.uniform(45, 75)))


def _written_down(camera: Pinhole, sigma_deg: float, rng: np.random.Generator) -> CameraPose:
    """The pose with errors of Student's t with three degrees of freedom: heavier tails than geotag's four."""
    east, north = (camera.place[axis] + rng.normal(0, 1.0) for axis in range(2))
    lon, lat = _ORIGIN.lon_lat(east, north)
    return CameraPose(
        camera="cam",
        pose_version=1,
        place=Place(lat, lon),
        height_m=max(1.0, camera.place[2] + float(rng.normal(0, 0.4))),
        heading_deg=(camera.heading_deg + sigma_deg * float(rng.standard_t(3))) % 360,
        tilt_deg=max(-90.0, min(90.0, camera.tilt_deg + sigma_deg * float(rng.standard_t(3)))),
        roll_deg=camera.roll_deg + sigma_deg * 0.5 * float(rng.standard_t(3)),
        hfov_deg=camera.hfov_deg,
        frame_size=camera.size,
        sigma_heading_deg=sigma_deg,
        sigma_tilt_deg=sigma_deg,
        sigma_place_m=1.0,
    )


def _visible(
    camera: Pinhole, mouth: tuple[float, float, float], own: int, roofs: Sequence[tuple[Polygon, float]]
) -> bool:
    """In the frame, and no other roof's flat top stands above the line of sight (marched in steps of 0.5 m)."""
    pixel = camera.project(np.array([mouth]))[0][0]
    if not (20 < pixel[0] < camera.size[0] - 20 and 20 < pixel[1] < camera.size[1] - 20):
        return False
    start, end = np.array(camera.place), np.array(mouth)
    steps = np.linspace(0, 1, int(hypot(*(end - start)[:2]) * 2))[1:-1]
    line = start + steps[:, None] * (end - start)
    for k, (polygon, height) in enumerate(roofs):
        if k == own or not polygon.intersects(LineString([camera.place[:2], mouth[:2]])):
            continue
        inside = shapely.contains_xy(polygon, line[:, 0], line[:, 1])
        if (line[inside, 2] < height - 0.5).any():
            return False
    return True


def _town(
    roofs: Sequence[tuple[Polygon, float]],
    mouths: Sequence[tuple[float, float, float]],
    registered: bool,
    rng: np.random.Generator,
) -> Town:
    def to_wgs84(corners: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[tuple[float, float]]:
        return [_ORIGIN.lon_lat(float(x), float(y)) for x, y in corners]

    houses = [
        Roof(
            f"r{k:03d}",
            f"r{k:03d}",
            Polygon(to_wgs84(np.array(p.exterior.coords))),
            h + float(rng.normal(0, 0.3)),
            True,
        )
        for k, (p, h) in enumerate(roofs)
    ]
    chimneys = []
    for k, (x, y, z) in enumerate(mouths):
        if registered:
            lon, lat = _ORIGIN.lon_lat(x + float(rng.normal(0, 0.4)), y + float(rng.normal(0, 0.4)))
            chimneys.append(Chimney(f"c{k:03d}", f"r{k:03d}", lat, lon, z))
    return Town.build(1, houses, chimneys)


def _observe(
    town: Town,
    cameras: Sequence[Pinhole],
    poses: Sequence[CameraPose],
    mouths: Sequence[tuple[float, float, float]],
    burning: Sequence[int],
    rng: np.random.Generator,
) -> list[list[Observation]]:
    views = []
    for pose in poses:
        lat, lon = pose.place.lat, pose.place.lon
        views.append(make_view(town, camera_of(pose, *town.frame.to_xy(lat, lon), town.frame.north_deg(lat, lon))))
    observed = []
    for k in burning:
        seen_at = np.array(mouths[k]) + np.array([0.0, 0.0, abs(float(rng.normal(0, 0.3)))])
        pixels = [camera.project(seen_at[None])[0][0] + _PIXEL_SIGMA * rng.standard_t(4, 2) for camera in cameras]
        observed.append(
            [
                Observation(view, (float(px[0]), float(px[1])), (_PIXEL_SIGMA, _PIXEL_SIGMA))
                for view, px in zip(views, pixels, strict=True)
            ]
        )
    return observed


def _lines(scene: Scene) -> list[str]:
    error = "≤ 0.5°" if scene.error_deg <= 0.5 else "0.5–1°" if scene.error_deg <= 1 else "1–2°"
    distance = "≤ 150 m" if scene.distance_m <= 150 else "150–300 m"
    chimneys = "chimneys registered" if scene.registered else "none registered"
    return [
        "all",
        f"pose error {error}",
        distance,
        f"spacing {scene.spacing}",
        chimneys,
        f"{distance}, pose error {error}",
    ]


def _count(tally: Tally, scene: Scene, found: Posterior) -> None:
    truth = scene.burning[0]
    tally.scenes += 1
    tally.two += found.roofs[:1] == (truth,)
    tally.three += truth in found.roofs[:3]
    tally.one += locate(scene.observations[0][:1]).roofs[:1] == (truth,)
    home = scene.town.polygons[truth].centroid
    if found.roofs:
        tally.metres.append(float(hypot(found.places[0][0] - home.x, found.places[0][1] - home.y)))
    tally.first_hit += _first_footprint(scene) == truth
    tally.crossing += _cone_crossing(scene) == truth
    groups = _groups(scene)
    tally.together += any(ids == {"0-0", "0-1"} for ids in _groups(scene, roofs=1))
    tally.two_alerts += len(groups) == 2
    tally.apart += sorted(map(sorted, groups)) == [["0-0", "0-1"], ["1-0", "1-1"]]


def _groups(scene: Scene, roofs: int = 2) -> list[set[str]]:
    sightings = [
        Sighting(
            f"{roof}-{camera}", 1, (_NAMES[camera], "cam"), o.origin_px, o.sigma_px, o.view.camera.frame_size, 0.8,
            15.0 * camera, 60.0, o.view,
        )
        for roof, observations in enumerate(scene.observations[:roofs])
        for camera, o in enumerate(observations)
    ]  # fmt: skip
    settled = Grouping(sightings, {}, lambda i, used: f"{i}/{len(used)}", Evidence()).settle()
    return [set(group) for group in settled.values() if group]


def _first_footprint(scene: Scene) -> int:
    """The plain way: follow the first camera's ray until it meets a roof's height inside a footprint."""
    observation = scene.observations[0][0]
    camera = observation.view.camera
    across, down = (np.array(observation.origin_px) - camera.centre_px) / camera.focal_px
    direction = np.array([across, down, 1.0]) @ camera.axes
    points = camera.position + np.arange(5, 500, 0.5)[:, None] * direction / hypot(direction[0], direction[1])
    for x, y, z in points:
        for k in scene.town.tree.query(Point(x, y), predicate="intersects"):
            if z <= scene.town.heights[k]:
                return int(k)
    return -1


def _cone_crossing(scene: Scene) -> int:
    """The wildfire way: where the two bearings cross; the nearest footprint."""
    lines = []
    for observation in scene.observations[0]:
        camera = observation.view.camera
        across, down = (np.array(observation.origin_px) - camera.centre_px) / camera.focal_px
        x, y, _ = np.array([across, down, 1.0]) @ camera.axes
        far = 1000 / sqrt(x * x + y * y)
        lines.append(LineString([camera.position[:2], camera.position[:2] + far * np.array([x, y])]))
    crossing = lines[0].intersection(lines[1])
    return -1 if crossing.is_empty else int(scene.town.tree.nearest(crossing))


def _report(
    tallies: dict[str, Tally], sure: Sequence[tuple[float, bool]], spent: Sequence[float], scenes: int, seed: int
) -> str:
    lines = [
        f"`python -m lab.geotag_check --scenes {scenes} --seed {seed}`: shares in percent. Metres: from the origin",
        "named to the middle of the right roof, median.",
        "",
        "| scenes | n | two cameras: first | in first 3 | metres | one camera: first | ray to first footprint "
        "| bearings cross | one fire: one alert | two fires at once: two alerts | and the right pairs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in ["all", *sorted(set(tallies) - {"all"})]:
        t = tallies[name]
        shares = (t.two, t.three, None, t.one, t.first_hit, t.crossing, t.together, t.two_alerts, t.apart)
        cells = [f"{np.median(t.metres):.1f}" if s is None else f"{100 * s / t.scenes:.1f}" for s in shares]
        lines.append(f"| {name} | {t.scenes} | " + " | ".join(cells) + " |")
    lines += ["", "Of roofs named first with a probability of …, how many were right (two cameras):", ""]
    lines += ["| probability | n | mean said | right |", "|---|--:|--:|--:|"]
    said, right = np.array([p for p, _ in sure]), np.array([r for _, r in sure])
    error = 0.0
    for low, high in ((0, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        chosen = (said >= low) & (said < high)
        if chosen.any():
            error += chosen.mean() * abs(said[chosen].mean() - right[chosen].mean())
            lines.append(
                f"| {low}–{min(high, 1.0)} | {chosen.sum()} | {said[chosen].mean():.2f} | {right[chosen].mean():.2f} |"
            )
    lines += [
        "",
        f"Expected calibration error {error:.3f}. A posterior takes {1e3 * np.median(spent):.1f} ms (median).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
