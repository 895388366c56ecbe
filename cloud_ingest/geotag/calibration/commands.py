"""``smokesentry camera calibrate``: where a camera stands and looks, from marks in its picture or from stars."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud_ingest.geotag.calibration.run import Calibrated

_EPILOG = """\
in the browser:   smokesentry camera calibrate --still DAY.jpg --pose gateway.toml --footprints town.geojson
marks in a file:  smokesentry camera calibrate --still DAY.jpg --pose gateway.toml --points marks.csv
by the stars:     smokesentry camera calibrate --still NIGHT.jpg --pose gateway.toml --at 2026-11-22T14:03:10Z
with --out pose.toml it is written down; docs/calibration.md tells more."""


def main(argv: list[str]) -> int:
    """finds where a camera stands and looks: marks on a still and a map, or stars"""
    parser = argparse.ArgumentParser(prog="smokesentry camera", description=main.__doc__)
    orders = parser.add_subparsers(dest="order", required=True)
    one = orders.add_parser(
        "calibrate", help="solve a pose", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one.add_argument(
        "--still",
        type=Path,
        action="append",
        required=True,
        help="a picture of the camera's full frame; several for faint stars",
    )
    one.add_argument(
        "--pose", type=Path, metavar="TOML", help="gateway configuration or site file with the pose so far"
    )
    one.add_argument("--camera", metavar="NAME", help="which camera, if the file has several")
    one.add_argument("--place", metavar="LAT,LON", help="of the camera, WGS-84, if no file says it")
    one.add_argument("--height", type=float, metavar="M", help="of the lens above ground")
    one.add_argument("--hfov", type=float, metavar="DEG", help="horizontal field of view, if the lens's sheet tells it")
    one.add_argument("--place-sigma", type=float, metavar="M", help="how well the place is known (3)")
    one.add_argument("--points", type=Path, metavar="CSV", help="marks: name,x_px,y_px,lat,lon,height_m")
    one.add_argument("--at", metavar="TIME", help="by the stars: when the still was taken, as 2026-11-22T14:03:10Z")
    one.add_argument("--footprints", type=Path, metavar="GEOJSON", help="for the map in the browser")
    one.add_argument(
        "--listen", default="127.0.0.1:8790", metavar="HOST:PORT", help="of the browser's page (127.0.0.1:8790)"
    )
    one.add_argument("--out", type=Path, metavar="TOML", help="where the pose goes; it must not be there yet")
    one.add_argument("--report", type=Path, metavar="JSON", help="where the report goes (OUT with .report.json)")
    options = parser.parse_args(argv)
    from cloud_ingest.geotag.calibration.marks import CannotCalibrate

    try:
        return _calibrate(options)
    except CannotCalibrate as error:
        print(f"smokesentry camera calibrate: {error}", file=sys.stderr)
        return 1


def _calibrate(options: argparse.Namespace) -> int:
    from cloud_ingest.geotag.calibration.known import given, read_known, read_place, read_still
    from cloud_ingest.geotag.calibration.marks import CannotCalibrate, read_marks
    from cloud_ingest.geotag.calibration.run import by_marks, by_stars
    from cloud_ingest.geotag.calibration.spots import stack

    for path in (options.out, _report_path(options)):
        if path is not None and path.exists():
            raise CannotCalibrate(f"{path}: is there already; move it away, or name another")
    known = given(
        None if options.pose is None else read_known(options.pose, options.camera), options.camera,
        None if options.place is None else read_place(options.place), options.height, options.hfov, options.place_sigma,
    )  # fmt: skip
    grey = read_still(options.still[0])
    size = (grey.shape[1], grey.shape[0])
    found: Calibrated | None = None
    if options.at is not None:
        moment = _moment(options.at)
        try:
            picture = stack([grey, *(read_still(path) for path in options.still[1:])])
        except ValueError as error:
            raise CannotCalibrate(str(error)) from error
        found = by_stars(known, picture, moment)
    if options.points is not None:
        found = by_marks(known, read_marks(_text(options.points)), size, None if found is None else found.fit)
    if found is None:
        from cloud_ingest.geotag.calibration.page import serve

        return serve(
            known, options.still[0], size, options.footprints, options.listen, options.out, _report_path(options)
        )
    _tell(found)
    if options.out is not None:
        save(found, known.table, options.out, _report_path(options))
        print(f"pose: {options.out}\nreport: {_report_path(options)}")
    return 0


def save(found: Calibrated, table: str, out: Path, report: Path | None) -> None:
    """Writes pose and report, never over others. Raises :class:`CannotCalibrate` when they cannot be written."""
    from cloud_ingest.geotag.calibration.documents import pose_toml
    from cloud_ingest.geotag.calibration.marks import CannotCalibrate

    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    notes = [f"calibrated {at} by {found.report['method']}; put it in the place of the table of this name"]
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(pose_toml(found.pose, table, notes))
        if report is not None:
            with report.open("x", encoding="utf-8") as file:
                file.write(json.dumps(found.report, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise CannotCalibrate(f"{error.filename}: cannot be written ({error.strerror})") from error


def _report_path(options: argparse.Namespace) -> Path | None:
    if options.report is not None:
        return Path(options.report)
    return None if options.out is None else Path(options.out).with_suffix(".report.json")


def _moment(text: str) -> datetime:
    from cloud_ingest.geotag.calibration.marks import CannotCalibrate

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None or not 1950 < moment.year < 2150:
        raise CannotCalibrate(f"--at {text[:60]!r}: expected a time with its zone, as 2026-11-22T14:03:10Z")
    return moment.astimezone(UTC)


def _text(path: Path) -> str:
    from cloud_ingest.geotag.calibration.marks import CannotCalibrate

    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CannotCalibrate(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CannotCalibrate(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _tell(found: Calibrated) -> None:
    pose, report = found.pose, found.report
    sigma = report["sigma"]
    print(f"by {report['method']}: residual {report['rms_px']} px (root mean square)")
    if "stars_matched" in report:
        print(f"  {report['stars_matched']} stars matched of {report['star_like_points']} star-like points")
        print(f"  chance of a match as good: 1 in 10^{-report['log10_chance']:.0f}; clock {report['clock']}")
    for point in report["points"] if "stars_matched" not in report else []:
        off = point["residual_px"]
        told = "not in view" if off is None else f"{off[0]:+6.1f} {off[1]:+6.1f} px"
        print(f"  {told}  {point['name']}{'' if point['used'] else '   WRONG: left out; look at it again'}")
    print(
        f"heading {pose.heading_deg:.2f} ± {sigma['heading_deg']:.2f}°, tilt {pose.tilt_deg:.2f} ±"
        f" {sigma['tilt_deg']:.2f}°, roll {pose.roll_deg:.2f} ± {sigma['roll_deg']:.2f}°, view {pose.hfov_deg:.2f} ±"
        f" {sigma['hfov_deg']:.2f}°"
    )
    print(
        f"place {pose.place.lat:.6f}, {pose.place.lon:.6f} ± {sigma['east_m']:.2f} m east, {sigma['north_m']:.2f} m"
        f" north; height {pose.height_m:.2f} ± {sigma['height_m']:.2f} m"
    )
    for one in report["ground_ellipses_95"]:
        print(f"  on the ground at {one['range_m']:.0f} m: ± {one['major_m']:.1f} m by {one['minor_m']:.1f} m (95 %)")
