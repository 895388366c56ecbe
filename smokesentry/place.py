"""Sites and places: WGS-84 positions, camera poses and the pixel conventions of WIRE ("Units and conventions").

Only types and checks live here. Projection from pixels to rays is ``cloud_ingest.geotag``'s; the simulator has its own,
so that one can judge the other.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]
Degrees360 = Annotated[float, Meta(ge=0, lt=360)]
Sigma = Annotated[float, Meta(gt=0, le=180)]


class Place(msgspec.Struct, frozen=True):
    """A position that names its reference system; inside the product that is always WGS-84."""

    lat: Lat
    lon: Lon
    crs: Annotated[str, Meta(pattern="^WGS-84$")] = "WGS-84"


class CameraPose(msgspec.Struct, frozen=True, kw_only=True):
    """Where a camera stands and looks: a pinhole with square pixels whose principal point is the frame's centre.

    Pixels are those of the raw frame: x right, y down, (0, 0) the outer corner of the top left pixel, so the centre of
    a 1280x720 frame is (640, 360). ``heading_deg`` is the azimuth of the optical axis (true north, clockwise),
    ``tilt_deg`` its angle above the horizon, ``roll_deg`` the camera's clockwise turn about the axis seen from behind
    it (the horizon then leans anticlockwise in the picture). The ``sigma_*`` are one standard deviation of what the
    installer could know.
    """

    camera: Annotated[str, Meta(pattern="^[a-z0-9-]{1,40}$")]
    pose_version: Annotated[int, Meta(ge=1)]
    place: Place
    height_m: Annotated[float, Meta(ge=0, le=1000)]  # of the lens above ground
    heading_deg: Degrees360
    tilt_deg: Annotated[float, Meta(ge=-90, le=90)]
    roll_deg: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    hfov_deg: Annotated[float, Meta(gt=1, lt=175)]
    frame_size: tuple[Annotated[int, Meta(ge=16, le=16384)], Annotated[int, Meta(ge=16, le=16384)]]  # width, height
    sigma_heading_deg: Sigma = 0.5
    sigma_tilt_deg: Sigma = 0.5
    sigma_place_m: Annotated[float, Meta(gt=0, le=1000)] = 1.0
