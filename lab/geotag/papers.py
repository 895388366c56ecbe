"""What people wrote down of a scene: poses, footprints, the chimneys' register, an elevation model; all with errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from cloud_ingest.geotag.footprints import ASSUMED_HEIGHT_M, Chimney, Roof
from cloud_ingest.geotag.terrain import Terrain
from lab.geotag.layouts import Array, Ground
from lab.geotag.scenes import MAPPED, Scene
from simulator.geodesy import Origin
from simulator.pinhole import Pinhole
from smokesentry.place import CameraPose, Place

ORIGIN = Origin(38.4, 115.3)
FREEDOM = 3.0  # of the Student t of every pose error; the product assumes four
ROLL_SHARE = 0.5  # of the stated angle's sigma
PLACE_SIGMA_M, LENS_SIGMA_M = 1.0, 0.4
_RIDGE_SIGMA_M = 0.4
_FLUE_SIGMA_M, _MOUTH_SIGMA_M = 0.4, 0.2
_GRID_M, _GRID_SIGMA_M, _GRID_REACH_M = 30.0, 0.5, 480.0


@dataclass(frozen=True)
class Papers:
    """All that the product is told."""

    roofs: tuple[Roof, ...]
    chimneys: tuple[Chimney, ...]
    terrain: Terrain | None
    poses: tuple[CameraPose, ...]


def write_down(scene: Scene, rng: np.random.Generator) -> Papers:
    """The papers of a scene."""
    known = scene.axes.heights_known
    roofs, chimneys = [], []
    for number, house in enumerate(scene.houses):
        name = f"r{number:03d}"
        height = house.ridge_m + float(rng.normal(0, _RIDGE_SIGMA_M)) if known else ASSUMED_HEIGHT_M
        roofs.append(Roof(name, name, _polygon(house.polygon), height, known))
        if rng.random() < scene.axes.registered:
            x, y = (value + float(rng.normal(0, _FLUE_SIGMA_M)) for value in house.flue)
            lon, lat = ORIGIN.lon_lat(x, y)
            chimneys.append(Chimney(name, name, lat, lon, house.mouth_m + float(rng.normal(0, _MOUTH_SIGMA_M))))
    poses = tuple(_pose(scene, camera, rng) for camera in scene.cameras)
    terrain = _terrain(scene.ground, rng) if scene.axes.ground == MAPPED else None
    return Papers(tuple(roofs), tuple(chimneys), terrain, poses)


def written_camera(scene: Scene, pose: CameraPose) -> Pinhole:
    """The pose as the simulator's camera, standing on the scene's true ground."""
    x, y = ORIGIN.metres(pose.place.lon, pose.place.lat)
    base = float(scene.ground.at(np.array(x), np.array(y)))
    return Pinhole((x, y, base + pose.height_m), pose.heading_deg, pose.tilt_deg, pose.roll_deg, pose.hfov_deg)


def true_places(scene: Scene, places: Sequence[tuple[float, float]]) -> Array:
    """Metres (N, 2) of latitudes and longitudes."""
    return np.array([ORIGIN.metres(lon, lat) for lat, lon in places]).reshape(-1, 2)


def _pose(scene: Scene, camera: Pinhole, rng: np.random.Generator) -> CameraPose:
    sigma = scene.axes.error_deg
    off = rng.standard_t(FREEDOM, 6)
    east, north = camera.place[0] + PLACE_SIGMA_M * off[0], camera.place[1] + PLACE_SIGMA_M * off[1]
    lon, lat = ORIGIN.lon_lat(float(east), float(north))
    above = camera.place[2] - float(scene.ground.at(np.array(camera.place[0]), np.array(camera.place[1])))
    return CameraPose(
        camera="cam",
        pose_version=1,
        place=Place(lat, lon),
        height_m=max(1.0, above + LENS_SIGMA_M * float(off[2])),
        heading_deg=(camera.heading_deg + sigma * float(off[3])) % 360,
        tilt_deg=max(-90.0, min(90.0, camera.tilt_deg + sigma * float(off[4]))),
        roll_deg=camera.roll_deg + ROLL_SHARE * sigma * float(off[5]),
        hfov_deg=camera.hfov_deg,
        frame_size=camera.size,
        sigma_heading_deg=sigma,
        sigma_tilt_deg=sigma,
        sigma_place_m=PLACE_SIGMA_M,
    )


def _polygon(polygon: Polygon) -> Polygon:
    return Polygon([ORIGIN.lon_lat(float(x), float(y)) for x, y in polygon.exterior.coords])


def _terrain(ground: Ground, rng: np.random.Generator) -> Terrain:
    """Samples 30 m apart, as free elevation models have them, each half a metre off."""
    steps = np.arange(-_GRID_REACH_M, _GRID_REACH_M + 1, _GRID_M)
    west, north = ORIGIN.lon_lat(float(steps[0]), float(steps[-1]))
    east, south = ORIGIN.lon_lat(float(steps[-1]), float(steps[0]))
    x, y = np.meshgrid(steps, steps[::-1])
    heights: NDArray[np.float32] = (ground.at(x, y) + rng.normal(0, _GRID_SIGMA_M, x.shape)).astype(np.float32)
    return Terrain(heights, west, north, (east - west) / (len(steps) - 1), (north - south) / (len(steps) - 1))
