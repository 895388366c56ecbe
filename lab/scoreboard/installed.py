"""Camera poses as somebody wrote them down on a roof: errors with heavier tails than the product assumes."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from simulator.papers import measured_pose
from simulator.street import Street
from smokesentry.place import CameraPose, Place

#: Student's t with this many degrees of freedom around the sigma that the installer states; geotag assumes four.
_FREEDOM = 3.0
_SIGMA_HEIGHT_M, _SIGMA_ROLL_DEG = 0.3, 0.2


def installed_pose(street: Street, gateway: str, size: tuple[int, int]) -> CameraPose:
    """The pose that a gateway announces for frames of ``size``."""
    true, said = street.cameras[gateway], measured_pose(street, gateway)
    rng = np.random.default_rng([street.seed, 0x7A, *gateway.encode()])
    off = rng.standard_t(_FREEDOM, 6)
    place_m, heading, tilt = said.sigma_place_m, said.sigma_heading_deg, said.sigma_tilt_deg
    lon, lat = street.origin.lon_lat(true.place[0] + place_m * off[0], true.place[1] + place_m * off[1])
    true = replace(true, heading_deg=true.heading_deg + heading * off[2], tilt_deg=true.tilt_deg + tilt * off[3])
    return msgspec.structs.replace(
        said,
        place=Place(lat=float(lat), lon=float(lon)),
        height_m=max(1.0, float(true.place[2] + _SIGMA_HEIGHT_M * off[4])),
        heading_deg=float(true.heading_deg % 360),
        tilt_deg=float(np.clip(true.tilt_deg, -90, 90)),
        roll_deg=float(true.roll_deg + _SIGMA_ROLL_DEG * off[5]),
        frame_size=size,
        sigma_heading_deg=heading,
        sigma_tilt_deg=tilt,
        sigma_place_m=place_m,
    )
