"""How sure it is that a group's plume is smoke: cameras, the air, and what speaks for a boiler's steam. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_ingest.geotag.air import Rise, Wind, air_factor, placeless_factor
from cloud_ingest.geotag.around import Around
from cloud_ingest.geotag.events import Sighting
from cloud_ingest.geotag.factors import Factor, added_up, log_odds, said
from cloud_ingest.geotag.steam import steam_factors
from cloud_ingest.geotag.town import Town
from smokesentry.clock import from_wire
from smokesentry.weather import Weather

BURNING = frozenset({"smoke", "unresolved", "open_burning"})  # classes that say that something burns, or may
_SECOND_CAMERA = 0.5  # of its confidence, another camera removes from the remaining doubt
_SOON_S = 60.0  # after the first sight: when a rise that a gateway itself has found is taken to begin at the latest

Claim = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Smoke:
    """``unresolved``: what speaks for steam is strong enough to say so."""

    confidence: float
    factors: list[Factor]
    unresolved: bool
    weather: Weather


def judge_smoke(
    claims: Sequence[tuple[Sighting, Claim]],
    chosen: Sequence[Sighting],
    candidates: Sequence[Mapping[str, Any]],
    town: Town | None,
    around: Around,
    gas_share: float,
    start_s: float,
    open_fire: bool = False,
) -> Smoke:
    """Starts from the surest camera; every factor after it says what it moved. ``chosen``: one sighting a camera.

    ``open_fire``: how sure it is that something burns in the open; a boiler's steam is then no question.
    """
    by_id = {sighting.detection_id: claim for sighting, claim in claims}
    seen = [_seen(sighting, by_id[sighting.detection_id]) for sighting in chosen]
    suspects = sorted(
        (s for s in chosen if by_id[s.detection_id]["class"] in BURNING),
        key=lambda s: ((s.open_fire > 0) != open_fire, -s.confidence, s.camera),
    )
    weather = _weather([claim for _, claim in claims])
    if not suspects:
        return Smoke(max(s.confidence for s in chosen), seen, False, weather)
    surest = suspects[0].confidence
    factors, now = list[Factor](), surest
    for other in suspects[1:]:
        after = 1 - (1 - now) * (1 - _SECOND_CAMERA * other.confidence)
        text = "Another camera saw it, too"
        factors.append(Factor("second_camera", log_odds(after) - log_odds(now), text, "smoke"))
        now = after
    air = _air(claims, candidates, town, around, start_s)
    if air is not None:
        factors.append(air)
    against, unresolved = ([], False) if open_fire else steam_factors(around.plumes, gas_share, weather)
    confidence, listed = added_up(surest, [*factors, *against])
    return Smoke(confidence, [*seen, *listed], unresolved, weather)


def _seen(sighting: Sighting, claim: Claim) -> Factor:
    x, y = sighting.origin_px
    text = (
        f"Camera {'/'.join(sighting.camera)}: {claim['class']} at ({x:.0f}, {y:.0f}) "
        f"± ({sighting.sigma_px[0]:.0f}, {sighting.sigma_px[1]:.0f}) pixels, pose {claim['pose_version']}"
    )
    return said("camera", text)


def _weather(claims: Sequence[Claim]) -> Weather:
    """As the newest claim tells that knows both temperature and humidity."""
    telling = [claim for claim in claims if claim.get("temp_c") is not None and claim.get("rh_percent") is not None]
    if not telling:
        return Weather()
    newest = max(telling, key=lambda claim: (claim["last_seen_at"], claim["detection_id"]))
    return Weather(newest["temp_c"], newest["rh_percent"])


def _air(
    claims: Sequence[tuple[Sighting, Claim]],
    candidates: Sequence[Mapping[str, Any]],
    town: Town | None,
    around: Around,
    start_s: float,
) -> Factor | None:
    """Rises in stored telemetry, and those that the gateways found themselves: one a gateway, the gateway's own first,
    since it knows its background by the second."""
    own: dict[str, Rise] = {}
    placeless = 0.0
    wind = around.wind
    for sighting, claim in claims:
        if wind.from_deg is None and claim.get("wind_from_deg") is not None:
            wind = Wind(claim.get("wind_speed_m_s"), claim["wind_from_deg"])
        for cue in claim.get("particulates") or []:
            if sighting.view is None:
                placeless = max(placeless, cue["rise_ug_m3"])
                continue
            x, y, _ = sighting.view.camera.position
            # A cue tells when the rise was looked at, as long as it lasts, not when it began.
            began_s = min(from_wire(cue["at"]).timestamp(), start_s + _SOON_S)
            rise = Rise(sighting.camera[0], float(x), float(y), cue["rise_ug_m3"], began_s)
            held = own.get(rise.gateway)
            own[rise.gateway] = rise if held is None or rise.ug_m3 > held.ug_m3 else held
            if claim.get("wind_from_deg") is not None:  # of the same minutes and place as the rise
                wind = Wind(claim.get("wind_speed_m_s"), claim["wind_from_deg"])
    if town is None or not candidates:
        rises = [rise.ug_m3 for rise in [*own.values(), *around.rises]]
        most = max([placeless, *rises])
        return placeless_factor(most) if most > 0 else None
    rises_all = {rise.gateway: rise for rise in around.rises} | own
    if not rises_all:
        return placeless_factor(placeless) if placeless > 0 else None
    places = [(*town.frame.to_xy(one["lat"], one["lon"]), float(one["probability"])) for one in candidates]
    return air_factor(list(rises_all.values()), places, wind, start_s)
