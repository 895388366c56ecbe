"""One event's detections → what an alert says: state, class, confidence, candidate rooftops and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees
from typing import Any

from cloud_ingest.geotag.events import Sighting, representatives
from cloud_ingest.geotag.posterior import Posterior, locate
from cloud_ingest.geotag.town import Town

UNRESOLVED_THRESHOLD = 0.5  # from here on an unresolved plume (smoke or steam) is worth an alert
_LEAST_PROBABILITY = 0.01
_MAX_CANDIDATES = 8
_SECOND_CAMERA = 0.5  # how far another camera's confidence removes the remaining doubt
_DOWNWIND_DEG = 25.0  # a stove's plume falls to a tenth within 5-19 degrees of its axis
_PARTICULATES = 0.3  # of the doubt that a rise downwind of the best roof removes
_PARTICULATES_ANY = 0.1  # of it when the wind is not known
_MATERIAL = 0.05  # smaller changes of a probability or confidence are no new version

Claim = dict[str, Any]  # a Detection as stored JSON, wire field names


@dataclass(frozen=True, slots=True)
class Judgement:
    """The content of one alert version; ``candidates`` and ``factors`` as ``store.schema.alert_versions`` says."""

    state: str
    plume_class: str
    confidence: float
    candidates: list[dict[str, Any]]
    elsewhere: float
    factors: list[dict[str, Any]]


def raises_alert(plume_class: str, confidence: float) -> bool:
    """Whether a detection on its own is worth an alert."""
    return plume_class == "smoke" or (plume_class == "unresolved" and confidence >= UNRESOLVED_THRESHOLD)


def judge(claims: Sequence[tuple[Sighting, Claim]], town: Town | None) -> Judgement:
    """Judges one group; at least one claim."""
    plume_class, state = _class_and_state([claim for _, claim in claims])
    sightings = [sighting for sighting, _ in claims]
    chosen = representatives(sightings)
    by_id = {sighting.detection_id: claim for sighting, claim in claims}
    factors = [_camera_factor(sighting, by_id[sighting.detection_id]) for sighting in chosen]
    located = [sighting for sighting in chosen if sighting.view is not None]
    candidates: list[dict[str, Any]] = []
    elsewhere = 1.0
    if located and town is not None:
        posterior = locate([sighting.observation for sighting in located])
        candidates, elsewhere = _candidates(posterior, town)
        factors += _place_factors(posterior, town, len(located))
    else:
        factors.append(
            _factor("no_place", 0.0, "No rooftop can be named: the camera's pose or the footprints are not known")
        )
    confidence, more = _confidence(chosen, [claim for _, claim in claims], by_id, located, candidates, town)
    factors += more
    if any(sighting.apart for sighting in sightings):
        factors.append(_factor("clock", 0.0, "A gateway's clock is in doubt: its times may be wrong"))
    return Judgement(state, plume_class, round(confidence, 4), candidates, elsewhere, factors)


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
    return "confidence" if abs(new.confidence - old["confidence"]) > _MATERIAL else None


def _class_and_state(claims: Sequence[Claim]) -> tuple[str, str]:
    order = {"smoke": 2, "unresolved": 1}
    best = max(claims, key=lambda claim: (order.get(claim["class"], 0), claim["confidence"]))
    if best["class"] not in order:
        return str(best["class"]), "withdrawn"
    ended = all(claim["phase"] == "end" for claim in claims)
    return str(best["class"]), "closed" if ended else "open"


def _candidates(posterior: Posterior, town: Town) -> tuple[list[dict[str, Any]], float]:
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


def _confidence(
    chosen: Sequence[Sighting],
    claims: Sequence[Claim],
    by_id: dict[str, Claim],
    located: Sequence[Sighting],
    candidates: Sequence[dict[str, Any]],
    town: Town | None,
) -> tuple[float, list[dict[str, Any]]]:
    """That it is smoke: the surest camera, others against the remaining doubt, then particulates."""
    factors = []
    suspects = sorted(
        (s.confidence for s in chosen if by_id[s.detection_id]["class"] in {"smoke", "unresolved"}), reverse=True
    )
    if not suspects:
        return max(s.confidence for s in chosen), []
    doubt = 1 - suspects[0]
    for other in suspects[1:]:
        doubt *= 1 - _SECOND_CAMERA * other
        factors.append(_factor("second_camera", _SECOND_CAMERA * other, "Another camera saw it, too"))
    share, text = _particulate_share(claims, located, candidates, town)
    if share:
        factors.append(_factor("particulates", share, text))
    return 1 - doubt * (1 - share), factors


def _particulate_share(
    claims: Sequence[Claim],
    located: Sequence[Sighting],
    candidates: Sequence[dict[str, Any]],
    town: Town | None,
) -> tuple[float, str]:
    """A rise confirms; it names no roof, and its absence means nothing (DESIGN §2)."""
    best = (0.0, "")
    for claim in claims:
        if not claim.get("particulates"):
            continue
        rise = max(cue["rise_ug_m3"] for cue in claim["particulates"])
        wind = claim.get("wind_from_deg")
        mine = next((s for s in located if s.detection_id == claim["detection_id"]), None)
        if wind is None or mine is None or not candidates or town is None:
            found = (_PARTICULATES_ANY, f"PM2.5 rose by {rise:.0f} ug/m3 at the gateway; the wind is not known")
        else:
            assert mine.view is not None
            x, y = town.frame.to_xy(candidates[0]["lat"], candidates[0]["lon"])
            lens = mine.view.camera.position
            off = abs((degrees(atan2(x - lens[0], y - lens[1])) - wind + 180) % 360 - 180)
            if off > _DOWNWIND_DEG:
                continue
            text = f"PM2.5 rose by {rise:.0f} ug/m3 with the wind from {wind:.0f}°, {off:.0f}° off the best roof"
            found = (_PARTICULATES, text)
        best = max(best, found)
    return best


def _camera_factor(sighting: Sighting, claim: Claim) -> dict[str, Any]:
    x, y = sighting.origin_px
    text = (
        f"Camera {'/'.join(sighting.camera)}: {claim['class']} at ({x:.0f}, {y:.0f}) "
        f"± ({sighting.sigma_px[0]:.0f}, {sighting.sigma_px[1]:.0f}) pixels, pose {claim['pose_version']}"
    )
    return _factor("camera", sighting.confidence, text)


def _place_factors(posterior: Posterior, town: Town, cameras: int) -> list[dict[str, Any]]:
    meet = "One ray crosses" if cameras == 1 else f"Rays of {cameras} cameras meet"
    factors = [
        _factor(
            "geometry",
            1 - posterior.elsewhere,
            f"{meet} {len(posterior.roofs)} possible roofs; poses, origins and hidden points weighed",
        )
    ]
    if posterior.roofs:
        best = town.roofs[posterior.roofs[0]]
        if best.rooftop in town.chimneys:
            factors.append(_factor("chimney", 1.0, f"A chimney is registered on {best.name}"))
        if not best.height_known:
            factors.append(_factor("height", 0.0, f"The height of {best.name} is an assumption"))
    factors.append(_factor("flat_ground", 0.0, "The ground is taken to be flat"))
    return factors


def _factor(word: str, weight: float, text: str) -> dict[str, Any]:
    return {"factor": word, "weight": round(float(weight), 4), "text": text}
