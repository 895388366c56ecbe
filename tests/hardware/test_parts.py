"""The bill of materials and the lens arithmetic."""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from pathlib import Path

import pytest

from hardware.bom import BUILDS, load_bom, power_budget_w
from hardware.optics import CAMERAS, DETECTOR_WIDTH_PX, plume_snr, table

ROOT = Path(__file__).parents[2]


def _has_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_every_part_is_named_in_both_languages_and_says_why_it_is_there() -> None:
    for part in load_bom().values():
        assert not _has_chinese(part.name_en), part.id
        assert _has_chinese(part.name_zh), part.id
        assert part.note.endswith("."), part.id
        assert part.supply_v is not None or part.power_w == 0, part.id


def test_the_standard_build_has_what_the_design_asks_for() -> None:
    bom = load_bom()
    for build in BUILDS:
        parts = {part.id for part in bom.values() if build in part.builds}
        assert {"computer", "storage", "rtc", "camera", "pms5003t", "sds011", "enclosure", "power", "modem"} <= parts
    assert bom["rtc"].supply_v == 3.3
    assert "usb-serial" not in {part.id for part in bom.values() if "uart" in part.builds}


@pytest.mark.parametrize("build", BUILDS)
def test_the_12_v_supply_carries_everything_with_a_third_to_spare(build: str) -> None:
    assert "12 V 8 A" in load_bom()["power"].name_en
    assert power_budget_w(build) < 12 * 8 * 2 / 3


def test_a_lens_is_computed_as_geometry_says() -> None:
    camera = replace(CAMERAS[2], focal_mm=2.784)  # half the sensor's 5.568 mm: 45 degrees to each side
    assert isclose(camera.hfov_deg, 90.0)
    assert isclose(camera.pixels_per_m(100) * 200, 1920, rel_tol=1e-9)  # at 100 m it sees 200 m


def test_light_and_signal_follow_their_laws() -> None:
    camera = CAMERAS[0]
    wide_open, stopped_down = (replace(camera, f_number=f).electrons(0.02, 0.25) for f in (1.0, 2.0))
    assert isclose(wide_open, 4 * stopped_down)
    # 0.02 cd/m² through 0.85 at f/1: 0.0134 lx, that is 5.5e13 photons/(s m²), on 8.41e-12 m² in 1/4 s at 60 %: 69
    assert isclose(wide_open, 68.9, rel_tol=0.01)
    case = {"opacity": 0.03, "luminance_cd_m2": 0.02, "exposure_s": 0.25, "width_m": 0.5, "height_m": 1.0}
    near = plume_snr(camera, 100, frames=1, **case)
    assert isclose(plume_snr(camera, 100, frames=4, **case), 2 * near)
    assert isclose(plume_snr(camera, 200, frames=4, **case), near)
    assert plume_snr(camera, 100, frames=4, **{**case, "opacity": 0.0}) == 0.0


def test_the_chosen_lenses_show_a_plume_at_100_m_to_the_detector() -> None:
    for camera in CAMERAS[:5]:
        assert 0.5 * camera.pixels_per_m(100) * DETECTOR_WIDTH_PX / camera.width_px > 6


def test_the_documentation_shows_the_computed_table() -> None:
    assert table() in (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")
