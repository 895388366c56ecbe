"""``smokesentry camera calibrate`` as a person runs it: real processes, real files."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_ingest.geotag.calibration.marks import Mark
from edge.settings import named_pose, read_pose
from edge.site import Site
from lab.calibration_sky import Truth, draw_still, read_catalogue
from smokesentry.settings import load_settings

from .conftest import LAT, LON, SIZE, Street


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("smokesentry")), "camera", "calibrate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)


def write_marks(path: Path, marks: list[Mark]) -> Path:
    names = ("name", "x_px", "y_px", "lat", "lon", "height_m")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerows([[getattr(mark, name) for name in names] for mark in marks])
    return path


@pytest.fixture
def still(tmp_path: Path) -> Path:
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), np.zeros((SIZE[1], SIZE[0]), np.uint8))
    return path


def site_file(path: Path, street: Street) -> Path:
    path.write_text(
        f"camera = 'cam-1'\n[pose]\nplace = {{ lat = {LAT}, lon = {LON} }}\nheight_m = 16.0\nheading_deg = 70.0\n"
        f"tilt_deg = -5.0\nhfov_deg = 64.0\nframe_size = [{SIZE[0]}, {SIZE[1]}]\npose_version = 6\n",
        encoding="utf-8",
    )
    return path


def test_marks_in_a_file_give_a_pose_that_a_site_takes(tmp_path, still, street):
    marks = write_marks(tmp_path / "marks.csv", street.marks(9))
    site, out = site_file(tmp_path / "site.toml", street), tmp_path / "new.toml"
    done = run("--still", still, "--pose", site, "--points", marks, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "heading 7" in done.stdout and "on the ground at 100 m" in done.stdout
    pose = load_settings(out, Site).pose  # what the gateway's own reader says
    assert pose is not None
    assert pose.heading_deg == pytest.approx(street.heading, abs=0.5)
    assert pose.pose_version == 7
    assert pose.covariance is not None
    report = json.loads((tmp_path / "new.report.json").read_text(encoding="utf-8"))
    assert report["method"] == "marks"
    assert len(report["points"]) == 9
    assert report["pose"]["covariance"] == pose.covariance
    again = run("--still", still, "--pose", site, "--points", marks, "--out", out)
    assert again.returncode == 1 and "is there already" in again.stderr


def test_stars_on_the_command_line(tmp_path):
    moment = datetime(2026, 11, 22, 14, 3, 10, tzinfo=UTC)
    truth = Truth(moment, LAT, LON, 300.0, 14.0, -1.0, 70.0, (0.0, 0.0))
    still = draw_still(np.random.default_rng(8), truth, read_catalogue(5.5), limit=4.5)
    path, out = tmp_path / "night.png", tmp_path / "pose.toml"
    cv2.imwrite(str(path), still.picture)
    done = run(
        "--still", path, "--place", f"{LAT},{LON}", "--height", 16, "--at", "2026-11-22T22:03:10+08:00", "--out", out
    )
    assert done.returncode == 0, done.stderr
    assert "stars matched" in done.stdout
    import tomllib

    table = tomllib.loads(out.read_text(encoding="utf-8"))["cameras"]["pose"]
    pose = read_pose(named_pose({"name": "cam-1", "pose": table}, "name")["pose"])
    assert pose is not None
    assert pose.heading_deg == pytest.approx(300.0, abs=0.05)
    assert json.loads((tmp_path / "pose.report.json").read_text(encoding="utf-8"))["method"] == "stars"


def test_what_is_wrong_is_said_in_words(tmp_path, still, street):
    few = write_marks(tmp_path / "few.csv", street.marks(3))
    site = site_file(tmp_path / "site.toml", street)
    lost = tmp_path / "lost.toml"
    lost.write_text(site.read_text(encoding="utf-8").replace(f"lat = {LAT}", "lat = 138.05"), encoding="utf-8")
    text = tmp_path / "text.jpg"
    text.write_text("no picture", encoding="utf-8")
    for arguments, says in (
        (("--still", still, "--pose", site, "--points", few), "at least 4 are needed"),
        (("--still", still, "--points", few), "where does the camera stand?"),
        (("--still", still, "--pose", lost, "--points", few), "place.lat"),
        (("--still", text, "--pose", site, "--points", few), "cannot be read as a picture"),
        (("--still", still, "--pose", site, "--at", "yesterday"), "expected a time with its zone"),
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert says in done.stderr
        assert "Traceback" not in done.stderr
