"""Sites and places: WGS-84 positions, camera poses and the pixel conventions of WIRE ("Units and conventions").

Only types and checks live here. Projection from pixels to rays is ``cloud_ingest.geotag``'s; the simulator has its own,
so that one can judge the other.
"""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Annotated

import msgspec
from msgspec import Meta

Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]
Degrees360 = Annotated[float, Meta(ge=0, lt=360)]
Sigma = Annotated[float, Meta(gt=0, le=180)]
_Row = Annotated[list[float], Meta(min_length=7, max_length=7)]

# What the rows and columns of a pose's covariance are, with their units.
COVARIANCE_OF = ("east_m", "north_m", "height_m", "heading_deg", "tilt_deg", "roll_deg", "hfov_deg")


class Place(msgspec.Struct, frozen=True):
    """A position that names its reference system; inside the product that is always WGS-84."""

    lat: Lat
    lon: Lon
    crs: Annotated[str, Meta(pattern="^WGS-84$")] = "WGS-84"


class CameraPose(msgspec.Struct, frozen=True, kw_only=True):
    """Where a camera stands and looks: a pinhole with square pixels whose principal point is the frame's centre, and
    where it was measured, a lens that bends.

    Pixels are those of the raw frame: x right, y down, (0, 0) the outer corner of the top left pixel, so the centre of
    a 1280x720 frame is (640, 360). ``heading_deg`` is the azimuth of the optical axis (true north, clockwise),
    ``tilt_deg`` its angle above the horizon, ``roll_deg`` the camera's clockwise turn about the axis seen from behind
    it (the horizon then leans anticlockwise in the picture). The ``sigma_*`` are one standard deviation of what the
    installer could know.

    ``distortion`` is Brown's radial (k1, k2): a ray ``r`` from the axis (the tangent of its angle) shows at
    ``r (1 + k1 r² + k2 r⁴)`` focal lengths from the centre; ``hfov_deg`` says the focal length as if there were none.
    ``covariance`` (rows and columns: :data:`COVARIANCE_OF`) is what a calibration found; where it is given, it holds in
    place of the ``sigma_*``.
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
    distortion: tuple[Annotated[float, Meta(ge=-2, le=2)], Annotated[float, Meta(ge=-2, le=2)]] | None = None
    covariance: Annotated[list[_Row], Meta(min_length=7, max_length=7)] | None = None

    def __post_init__(self) -> None:
        if self.covariance is not None:
            _check_covariance(self.covariance)


def _check_covariance(rows: list[list[float]]) -> None:
    """Raises ``ValueError`` for what is no covariance: by Cholesky's method, on the correlations."""
    if not all(isfinite(value) for row in rows for value in row):
        raise ValueError("covariance: holds a value that is no number")
    for number, name in enumerate(COVARIANCE_OF):
        if not rows[number][number] > 0:
            raise ValueError(f"covariance: the variance of {name} is {rows[number][number]:g}; expected more than 0")
    scale = [sqrt(rows[k][k]) for k in range(7)]
    lower = [[0.0] * 7 for _ in range(7)]
    for i in range(7):
        for j in range(i + 1):
            if abs(rows[i][j] - rows[j][i]) > 1e-6 * scale[i] * scale[j]:
                raise ValueError(f"covariance: {COVARIANCE_OF[i]} with {COVARIANCE_OF[j]} differs from its mirror")
            left = rows[i][j] / scale[i] / scale[j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j and left < 1e-12:
                raise ValueError(f"covariance: {COVARIANCE_OF[i]} is bound to the others more than is possible")
            lower[i][j] = sqrt(left) if i == j else left / lower[j][j]
