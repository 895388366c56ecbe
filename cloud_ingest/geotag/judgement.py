"""One event's detections → what an alert says: state, class, confidence, candidate rooftops and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyproj import Geod

from cloud_ingest.geotag.around import Around
from cloud_ingest.geotag.coal import coal_likelihood
from cloud_ingest.geotag.customs import suggestions
from cloud_ingest.geotag.events import Sighting, representatives
from cloud_ingest.geotag.factors import Factor, said
from cloud_ingest.geotag.history import repeat_factor
from cloud_ingest.geotag.open_fire import OpenPlace, open_place
from cloud_ingest.geotag.placing import place_factors
from cloud_ingest.geotag.posterior import Posterior, locate
from cloud_ingest.geotag.prior import reweighed
from cloud_ingest.geotag.region import credible_region
from cloud_ingest.geotag.register import Entry, night_of
from cloud_ingest.geotag.smoke import judge_smoke
from cloud_ingest.geotag.town import Town

OPEN_BURNING = "open_burning"
UNRESOLVED_THRESHOLD = 0.5  # from here on an unresolved plume (smoke or steam) is worth an alert
_LEAST_PROBABILITY = 0.01
_MAX_CANDIDATES = 8
_LEAST_MOVED_M = 10.0  # so far a place on the ground moves without a new version
_MATERIAL = 0.05  # smaller changes of a probability or confidence are no new version

Claim = dict[str, Any]  # a Detection as stored JSON, wire field names


@dataclass(frozen=True, slots=True)
class Judgement:
    """The content of one alert version, as ``store.schema.alert_versions`` says. ``geometry``: what the pictures alone
    give each roof, for later nights to count; ``poses``: which cameras said so."""

    state: str
    plume_class: str
    confidence: float
    candidates: list[dict[str, Any]]
    elsewhere: float
    factors: list[dict[str, Any]]
    coal: dict[str, Any] | None = None
    suggestions: list[dict[str, str]] = field(default_factory=list)
    region: dict[str, Any] | None = None
    register_version: int | None = None
    geometry: Mapping[str, float] = field(default_factory=dict)
    poses: tuple[str, ...] = ()

    @property
    def place(self) -> dict[str, Any] | None:
        """Where on the ground, of a fire in the open."""
        return place_of(self.region)


def raises_alert(plume_class: str, confidence: float) -> bool:
    """Whether a detection on its own is worth an alert."""
    return plume_class in {"smoke", OPEN_BURNING} or (
        plume_class == "unresolved" and confidence >= UNRESOLVED_THRESHOLD
    )


def located(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The best sighting of each camera whose pose and town are known."""
    return [sighting for sighting in representatives(sightings) if sighting.view is not None]


def place(sightings: Sequence[Sighting]) -> Posterior | None:
    """Where the pictures alone put one group's origin; None when no camera's place is known."""
    found = located(sightings)
    return locate([sighting.observation for sighting in found]) if found else None


def open_fire_place(sightings: Sequence[Sighting], posterior: Posterior | None) -> OpenPlace | None:
    """Where a fire in the open lies; ``posterior``: of :func:`place` of the same group."""
    return None if posterior is None else open_place([one.observation for one in located(sightings)], posterior)


def judge(
    claims: Sequence[tuple[Sighting, Claim]],
    town: Town | None,
    posterior: Posterior | None,
    around: Around,
) -> Judgement:
    """Judges one group; at least one claim. ``posterior``: of :func:`place`; None, or no town: no roof is named."""
    bodies = [claim for _, claim in claims]
    plume_class, state = _class_and_state(bodies)
    sightings = [sighting for sighting, _ in claims]
    chosen = representatives(sightings)
    poses = poses_of(sightings)
    start_s = min(sighting.started_s for sighting in sightings)
    seen = [sighting for sighting in chosen if sighting.view is not None]
    factors: list[Factor] = []
    candidates: list[dict[str, Any]] = []
    held: list[list[Entry]] = []
    elsewhere, region, geometry = 1.0, None, dict[str, float]()
    if posterior is None or town is None:
        factors.append(no_place())
    else:
        geometry = {
            town.roofs[roof].rooftop: p for roof, p in zip(posterior.roofs, posterior.probabilities, strict=True)
        }
        in_reach = np.unique(np.concatenate([s.view.roofs for s in seen if s.view is not None])).tolist()
        per_roof = _roof_weights(in_reach, town, around, frozenset(poses), start_s)
        weights = {roof: sum(factor.weight for factor in found) for roof, found in per_roof.items()}
        final = reweighed(posterior, weights, len(in_reach))
        candidates, elsewhere = candidates_of(final, town)
        factors += place_factors(posterior, final, town, [s.view for s in seen if s.view is not None])
        factors += _moved(per_roof, geometry, candidates)
        region = credible_region(final, town)
        held = [_entries(around, one, start_s) for one in candidates]
    shares = [(float(one["probability"]), entries) for one, entries in zip(candidates, held, strict=True)]
    smoke = judge_smoke(claims, chosen, candidates, town, around, _share(shares, "gas"), start_s)
    if smoke.unresolved and plume_class == "smoke":
        plume_class = "unresolved"
        factors.append(said("steam_possible", "It may be a gas boiler's steam: smoke or steam is not resolved"))
    factors += doubts(sightings, chosen)
    coal = None
    if state != "withdrawn":
        gases = [gas for body in bodies for gas in body.get("gases", [])]
        coal = coal_likelihood(gases, smoke.weather, around.local(start_s), shares, around.zones).as_json()
    best = held[0] if held else _entries(around, None, start_s)
    name = str(candidates[0]["name"]) if candidates else "this place"
    return Judgement(
        state,
        plume_class,
        round(smoke.confidence, 4),
        candidates,
        elsewhere,
        [factor.as_json() for factor in [*smoke.factors, *factors]],
        coal,
        [one.as_json() for one in suggestions(best, name, around.local(start_s))],
        region,
        around.register.version if around.register is not None else None,
        geometry,
        poses,
    )


def poses_of(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    """Which cameras under which poses saw it."""
    return tuple(sorted({f"{'/'.join(sighting.camera)}/{sighting.pose_version}" for sighting in sightings}))


def no_place() -> Factor:
    """Said where pictures cannot be placed at all."""
    return said("no_place", "No rooftop can be named: the camera's pose or the footprints are not known")


def doubts(sightings: Sequence[Sighting], chosen: Sequence[Sighting]) -> list[Factor]:
    """What to know of the cameras (``chosen``: one sighting each) and of the gateways' clocks."""
    factors = [said("pose_moved", sighting.pose_doubt) for sighting in chosen if sighting.pose_doubt]
    if any(sighting.apart for sighting in sightings):
        factors.append(said("clock", "A gateway's clock is in doubt: its times may be wrong"))
    return factors


def differs(new: Judgement, old: dict[str, Any]) -> str | None:
    """The reason word for a new version against a stored one (columns of ``alert_versions``), None when none is due."""
    if new.state != old["state"]:
        return {"closed": "closed", "withdrawn": "withdrawn"}.get(new.state, "reopened")
    if new.plume_class != old["class"]:
        return "class"
    before = {c["rooftop"]: c["probability"] for c in old["candidates"]}
    after = {c["rooftop"]: c["probability"] for c in new.candidates}
    moved = max((abs(before.get(r, 0.0) - after.get(r, 0.0)) for r in before | after), default=0.0)
    if moved > _MATERIAL or list(before)[:1] != list(after)[:1]:
        return "sharper"
    if _place_moved(place_of(old.get("region")), new.place):
        return "sharper"
    if abs(new.confidence - old["confidence"]) > _MATERIAL:
        return "confidence"
    was, now = ((one or {}).get("estimate") for one in (old.get("coal"), new.coal))
    if (was is None) != (now is None) or (was is not None and now is not None and abs(was - now) > _MATERIAL):
        return "fuel"
    return None


def place_of(region: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The place on the ground that an alert's region names (``open_fire.open_region``); None where roofs are named."""
    place: dict[str, Any] | None = (region or {}).get("properties", {}).get("place")
    return place


def _place_moved(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    """Whether a fire's place on the ground is another, or better known, beyond its own uncertainty."""
    if old is None or new is None:
        return (old is None) != (new is None)
    away = Geod(ellps="WGS84").inv(old["lon"], old["lat"], new["lon"], new["lat"])[2]
    least = max(_LEAST_MOVED_M, 0.5 * min(old["radius_m"], new["radius_m"]))
    return bool(away > least or abs(old["radius_m"] - new["radius_m"]) > least)


def _class_and_state(claims: Sequence[Claim]) -> tuple[str, str]:
    order = {"smoke": 2, "unresolved": 1}
    best = max(claims, key=lambda claim: (order.get(claim["class"], 0), claim["confidence"]))
    if best["class"] not in order:
        return str(best["class"]), "withdrawn"
    ended = all(claim["phase"] == "end" for claim in claims)
    return str(best["class"]), "closed" if ended else "open"


def _entries(around: Around, candidate: dict[str, Any] | None, start_s: float) -> list[Entry]:
    """What the register holds at a candidate at that time; without one, what holds everywhere. Findings of visits are
    facts of their day: here they count whenever they were made before."""
    if around.register is None:
        return []
    local = around.local(start_s)
    if candidate is None:
        return around.register.everywhere(local)
    there = around.register.at(candidate["rooftop"], candidate["lat"], candidate["lon"], local)
    findings = [
        entry
        for entry in around.register.of_roof.get(candidate["rooftop"], [])
        if entry.kind == "burning_found" and entry.from_day < night_of(local)
    ]
    return [*(entry for entry in there if entry.kind not in {"burning_found", "nothing_found"}), *findings]


def _share(roofs: Sequence[tuple[float, Sequence[Entry]]], *kinds: str) -> float:
    return sum(p for p, entries in roofs if any(entry.kind in kinds for entry in entries))


def _roof_weights(
    in_reach: Sequence[int], town: Town, around: Around, poses: frozenset[str], start_s: float
) -> dict[int, list[Factor]]:
    """Register, findings and earlier nights, for every roof in reach of which something is known."""
    if around.register is None and not around.nights:
        return {}
    local = around.local(start_s)
    tonight = night_of(local)
    of_roof = around.register.of_roof if around.register is not None else {}
    found: dict[int, list[Factor]] = {}
    for number in in_reach:
        roof = town.roofs[number]
        entries, nights = of_roof.get(roof.rooftop, []), around.nights.get(roof.rooftop, ())
        if not entries and not nights:
            continue
        factors = around.register.factors(roof.rooftop, roof.name, local) if around.register is not None else []
        repeat = repeat_factor(nights, tonight, poses, entries, roof.name, roof.rooftop) if nights else None
        if repeat is not None:
            factors = [*factors, repeat]
        if factors:
            found[number] = factors
    return found


def _moved(
    per_roof: Mapping[int, Sequence[Factor]], geometry: Mapping[str, float], candidates: Sequence[dict[str, Any]]
) -> list[Factor]:
    """The roofs' own factors of those that are listed, with the probability by pictures alone and the final one."""
    final = {one["rooftop"]: float(one["probability"]) for one in candidates}
    return [
        Factor(
            factor.word, factor.weight, factor.text, "rooftop", factor.rooftop,
            geometry.get(factor.rooftop or "", 0.0), final[factor.rooftop],
        )
        for factors in per_roof.values()
        for factor in factors
        if factor.rooftop in final
    ]  # fmt: skip


def candidates_of(posterior: Posterior, town: Town) -> tuple[list[dict[str, Any]], float]:
    """The roofs worth naming, as ``alert_versions.candidates`` keeps them, and what none of them holds."""
    listed = [
        k
        for k, probability in enumerate(posterior.probabilities[:_MAX_CANDIDATES])
        if probability >= _LEAST_PROBABILITY
    ]
    candidates: list[dict[str, Any]] = []
    for k in listed:
        roof = town.roofs[posterior.roofs[k]]
        lat, lon = town.frame.to_lat_lon(*posterior.places[k])
        candidates.append(
            {
                "rooftop": roof.rooftop,
                "name": roof.name,
                "probability": round(posterior.probabilities[k], 4),
                "lat": round(lat, 7),
                "lon": round(lon, 7),
            }
        )
    return candidates, round(1.0 - sum(c["probability"] for c in candidates), 4)
