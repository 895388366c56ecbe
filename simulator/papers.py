"""The documents a town would have: measured camera poses, the ledger's footprints; and the simulator's own truth."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from math import exp, sqrt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from simulator.eye import Shot
from simulator.pinhole import Pinhole
from simulator.stage import CAMERA, Stage
from simulator.street import Street
from smokesentry.place import CameraPose, Place
from smokesentry.weather import Weather

FPS = 2
_SIGMA_HEADING_DEG, _SIGMA_TILT_DEG, _SIGMA_PLACE_M = 0.4, 0.3, 0.7
#: Degrees of freedom of all errors, and how far from the middle 68.3 % of such a t distribution lie.
_TAILS, _TWO_THIRDS = 4.0, 1.142


def measured_pose(street: Street, gateway: str) -> CameraPose:
    """What the installer wrote down: the true pose with errors of the stated size, and heavier tails than normal."""
    camera: Pinhole = street.cameras[gateway]
    off = _Error(street.seed, gateway)
    east, north = (float(camera.place[axis] + off(_SIGMA_PLACE_M)) for axis in range(2))
    lon, lat = street.origin.lon_lat(east, north)
    return CameraPose(
        camera=CAMERA,
        pose_version=1,
        place=Place(lat=lat, lon=lon),
        height_m=round(camera.place[2] + off(0.15), 2),
        heading_deg=round((camera.heading_deg + off(_SIGMA_HEADING_DEG)) % 360, 3) % 360,
        tilt_deg=round(camera.tilt_deg + off(_SIGMA_TILT_DEG), 3),
        roll_deg=round(camera.roll_deg + off(0.2), 3),
        hfov_deg=round(camera.hfov_deg, 2),
        frame_size=camera.size,
        sigma_heading_deg=_SIGMA_HEADING_DEG,
        sigma_tilt_deg=_SIGMA_TILT_DEG,
        sigma_place_m=_SIGMA_PLACE_M,
    )


def told_weather(weather: Weather, seed: int) -> Weather:
    """What the site's station says of the weather: a vane put up askew, cups that stick, a thermometer by a wall."""
    off = _Error(seed, "weather")
    temp, rh = weather.temp_c, weather.rh_percent
    speed, from_deg = weather.wind_speed_m_s, weather.wind_from_deg
    return Weather(
        temp_c=None if temp is None else round(temp + off(0.4), 1),
        rh_percent=None if rh is None else round(min(max(rh + off(2.5), 5.0), 100.0), 1),
        wind_speed_m_s=None if speed is None else round(speed * exp(off(0.12)), 2),
        wind_from_deg=None if from_deg is None else round((from_deg + off(7.0)) % 360, 1) % 360,
    )


class _Error:
    """Errors of which two thirds lie within the stated sigma, as of a normal, but whose far tails are Student's t."""

    def __init__(self, seed: int, name: str) -> None:
        self._normal = np.random.default_rng([seed, 0x1F, *name.encode()])
        self._tails = np.random.default_rng([seed, 0x7A, *name.encode()])

    def __call__(self, sigma: float) -> float:
        wide = sqrt(_TAILS / self._tails.chisquare(_TAILS)) / _TWO_THIRDS
        return sigma * float(self._normal.normal()) * wide


def offer(stage: Stage, urls: dict[str, str], ports: dict[tuple[str, str], Path]) -> dict[str, Any]:
    """``street.json``: where cameras and sensors can be reached, as a town would know them."""
    gateways = []
    for gateway in stage.street.cameras:
        measured = msgspec.to_builtins(measured_pose(stage.street, gateway))
        pose = {name: value for name, value in measured.items() if value is not None}  # the installer knew no more
        cameras = [{"camera": CAMERA, "url": urls[gateway], "fps": FPS, "pose": pose}]
        sensors = [
            {"sensor": sensor, "model": unit.model, "port": str(ports[owner, sensor])}
            for (owner, sensor), unit in stage.units.items()
            if owner == gateway
        ]
        gateways.append({"gateway": gateway, "cameras": cameras, "sensors": sensors})
    return {
        "tenant": "demo-town",
        "crs": "WGS-84",
        "footprints": "footprints.geojson",
        "weather": asdict(told_weather(stage.night.weather, stage.street.seed)),
        "gateways": gateways,
    }


def footprints(street: Street) -> dict[str, Any]:
    """``footprints.geojson``: every roof, and the chimneys that stand in the ledger (RFC 7946, longitude first)."""
    features = []
    for roof in street.roofs:
        ring = [list(street.origin.lon_lat(*corner)) for corner in roof.footprint]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        facts = {"kind": "rooftop", "rooftop": roof.rooftop, "height_m": round(roof.ridge_m, 1), "name": roof.name}
        features.append({"type": "Feature", "geometry": geometry, "properties": facts})
        if roof.chimney.registered:
            east, north, up = roof.chimney.mouth
            point = {"type": "Point", "coordinates": list(street.origin.lon_lat(east, north))}
            known = {"kind": "chimney", "rooftop": roof.rooftop, "height_m": round(up, 1)}
            features.append({"type": "Feature", "geometry": point, "properties": known})
    return {"type": "FeatureCollection", "features": features}


def frame_truth(gateway: str, number: int, at: str, shot: Shot) -> str:
    """One line of ``truth.jsonl``."""
    line = {
        "at": at,
        "gateway": gateway,
        "camera": CAMERA,
        "frame": number,
        "smoke": asdict(shot.smoke) if shot.smoke is not None else None,
        "steam": asdict(shot.steam) if shot.steam is not None else None,
    }
    return json.dumps(_short(line)) + "\n"


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Writes a whole document or nothing: a reader never meets half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list | tuple) else value
