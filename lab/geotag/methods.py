"""The answers to a scene: the product's, and those of two plain methods that get the same papers and pixels."""

from __future__ import annotations

from math import atan2, hypot

import numpy as np
from shapely.geometry import LineString, Point, Polygon

from cloud_ingest.geotag.events import Evidence, Grouping, Sighting
from cloud_ingest.geotag.posterior import Observation
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import camera_in, make_view
from lab.geotag.layouts import Array
from lab.geotag.papers import ORIGIN, Papers, written_camera
from lab.geotag.scenes import PIXEL_SIGMA, Scene
from simulator.pinhole import Pinhole

_NAMES = ("gw-a", "gw-b")
_FAR_M = 600.0


def observations(scene: Scene, papers: Papers) -> tuple[Town, list[list[Observation]]]:
    """The product's town, and what it makes of each fire in each camera."""
    town = Town.build(1, papers.roofs, papers.chimneys, papers.terrain)
    views = [make_view(town, camera_in(town, pose)) for pose in papers.poses]
    sigma = (PIXEL_SIGMA, PIXEL_SIGMA)
    return town, [
        [Observation(view, pixel, sigma) for view, pixel in zip(views, fire.pixels, strict=True)]
        for fire in scene.fires
    ]


def groups(observed: list[list[Observation]]) -> list[set[str]]:
    """How alert building sorts the detections of fires that begin together: ids ``FIRE-CAMERA``."""
    sightings = [
        Sighting(
            f"{fire}-{camera}", 1, (_NAMES[camera], "cam"), o.origin_px, o.sigma_px, o.view.camera.frame_size, 0.8,
            15.0 * camera, 60.0, o.view,
        )
        for fire, each in enumerate(observed)
        for camera, o in enumerate(each)
    ]  # fmt: skip
    settled = Grouping(sightings, {}, lambda i, used: f"{i}/{len(used)}", Evidence()).settle()
    return [set(group) for group in settled.values() if group]


def first_footprint(scene: Scene, papers: Papers) -> int:
    """The first camera's ray, followed until it is below the height of the footprint that it is over; -1 for none."""
    camera = written_camera(scene, papers.poses[0])
    direction = _direction(camera, scene.fires[0].pixels[0])
    steps = np.arange(5, _FAR_M, 0.5)
    points = np.array(camera.place) + steps[:, None] * direction / hypot(direction[0], direction[1])
    for x, y, z in points:
        number = scene.sight.house_under(x, y)
        if number >= 0 and z <= scene.sight.base[number] + papers.roofs[number].height_m:
            return number
    return -1


def crossing(scene: Scene, papers: Papers) -> tuple[int, Array | None]:
    """As wildfire lookouts do: a cone of one sigma about each camera's bearing, the roof nearest to the middle of what
    the cones share. Where they share nothing, the roof nearest to where the bearings themselves cross."""
    cones, lines = [], []
    for which, pose in enumerate(papers.poses):
        camera = written_camera(scene, pose)
        direction = _direction(camera, scene.fires[0].pixels[which])
        bearing = atan2(direction[0], direction[1])
        half = hypot(np.radians(scene.axes.error_deg), PIXEL_SIGMA / camera.focal_px)
        eye = np.array(camera.place[:2])
        ends = [eye + _FAR_M * np.array([np.sin(a), np.cos(a)]) for a in (bearing - half, bearing, bearing + half)]
        cones.append(Polygon([eye, *ends]))
        lines.append(LineString([eye, ends[1]]))
    shared = cones[0].intersection(cones[1])
    middle = lines[0].intersection(lines[1]) if shared.is_empty else shared.centroid
    if middle.is_empty:
        return -1, None
    nearest = min(range(len(scene.houses)), key=lambda k: scene.houses[k].polygon.distance(Point(middle)))
    return nearest, np.array([middle.x, middle.y])


def metres_off(scene: Scene, town: Town, place: tuple[float, float]) -> float:
    """From an origin in the product's metres to the mouth that burned."""
    lat, lon = town.frame.to_lat_lon(*place)
    x, y = ORIGIN.metres(lon, lat)
    mouth = scene.fires[0].mouth
    return hypot(x - mouth[0], y - mouth[1])


def _direction(camera: Pinhole, pixel: tuple[float, float]) -> Array:
    across, down = (np.array(pixel) - np.array(camera.size) / 2) / camera.focal_px
    return np.asarray(np.array([across, down, 1.0]) @ camera.axes)
