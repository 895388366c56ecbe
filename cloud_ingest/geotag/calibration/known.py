"""What is written down of a camera before it is calibrated (a gateway's or site's file, a few figures); its still."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cloud_ingest.geotag.calibration.documents import Where
from cloud_ingest.geotag.calibration.marks import CannotCalibrate
from cloud_ingest.geotag.calibration.solve import Rough
from cloud_ingest.geotag.calibration.star_turns import Guess
from cloud_ingest.geotag.town import Frame
from smokesentry.place import CameraPose, Place

_MOST_PIXELS = 100_000_000
PLACE_SIGMA_M = 3.0  # of a telephone's position in the open, or a careful look at a map


@dataclass(frozen=True, slots=True)
class Known:
    """``table``: where a pose stands in the file that takes it. None: not written down."""

    camera: str
    place: Place
    height_m: float
    sigma_place_m: float = PLACE_SIGMA_M
    heading_deg: float | None = None
    hfov_deg: float | None = None
    distortion: tuple[float, float] | None = None
    pose_version: int = 0
    table: str = "cameras.pose"

    def where(self, frame_size: tuple[int, int]) -> Where:
        """For a new pose of this camera: the version is raised."""
        frame = Frame(self.place.lat, self.place.lon)
        return Where(self.camera, self.pose_version + 1, frame, frame_size)

    def rough(self) -> Rough:
        """For marks, in the frame of :meth:`where`."""
        return Rough(
            height_m=self.height_m, sigma_place_m=self.sigma_place_m, hfov_deg=self.hfov_deg, distortion=self.distortion
        )

    def guess(self) -> Guess:
        """For stars."""
        return Guess(self.heading_deg, self.hfov_deg, self.distortion)


def read_known(path: Path, camera: str | None) -> Known:
    """Out of a gateway's configuration (``[[cameras]]``) or a site file (``[pose]``).

    Raises :class:`CannotCalibrate`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotCalibrate(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CannotCalibrate(f"{path}: is not valid TOML: {error}") from error
    name, table, found = _table(path, data, camera)
    try:
        pose = msgspec.convert({"camera": name, "pose_version": 1, **found}, CameraPose)
    except (msgspec.ValidationError, ValueError) as error:
        raise CannotCalibrate(f"{path}: {table}: {str(error).replace('$.', '')}") from error
    return Known(
        camera=pose.camera, place=pose.place, height_m=pose.height_m,
        sigma_place_m=max(pose.sigma_place_m, PLACE_SIGMA_M) if pose.covariance is None else pose.sigma_place_m,
        heading_deg=pose.heading_deg, hfov_deg=pose.hfov_deg, distortion=pose.distortion,
        pose_version=pose.pose_version, table=table,
    )  # fmt: skip


def _table(path: Path, data: dict[str, Any], camera: str | None) -> tuple[str, str, dict[str, Any]]:
    """Name, table's name and contents of the pose that is meant."""
    if isinstance(data.get("pose"), dict):
        return str(camera or data.get("camera", "replay")), "pose", data["pose"]
    cameras = data.get("cameras")
    listed = [one for one in cameras if isinstance(one, dict)] if isinstance(cameras, list) else []
    if camera is None and len(listed) > 1:
        raise CannotCalibrate(f"{path}: has {len(listed)} cameras; say which with --camera")
    for one in listed:
        if camera in (None, one.get("name")):
            if not isinstance(one.get("pose"), dict):
                raise CannotCalibrate(
                    f"{path}: camera {one.get('name')!r} has no pose yet; give --place and --height instead"
                )
            return str(one.get("name", "replay")), "cameras.pose", one["pose"]
    raise CannotCalibrate(f"{path}: has no camera {camera!r}" if camera else f"{path}: holds no pose of a camera")


def given(
    known: Known | None,
    camera: str | None,
    place: Place | None,
    height_m: float | None,
    hfov: float | None,
    sigma_place_m: float | None,
) -> Known:
    """What a file says, and what was typed over it. Raises :class:`CannotCalibrate` without a place or height."""
    if known is None:
        if place is None or height_m is None:
            raise CannotCalibrate(
                "where does the camera stand? Give --pose with a file that says it, or --place LAT,LON and --height M"
            )
        known = Known(camera or "cam-1", place, height_m)
    changes: dict[str, Any] = {}
    if place is not None:
        changes["place"] = place
    for name, value in (("height_m", height_m), ("hfov_deg", hfov), ("sigma_place_m", sigma_place_m)):
        if value is not None:
            changes[name] = value
    return replace(known, **changes)


def read_place(text: str) -> Place:
    """``LAT,LON``. Raises :class:`CannotCalibrate`."""
    try:
        lat, lon = (float(part) for part in text.split(","))
        return msgspec.convert({"lat": lat, "lon": lon}, Place)
    except (ValueError, msgspec.ValidationError) as error:
        raise CannotCalibrate(
            f"place {text[:60]!r}: expected latitude, longitude in WGS-84 degrees, as 38.05,114.5 ({error})"
        ) from error


def read_still(path: Path) -> NDArray[np.uint8]:
    """A still as grey levels (height, width). Raises :class:`CannotCalibrate`."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MOST_PIXELS or min(picture.size) < 16:
                raise CannotCalibrate(
                    f"{path}: a picture of {picture.width}x{picture.height} pixels is no camera's still"
                )
            return np.asarray(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, CannotCalibrate):
            raise
        raise CannotCalibrate(f"{path}: cannot be read as a picture ({error})") from error
