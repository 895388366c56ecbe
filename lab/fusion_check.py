"""What the factors beside geometry do over simulated winters: the boiler's rhythm, and repeat nights at one roof.

``python -m lab.fusion_check --streets 6 --write docs/fusion.md``. No pictures and no detector: plumes begin and end as
the simulator's households let them, a stated share of them is noticed, and cameras err by a pose that stays wrong all
winter. Everything here is simulated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import atan2, degrees, hypot
from pathlib import Path

import numpy as np
from shapely.geometry import Polygon

from cloud_ingest.geotag.cycles import cycling
from cloud_ingest.geotag.footprints import Roof
from cloud_ingest.geotag.history import Night, repeat_factor
from cloud_ingest.geotag.posterior import Observation, Posterior, locate
from cloud_ingest.geotag.prior import reweighed
from cloud_ingest.geotag.projection import camera_of
from cloud_ingest.geotag.steam import UNRESOLVED_FROM
from cloud_ingest.geotag.town import Town
from cloud_ingest.geotag.view import View, make_view
from lab.report import replace_below
from simulator.pinhole import Pinhole
from simulator.schedule import WinterNight, winter
from simulator.street import Street
from smokesentry.place import CameraPose, Place

_MARK = "<!-- lab/fusion_check.py writes below this line -->"
_NOTICED = (0.3, 0.6, 0.9)  # share of the plumes that a camera reports
_LOST_EVERY_S = 420.0  # how long a stove's plume is held before gusts or darkness lose it, on average
_LOST_FOR_S = (40.0, 300.0)
_PIXEL_PX = 5.0  # error of an origin from plume to plume
_ALONE, _OTHER = "the first camera", "the first camera, the second on every other night"
_FAR = 3.0  # cameras stand this many times as far away: near by, the pictures alone are right
_POSE_DEG = (0.3, 0.6, 1.2)  # true standard deviation of the pose's heading and tilt; the camera says 0.5


@dataclass(frozen=True, slots=True)
class Rhythm:
    """One origin's night: what burned there, and the weight that its rhythm got (None: too little to say)."""

    stove: bool
    noticed: float
    weight: float | None


def rhythms(nights: Iterable[WinterNight], noticed: float, rng: np.random.Generator) -> list[Rhythm]:
    """Every chimney that burns and every boiler's terminal, night by night."""
    found = []
    for night in nights:
        spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for event in night.happenings:
            if event.kind == "boiler" and event.rooftop is not None and rng.random() < noticed:
                delay = float(rng.uniform(10, 60))
                if event.t0_s + delay < event.t1_s:
                    spans.setdefault(("boiler", event.rooftop), []).append((event.t0_s + delay, event.t1_s))
            elif event.kind == "stove" and event.rooftop is not None:
                spans.setdefault(("stove", event.rooftop), []).extend(_fragments(event.t0_s, event.t1_s, noticed, rng))
        for (kind, _), mine in spans.items():
            if mine:
                cycle = cycling(mine)
                found.append(Rhythm(kind == "stove", noticed, None if cycle is None else cycle.weight))
    return found


def _fragments(t0_s: float, t1_s: float, noticed: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """One burst as a camera tells it: lost and found again, each piece reported by chance."""
    found, t = [], t0_s + float(rng.uniform(20, 120))
    while t < t1_s - 30:
        end = min(t + float(rng.exponential(_LOST_EVERY_S)) + 30, t1_s)
        if rng.random() < noticed:
            found.append((t, end))
        t = end + float(rng.uniform(*_LOST_FOR_S))
    return found


@dataclass(frozen=True, slots=True)
class Named:
    """One burning night of a roof: what was named with and without history, one camera or a second on some nights."""

    pose_deg: float
    setup: str
    right_alone: bool
    right_after: bool
    said_alone: float
    said_after: float


def named(street: Street, nights: Sequence[WinterNight], pose_deg: float, rng: np.random.Generator) -> list[Named]:
    """Follows every burning household through the winter with poses that are wrong the same way every night."""
    town = _town(street)
    views = {name: _view(street, name, town, pose_deg, rng) for name in sorted(street.cameras)}
    names = sorted(views)
    number = {roof.rooftop: k for k, roof in enumerate(street.roofs)}
    by_id = {roof.rooftop: k for k, roof in enumerate(town.roofs)}
    found = []
    for setup in (_ALONE, _OTHER):
        earlier: dict[str, list[Night]] = {}
        for night in nights:
            burned = {e.rooftop for e in night.happenings if e.kind == "stove" and e.rooftop is not None}
            tonight: list[tuple[str, Night]] = []
            for rooftop in sorted(burned, key=lambda r: number[r]):
                second = setup == _OTHER and rng.random() < 0.5
                used = [names[1]] if second else [names[0]]
                posterior = _seen(street, rooftop, views, used, rng)
                if posterior is None or not posterior.roofs:
                    continue
                poses = frozenset(f"{name}/cam/1" for name in used)
                after = _with_history(posterior, town, earlier, night, poses, views[used[0]])
                truth = by_id[rooftop]
                for roof, p in zip(posterior.roofs, posterior.probabilities, strict=True):
                    if p >= 0.05:
                        tonight.append((town.roofs[roof].rooftop, Night(night.evening, p, 0.9, poses)))
                if not second:
                    found.append(
                        Named(
                            pose_deg, setup, posterior.roofs[0] == truth, after.roofs[0] == truth,
                            posterior.probabilities[0], after.probabilities[0],
                        )
                    )  # fmt: skip
            for rooftop, one in tonight:
                earlier.setdefault(rooftop, []).append(one)
    return found


def _with_history(
    posterior: Posterior,
    town: Town,
    earlier: dict[str, list[Night]],
    night: WinterNight,
    poses: frozenset[str],
    view: View,
) -> Posterior:
    weights = {}
    for roof in posterior.roofs:
        rooftop = town.roofs[roof].rooftop
        factor = repeat_factor(earlier.get(rooftop, []), night.evening, poses, [], rooftop, rooftop)
        if factor is not None:
            weights[roof] = factor.weight
    return reweighed(posterior, weights, len(view.roofs))


def _seen(
    street: Street, rooftop: str, views: dict[str, View], used: Sequence[str], rng: np.random.Generator
) -> Posterior | None:
    roof = next(roof for roof in street.roofs if roof.rooftop == rooftop)
    observations = []
    for name in used:
        eye = _eye(street, name)
        pixels, depth = eye.project(np.array([roof.chimney.mouth]))
        width, height = eye.size
        x, y = pixels[0] + rng.normal(0, _PIXEL_PX, 2)
        if depth[0] > 0 and 0 < x < width and 0 < y < height:
            observations.append(Observation(views[name], (float(x), float(y)), (_PIXEL_PX, _PIXEL_PX)))
    return locate(observations) if observations else None


def _town(street: Street) -> Town:
    """The ledger without chimneys: the harder case, in which history may matter."""
    roofs = []
    for roof in street.roofs:
        corners = [
            roof.at(across, along, 0.0) for across, along in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
        ]
        ring = [street.origin.lon_lat(x, y) for x, y, _ in corners]
        roofs.append(Roof(roof.rooftop, roof.rooftop, Polygon(ring), roof.ridge_m, True))
    return Town.build(1, roofs, [])


def _eye(street: Street, name: str) -> Pinhole:
    """The street's camera, moved away and turned to the street's middle."""
    near = street.cameras[name]
    x, y, z = near.place[0] * _FAR, near.place[1] * _FAR, near.place[2] + 4.0
    heading, tilt = degrees(atan2(-x, -y)) % 360, -degrees(atan2(z - 4.0, hypot(x, y)))
    return replace(near, place=(x, y, z), heading_deg=heading, tilt_deg=tilt)


def _view(street: Street, name: str, town: Town, pose_deg: float, rng: np.random.Generator) -> View:
    eye = _eye(street, name)
    lon, lat = street.origin.lon_lat(eye.place[0], eye.place[1])
    wrong = rng.standard_t(4, 2) * pose_deg
    pose = CameraPose(
        camera="cam", pose_version=1, place=Place(lat, lon), height_m=eye.place[2],
        heading_deg=float((eye.heading_deg + wrong[0]) % 360), tilt_deg=float(eye.tilt_deg + wrong[1] / 2),
        roll_deg=eye.roll_deg, hfov_deg=eye.hfov_deg, frame_size=eye.size, sigma_heading_deg=0.5, sigma_tilt_deg=0.25,
    )  # fmt: skip
    x, y = town.frame.to_xy(lat, lon)
    return make_view(town, camera_of(pose, x, y, town.frame.north_deg(lat, lon)))


def report(streets: int, every: int, seed: int) -> list[str]:
    """The page's lines."""
    all_rhythms: list[Rhythm] = []
    all_named: list[Named] = []
    for k in range(streets):
        rng = np.random.default_rng([seed, k])
        nights = winter(seed + k)
        for noticed in _NOTICED:
            all_rhythms += rhythms(nights[::every], noticed, rng)
        for pose_deg in _POSE_DEG:
            all_named += named(nights[0].street, nights, pose_deg, rng)
        print(f"street {k + 1} of {streets}", file=sys.stderr, flush=True)
    command = f"python -m lab.fusion_check --streets {streets} --every {every} --seed {seed}"
    return [*_rhythm_lines(all_rhythms, command), "", *_named_lines(all_named)]


def _rhythm_lines(found: Sequence[Rhythm], command: str) -> list[str]:
    lines = [
        f"`{command}`. Simulated. *Told*: the rhythm's weight is {UNRESOLVED_FROM:g} or less by the",
        "night's end, so that smoke would be called unresolved where the weather permits.",
        "",
        "| plumes noticed | boilers' nights | of these told | median weight | stoves' nights | of these told |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for noticed in _NOTICED:
        cells = [f"{noticed:.0%}"]
        for stove in (False, True):
            mine = [one.weight for one in found if one.stove is stove and one.noticed == noticed]
            told = sum(weight is not None and weight <= UNRESOLVED_FROM for weight in mine)
            cells += [str(len(mine)), f"{100 * told / max(len(mine), 1):.1f} %"]
            if not stove:
                cells.append(f"{float(np.median([weight or 0.0 for weight in mine])):.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _named_lines(found: Sequence[Named]) -> list[str]:
    lines = [
        "First roof right, in percent of burning nights seen by the first camera alone, whose pose errs the same way",
        f"all winter; cameras {_FAR:g} times as far away as the street's own, no chimneys registered. *Said*: the mean",
        "probability given to the roof named first.",
        "",
        "| true pose error | earlier nights by | n | pictures alone: right | said | with history: right | said |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for pose_deg in _POSE_DEG:
        for setup in dict.fromkeys(one.setup for one in found):
            mine = [one for one in found if one.pose_deg == pose_deg and one.setup == setup]
            if not mine:
                continue
            figures = [
                100 * float(np.mean([getattr(one, name) for one in mine]))
                for name in ("right_alone", "said_alone", "right_after", "said_after")
            ]
            lines.append(f"| {pose_deg}° | {setup} | {len(mine)} | " + " | ".join(f"{f:.1f}" for f in figures) + " |")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints, or writes below the page's mark."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--streets", type=int, default=6)
    parser.add_argument("--every", type=int, default=4, help="rhythms: every so many nights of a winter")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args(argv)
    lines = report(arguments.streets, arguments.every, arguments.seed)
    if arguments.write is None:
        print("\n".join(lines))
        return 0
    try:
        replace_below(arguments.write, _MARK, "\n".join(lines) + "\n")
    except ValueError as error:
        raise SystemExit(str(error)) from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
