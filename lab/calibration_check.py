"""How well poses are found, from marks and from stars, and whether the covariance is honest.

``python -m lab.calibration_check --write docs/calibration.md``. Marks: pixels by the simulator. Stars: positions
by ERFA, pixels by OpenCV (:mod:`lab.calibration_sky`). Neither shares code with what is judged.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from math import radians
from pathlib import Path

import numpy as np

from cloud_ingest.geotag.calibration.known import Known
from cloud_ingest.geotag.calibration.marks import CannotCalibrate, Mark
from cloud_ingest.geotag.calibration.run import by_marks, by_stars
from lab.calibration_sky import draw_still, draw_truth, read_catalogue
from lab.report import replace_below
from simulator.geodesy import Origin
from simulator.pinhole import Pinhole
from smokesentry.place import CameraPose, Place

_MARK = "<!-- lab/calibration_check.py writes below this line -->"
_ORIGIN = Origin(38.4, 115.3)
_SIZE = (1280, 720)
_FIVE = 11.07  # 95 % of chi-square with five degrees of freedom
_CLICKS, _MAPS = (0.5, 1.5, 3.0), (0.3, 1.0)


@dataclass
class Row:
    """What one kind of scene gave; errors and sigmas in degrees, seconds of the process's own time."""

    tried: int = 0
    refused: int = 0
    wrong: int = 0  # a pose that is far off and was believed
    named: int = 0  # of wrong marks
    honest: int = 0  # errors inside the 95 % region that the covariance states
    heading: list[float] = field(default_factory=list)
    tilt: list[float] = field(default_factory=list)
    said: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Runs the scenes and prints or writes the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="of marks, for each kind")
    parser.add_argument("--skies", type=int, default=40, help="for each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="a Markdown file with the marker line; what follows it is replaced")
    options = parser.parse_args()
    text = _marks_table(options.scenes, options.seed) + "\n" + _stars_table(options.skies, options.seed)
    ran = f"`python -m lab.calibration_check --scenes {options.scenes} --skies {options.skies} --seed {options.seed}`"
    text = f"{ran}:\n\n{text}"
    if options.write is None:
        print(text)
        return
    try:
        replace_below(options.write, _MARK, text)
    except ValueError as error:
        parser.error(str(error))


def _marks_table(scenes: int, seed: int) -> str:
    lines = [
        "Marks: a random camera 8–25 m up, its place known to 3 m, its height to 1.5 m, its field of view not at all;"
        " marks 30–250 m away, spread over the picture. Medians of absolute errors. *Inside 95 %*: the share of poses"
        " whose errors (height, heading, tilt, roll, field of view together) lie where the covariance says 95 % lie."
        " *Named*: of single wrong marks.",
        "",
        "| marks | click, px | map, m | n | refused | heading, ° | stated, ° | tilt, ° | inside 95 % | named | CPU s |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for count, click, off in [(8, c, m) for c in _CLICKS for m in _MAPS] + [
        (4, 1.5, 0.3),
        (6, 1.5, 0.3),
        (12, 1.5, 0.3),
    ]:
        row = _run(scenes, seed, partial(_one_of_marks, count=count, click=click, off=off, slip=False))
        _add(lines, _line([str(count), str(click), str(off)], row, "–"))
    for count in (6, 8, 12):
        row = _run(scenes, seed, partial(_one_of_marks, count=count, click=1.5, off=0.3, slip=True))
        named = f"{100 * row.named / max(row.tried - row.refused, 1):.0f} %"
        _add(lines, _line([f"{count}, one wrong", "1.5", "0.3"], row, named))
    return "\n".join(lines) + "\n"


def _stars_table(skies: int, seed: int) -> str:
    catalogue = read_catalogue(6.0)
    lines = [
        "Stars: random nights and places of northern China, 5° down to 25° up, 45–95° of view, thin cloud, aircraft,"
        " distant lamps, hot pixels, a lit town below; nothing is known of where the camera looks. *Limit*: the"
        " magnitude that stands six noises high. *False*: a turn that is more than 0.5° off and was believed.",
        "",
        "| sky | n | solved | refused | false | heading, ° | stated, ° | tilt, ° | inside 95 % | CPU s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    kinds: list[tuple[str, float, float, bool, bool]] = [
        ("limit 3–3.5", 3.0, 3.5, False, True), ("limit 3.5–4.2", 3.5, 4.2, False, True),
        ("limit 4.2–5", 4.2, 5.0, False, True), ("limit 3.5–5, a lens that bends", 3.5, 5.0, True, True),
        ("as many points, no stars", 3.5, 5.0, False, False),
    ]  # fmt: skip
    for name, low, high, bent, stars in kinds:
        one = partial(_one_of_stars, catalogue=catalogue, limits=(low, high), bent=bent, stars=stars)
        row = _run(skies, seed, one)
        solved = row.tried - row.refused
        cells = [name, str(row.tried), str(solved - row.wrong), str(row.refused), str(row.wrong), *_errors(row, solved)]
        _add(lines, f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _add(lines: list[str], line: str) -> None:
    """Also for whoever waits."""
    print(line, flush=True)
    lines.append(line)


def _run(count: int, seed: int, one: Callable[[np.random.Generator, Row], None]) -> Row:
    row, rng = Row(), np.random.default_rng(seed)
    for _ in range(count):
        row.tried += 1
        one(rng, row)
    return row


def _line(cells: list[str], row: Row, named: str) -> str:
    errors = _errors(row, row.tried - row.refused)
    return f"| {' | '.join([*cells, str(row.tried), str(row.refused), *errors[:-1], named, errors[-1]])} |"


def _errors(row: Row, solved: int) -> list[str]:
    if not row.heading:
        return ["–", "–", "–", "–", f"{np.median(row.seconds):.2f}"]
    return [
        f"{np.median(row.heading):.3f}", f"{np.median(row.said):.3f}", f"{np.median(row.tilt):.3f}",
        f"{100 * row.honest / solved:.0f} %", f"{np.median(row.seconds):.2f}",
    ]  # fmt: skip


def _one_of_marks(rng: np.random.Generator, row: Row, count: int, click: float, off: float, *, slip: bool) -> None:
    height = float(rng.uniform(8, 25))
    camera = Pinhole(
        (0.0, 0.0, height), float(rng.uniform(0, 360)), float(rng.uniform(-18, -3)), float(rng.normal(0, 2)),
        float(rng.uniform(45, 95)), _SIZE,
    )  # fmt: skip
    marks = _marks(rng, camera, count, click, off)
    bad = int(rng.integers(0, count)) if slip else None
    if bad is not None:  # on another corner: some way off in the picture
        angle, far = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(60, 300))
        x = float(np.clip(marks[bad].x_px + far * np.cos(angle), 1, 1279))
        marks[bad] = replace(marks[bad], x_px=x, y_px=float(np.clip(marks[bad].y_px + far * np.sin(angle), 1, 719)))
    lon, lat = _ORIGIN.lon_lat(*rng.normal(0, 3, 2).tolist())
    known = Known("cam-1", Place(lat, lon), height + float(rng.normal(0, 1.5)))
    began = time.process_time()
    try:
        found = by_marks(known, marks, _SIZE)
    except CannotCalibrate:
        row.refused += 1
        return
    finally:
        row.seconds.append(time.process_time() - began)
    row.named += bad is not None and found.report["wrong"] == marks[bad].name
    _note(row, found.pose, camera)


def _marks(rng: np.random.Generator, camera: Pinhole, count: int, click: float, off: float) -> list[Mark]:
    found: list[Mark] = []
    while len(found) < count:
        azimuth = radians(camera.heading_deg + float(rng.uniform(-0.5, 0.5)) * camera.hfov_deg)
        away, up = float(rng.uniform(30, 250)), float(rng.choice([0.0, rng.uniform(3, 8), rng.uniform(8, 30)]))
        point = np.array([away * np.sin(azimuth), away * np.cos(azimuth), up])
        pixel, depth = camera.project(point[None])
        x, y = pixel[0] + rng.normal(0, click, 2)
        if depth[0] > 1 and 0 < x < _SIZE[0] and 0 < y < _SIZE[1]:
            east, north, height = point + rng.normal(0, off, 3)
            lon, lat = _ORIGIN.lon_lat(float(east), float(north))
            found.append(Mark(f"mark {len(found)}", float(x), float(y), lat, lon, float(height), click, off, off))
    return found


def _one_of_stars(
    rng: np.random.Generator, row: Row, catalogue: np.ndarray, limits: tuple[float, float], bent: bool, stars: bool
) -> None:
    truth = draw_truth(rng, bent=bent)
    still = draw_still(rng, truth, catalogue, limit=float(rng.uniform(*limits)), stars=stars)
    began = time.process_time()
    try:
        found = by_stars(Known("cam-1", Place(truth.lat, truth.lon), 12.0), still.picture.astype(float), truth.moment)
    except CannotCalibrate:
        row.refused += 1
        return
    finally:
        row.seconds.append(time.process_time() - began)
    camera = Pinhole((0, 0, 12.0), truth.heading_deg, truth.tilt_deg, truth.roll_deg, truth.hfov_deg, _SIZE)
    _note(row, found.pose, camera)


def _note(row: Row, pose: CameraPose, camera: Pinhole) -> None:
    off = np.array(
        [
            pose.height_m - camera.place[2], (pose.heading_deg - camera.heading_deg + 180) % 360 - 180,
            pose.tilt_deg - camera.tilt_deg, pose.roll_deg - camera.roll_deg, pose.hfov_deg - camera.hfov_deg,
        ]
    )  # fmt: skip
    covariance = np.array(pose.covariance)[2:, 2:]
    row.honest += bool(off @ np.linalg.solve(covariance, off) < _FIVE)
    row.wrong += bool(max(abs(off[1]), abs(off[2])) > 0.5)
    row.heading.append(abs(float(off[1])))
    row.tilt.append(abs(float(off[2])))
    row.said.append(float(np.sqrt(covariance[1, 1])))


if __name__ == "__main__":
    main()
