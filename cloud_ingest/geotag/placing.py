"""What people should know of a place that geometry named: where along the ray it may lie, what was assumed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from cloud_ingest.geotag.factors import Factor, said
from cloud_ingest.geotag.mast import one_mast
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import View

_SPREAD = (0.05, 0.95)
_FLAT_ROOFS = 4.0  # alike for as many roofs as this, the posterior is flat along the ray
_SOMEWHERE = 0.5  # less than this on roofs together: no roof can be named


@dataclass(frozen=True, slots=True)
class Range:
    """How far from the camera the roofs lie that hold 90 % of what is on roofs, and among how many equally likely ones
    that is like choosing (the exponential of the entropy)."""

    near_m: float
    far_m: float
    roofs: float

    @property
    def flat(self) -> bool:
        """Whether one camera cannot tell the roofs along its ray apart."""
        return self.roofs >= _FLAT_ROOFS


def range_of(posterior: Posterior, view: View) -> Range | None:
    """Along one camera's ray; None without roofs."""
    if not posterior.roofs:
        return None
    shares = np.array(posterior.probabilities) / sum(posterior.probabilities)
    x, y = view.camera.position[:2]
    distances = np.array([hypot(px - x, py - y) for px, py in posterior.places])
    order = np.argsort(distances)
    reached = np.cumsum(shares[order])
    near, far = (float(distances[order][min(int(np.searchsorted(reached, e)), len(order) - 1)]) for e in _SPREAD)
    kept = shares[shares > 0]
    return Range(near, far, float(np.exp(-(kept * np.log(kept)).sum())))


def place_factors(posterior: Posterior, final: Posterior, town: Town, views: Sequence[View]) -> list[Factor]:
    """What to say beside the roofs: how many are possible, where the posterior is flat, and what was assumed.

    ``posterior`` by geometry alone, ``final`` with all that is known of the roofs; ``views`` of the cameras.
    """
    alone = one_mast([view.camera for view in views])
    meet = "One ray crosses" if len(views) == 1 else f"Rays of {len(views)} cameras meet"
    factors = [
        said("geometry", f"{meet} {len(posterior.roofs)} possible roofs; poses, origins and hidden points weighed")
    ]
    if len(views) > 1 and alone:
        factors.append(said("one_mast", "The cameras hang on one mast and share its error: they count as one"))
    if sum(final.probabilities) < _SOMEWHERE:
        factors.append(said("cannot_judge", "The place cannot be judged: the origin fits no roof in reach"))
    found = range_of(posterior, views[0])
    if alone and found is not None and found.flat:
        text = f"Along the ray the roof may stand {found.near_m:.0f} to {found.far_m:.0f} m from the camera"
        factors.append(said("range", f"{text}, about {found.roofs:.0f} roofs alike; another camera would tell"))
    if final.roofs:
        best = town.roofs[final.roofs[0]]
        if best.rooftop in town.chimneys:
            factors.append(said("chimney", f"A chimney is registered on {best.name}"))
        if not best.height_known:
            factors.append(said("height", f"The height of {best.name} is an assumption"))
    factors += _ground_factors(final, town, views)
    return factors


def _ground_factors(final: Posterior, town: Town, views: Sequence[View]) -> list[Factor]:
    if town.terrain is None:
        return [said("flat_ground", "The ground is taken to be flat")]
    lenses = np.array([view.camera.position for view in views])
    known = town.ground_at(lenses[:, 0], lenses[:, 1])[1].all()
    if not known or (final.roofs and not town.ground_known[final.roofs[0]]):
        return [
            said("ground_guessed", "The terrain has a gap here: the ground's height is that of the nearest known roof")
        ]
    return [said("terrain", "The ground's height is from the imported terrain")]
