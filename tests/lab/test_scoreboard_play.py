"""One short window through the whole chain, and claims told apart by what was really there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lab.scoreboard.cloud import Cloud
from lab.scoreboard.installed import installed_pose
from lab.scoreboard.play import play
from lab.scoreboard.sampling import AFTER_S, AROUND_FIRES, BEFORE_S, CELL_S, LEAD_S, Window
from lab.scoreboard.scene import FRAME_SIZE
from lab.scoreboard.sights import BURNING, NOTHING, Sights
from lab.scoreboard.strips import Claimed, strip, write_strip
from lab.scoreboard.suite import CELLS, FIRES, draw_suite, night_of, versions
from simulator.happenings import Happening
from simulator.pinhole import Pinhole
from simulator.street import build_street
from simulator.truth import PlumeTruth, Source

CAMERA = Pinhole((0.0, 0.0, 12.0), 0.0, -5.0, 0.0, 50.0, FRAME_SIZE)
STOVE, BOILER = Source("r-01", "stove", "raw_coal"), Source("r-02", "boiler", "gas")


def plume(source: Source, x: float, contrast: float = 6.0) -> PlumeTruth:
    return PlumeTruth((x, 150.0), 0.25, (20, 30), 300, contrast, 8.0, source)


def sights(contrast: float = 6.0) -> Sights:
    found = Sights("gw-east", CAMERA, 2.0)
    for frame in range(60):
        found.note(100 + frame / 2, [plume(STOVE, 200.0, contrast), plume(BOILER, 420.0)])
    return found


def test_a_claim_is_about_the_plume_at_its_place_and_time() -> None:
    found = sights()
    assert found.source_at((205, 148), 110, 120) == STOVE
    assert found.source_at((418, 160), 110, 120) == BOILER
    assert found.source_at((310, 150), 110, 120) is None
    assert found.source_at((205, 148), 300, 320) is None


def test_a_claim_is_about_what_could_be_seen_though_something_unseen_lies_nearer() -> None:
    def about(hidden: Source, shown: Source) -> Source | None:
        found = Sights("gw-east", CAMERA, 2.0)
        for frame in range(60):
            found.note(frame / 2, [plume(hidden, 210.0, 0.0), plume(shown, 232.0)])
        return found.source_at((220.0, 150.0), 10, 20)

    assert about(STOVE, BOILER) == BOILER
    assert about(BOILER, STOVE) == STOVE
    found = Sights("gw-east", CAMERA, 2.0)
    found.note(5.0, [plume(STOVE, 210.0, 0.5)])
    assert found.source_at((220.0, 150.0), 4, 20) == STOVE  # nothing else was there


def test_what_is_no_plume_is_found_by_place_or_by_lying_over_everything() -> None:
    tree = Happening("swaying", 0, 1000, 0.2, place=(0.0, 60.0, 6.0))
    (x, y), *_ = CAMERA.project(np.array([[0.0, 60.0, 6.0]]))[0]
    rain, other = Happening("rain", 0, 1000, 2.0), Happening("frost", 0, 1000, 0.5, gateway="gw-west")
    found = sights()
    assert found.other_at((x + 5, y), [tree, rain, other], 100, 110) == "swaying"
    assert found.other_at((x + 300, y), [tree, rain, other], 100, 110) == "rain"
    assert found.other_at((x + 300, y), [tree, other], 100, 110) == NOTHING
    assert found.other_at((x, y), [tree], 5000, 5010) == NOTHING


def test_a_flag_beside_a_boiler_is_not_booked_on_its_steam_and_smoke_stays_smoke() -> None:
    (x, y), *_ = CAMERA.project(np.array([[0.0, 60.0, 6.0]]))[0]
    found = Sights("gw-east", CAMERA, 2.0)
    for frame in range(60):
        found.note(100 + frame / 2, [PlumeTruth((x - 30, y), 0.25, (20, 30), 300, 6.0, 8.0, BOILER)])
    flag = Happening("swaying", 0, 1000, 0.2, place=(0.0, 60.0, 6.0))
    lamp = Happening("light_switch", 0, 1000, 20.0, place=(0.0, 60.0, 6.0))  # burns all the time: still
    assert found.source_at((x - 5, y), 110, 120) == BOILER
    assert found.source_at((x - 5, y), 110, 120, [lamp]) == BOILER
    assert found.source_at((x - 5, y), 110, 120, [flag]) is None
    assert found.source_at((x - 25, y), 110, 120, [flag]) == BOILER
    found.note(115, [PlumeTruth((x - 30, y), 0.25, (20, 30), 300, 6.0, 8.0, STOVE)])
    found.plumes.pop(BOILER)
    assert found.source_at((x - 5, y), 110, 120, [flag]) == STOVE


def test_judgeable_needs_contrast_for_ten_seconds() -> None:
    assert sights().plumes[STOVE].first_judgeable_s(2.0) == 100
    assert sights(contrast=1.9).plumes[STOVE].first_judgeable_s(2.0) is None
    brief = Sights("gw-east", CAMERA, 2.0)
    for frame in range(19):
        brief.note(frame / 2, [plume(STOVE, 200.0)])
    assert brief.plumes[STOVE].first_judgeable_s(2.0) is None


def test_smoke_from_beyond_the_town_is_a_confuser() -> None:
    assert "stove" in BURNING
    assert "far_stove" not in BURNING
    assert "boiler" not in BURNING


def test_installed_poses_have_errors_of_the_stated_size_and_long_tails() -> None:
    offs = []
    for seed in range(16):
        street = build_street(seed)
        for gateway, camera in street.cameras.items():
            pose = installed_pose(street, gateway, FRAME_SIZE)
            off = (pose.heading_deg - camera.heading_deg + 180) % 360 - 180
            offs.append(off / pose.sigma_heading_deg)
            assert pose.frame_size == FRAME_SIZE
    assert 0.5 < np.median(np.abs(offs)) < 1.1
    assert np.abs(offs).max() > 2.5


@pytest.fixture(scope="module")
def window() -> Window:
    """The first fire of the suite's first night, cut short."""
    night = night_of(0)
    fire = next(event for event in night.happenings if event.kind == "stove" and event.t0_s > 4000)
    return Window(0, fire.t0_s - 15, fire.t0_s + 20, fire.t0_s, AROUND_FIRES, 3.0, (fire,))


def test_a_window_goes_through_the_whole_chain(window: Window, tmp_path: Path) -> None:
    cloud = Cloud(tmp_path)
    row = play(window, night_of(0), cloud, "n0-w0", 1.0)
    cloud.close()
    assert row.frames == 2 * 35
    assert [watch.gateway for watch in row.watches] == night_of(0).gateways
    for watch in row.watches:
        assert watch.judged_s + watch.refused_s + watch.blind_judged_s + watch.blind_refused_s == pytest.approx(20)
    (event,) = row.events
    assert event.rooftop == window.targets[0].rooftop
    assert {alert.cause for alert in row.alerts} <= {"burning", NOTHING, *row.present}
    assert row.weight == 3.0
    assert "stove" in row.present


def test_the_suite_is_twenty_camera_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 * (FIRES * (BEFORE_S + AFTER_S) + CELLS * (LEAD_S + CELL_S)) / 3600 == 20
    monkeypatch.setattr("lab.scoreboard.suite.STREETS", 2)
    suite = draw_suite(1.0, lambda _: None)
    assert suite.camera_hours > 80
    assert len(suite.windows) > 100
    assert [figure.name for figure in versions()] == ["version: suite", "version: judgeable"]


def test_a_false_alert_leaves_a_picture_of_what_fired(tmp_path: Path) -> None:
    frames = [(100.0 + t, np.full((360, 640), 3 * t, np.uint8)) for t in range(40)]
    claimed = Claimed("gw-east", (5.0, 350.0), 120.0, 130.0)  # at the frame's corner: the crop is moved inside
    write_strip(frames, claimed, "boiler: night 3", tmp_path / "boiler" / "n3.jpg")
    picture = cv2.imread(str(tmp_path / "boiler" / "n3.jpg"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    first, last = picture[150, 20], picture[150, picture.shape[1] - 20]
    assert (int(first), int(last)) == pytest.approx((3 * 12, 3 * 34), abs=4)  # from before it until after it was said
    assert strip(frames[:1], claimed, "").shape == picture.shape
