"""One fire in the open → what its alert says: a place on the ground, no household, no question after coal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud_ingest.geotag.around import Around
from cloud_ingest.geotag.customs import suggestions
from cloud_ingest.geotag.events import Sighting, representatives
from cloud_ingest.geotag.factors import Factor, said
from cloud_ingest.geotag.judgement import OPEN_BURNING, Claim, Judgement, candidates_of, doubts, no_place, poses_of
from cloud_ingest.geotag.open_fire import OpenPlace, open_region
from cloud_ingest.geotag.posterior import Posterior
from cloud_ingest.geotag.smoke import judge_smoke
from cloud_ingest.geotag.town import Town

_WORTH_SAYING = 0.01


def judge_open_fire(
    claims: Sequence[tuple[Sighting, Claim]],
    town: Town | None,
    posterior: Posterior | None,
    found: OpenPlace | None,
    around: Around,
) -> Judgement:
    """As ``judgement.judge``, for a group that ``events.is_open_fire``; ``found``: of ``open_fire.open_place``.

    Roofs are listed only where they hold more than the ground does. No night is left for roofs' histories, and the
    register's households say nothing: whoever burns leaves in a lane is not who lives beside it.
    """
    sightings = [sighting for sighting, _ in claims]
    chosen = representatives(sightings)
    start_s = min(sighting.started_s for sighting in sightings)
    local = around.local(start_s)
    factors: list[Factor] = []
    candidates, likely = list[dict[str, Any]](), list[dict[str, Any]]()
    elsewhere, region = 1.0, None
    entries = [] if around.register is None else around.register.everywhere(local)
    where = "this place"
    if found is None or posterior is None or town is None:
        factors.append(no_place())
    else:
        factors += _place_factors(found, sum(one.view is not None for one in chosen))
        if found.kind == "roofs":
            candidates, elsewhere = candidates_of(_at_roofs_share(posterior, found), town)
            likely = candidates
        elif found.kind == "ground":
            region = open_region(found, town)
            told = region["properties"]["place"]
            likely = [{"lat": told["lat"], "lon": told["lon"], "probability": told["probability"]}]
        if likely:
            where = str(candidates[0]["name"]) if candidates else where
            if around.register is not None:
                roof = str(candidates[0]["rooftop"]) if candidates else None
                entries = around.register.at(roof, likely[0]["lat"], likely[0]["lon"], local)
    smoke = judge_smoke(claims, chosen, likely, town, around, 0.0, start_s, open_fire=True)
    factors += doubts(sightings, chosen)
    return Judgement(
        "closed" if all(body["phase"] == "end" for _, body in claims) else "open",
        OPEN_BURNING,
        round(smoke.confidence, 4),
        candidates,
        elsewhere,
        [factor.as_json() for factor in [*smoke.factors, *factors]],
        None,
        [one.as_json() for one in suggestions(entries, where, local)],
        region,
        around.register.version if around.register is not None else None,
        {},
        poses_of(sightings),
    )


def _place_factors(found: OpenPlace, cameras: int) -> list[Factor]:
    if found.kind == "elsewhere":
        return [said("cannot_judge", "The place cannot be judged: the origin fits no ground and no roof in reach")]
    if found.kind == "roofs":
        text = f"The origin fits a roof better than the ground: roofs hold {found.on_roofs:.0%} of it"
        return [said("open_roof", text)]
    factors = [
        said("open_ground", f"A fire in the open is looked for on the ground, which holds {found.on_ground:.0%}")
    ]
    if cameras == 1:
        text = f"Along the ray it may burn {found.near_m:.0f} to {found.far_m:.0f} m from the camera"
        factors.append(said("range", f"{text}; another camera would tell"))
    if found.on_roofs > _WORTH_SAYING:
        factors.append(said("open_roof", f"That it burns on a roof is left with {found.on_roofs:.0%}"))
    return factors


def _at_roofs_share(posterior: Posterior, found: OpenPlace) -> Posterior:
    held = sum(posterior.probabilities)
    scale = found.on_roofs / held if held else 0.0
    probabilities = tuple(scale * p for p in posterior.probabilities)
    return Posterior(posterior.roofs, probabilities, posterior.places, 1 - sum(probabilities), found.log_evidence)
