"""What a plume measures in a picture drawn by hand, and where the line of judgeable runs."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.happenings import Happening
from simulator.truth import (
    LEAST_ACROSS_PX,
    LEAST_CONTRAST_KEPT,
    LEAST_CONTRAST_TO_NOISE,
    PlumeTruth,
    contrast_kept,
    judgeable_s,
    measure_plume,
)


def column(width: int, change: float) -> PlumeTruth:
    """A plume ``width`` pixels across and 60 high that rises from (100, 120) in a frame 1280 wide."""
    lost, changed = np.zeros((120, 200)), np.zeros((120, 200))
    lost[60:120, 100 - width // 2 : 100 + (width + 1) // 2] = 0.2
    changed[60:120, 100 - width // 2 : 100 + (width + 1) // 2] = change
    return measure_plume(lost, changed, (0, 0), 1280, (100.0, 120.0), 0.2)


def test_a_column_is_measured_as_it_was_drawn() -> None:
    truth = column(10, 5.0)
    assert truth.size_px == (10, 60)
    assert truth.area_px == 600
    assert truth.contrast_to_noise == pytest.approx(5.0)
    assert truth.across_px == pytest.approx(10, rel=0.1)


def test_judgeable_asks_for_contrast_and_width() -> None:
    assert column(10, LEAST_CONTRAST_TO_NOISE).judgeable
    assert not column(10, LEAST_CONTRAST_TO_NOISE - 0.1).judgeable
    assert column(6, 20.0).judgeable
    assert not column(int(LEAST_ACROSS_PX) - 1, 20.0).judgeable


def test_only_what_is_near_the_mouth_counts() -> None:
    change = np.zeros((400, 400))
    change[:100, :100] = 50.0
    truth = measure_plume(np.zeros_like(change), change, (0, 0), 1280, (300.0, 300.0), 0.2)
    assert truth.contrast_to_noise == 0
    assert not truth.judgeable


def test_judgeable_seconds_leave_out_frames_without_the_plume() -> None:
    assert judgeable_s([column(10, 5.0), None, column(10, 0.5), column(10, 3.0)], 2.0) == 1.0


def test_fog_hides_what_is_far_and_spares_what_is_near() -> None:
    fog = Happening("fog", 0, 10, 200.0)
    assert contrast_kept([fog], "gw", 200.0) == pytest.approx(0.02, abs=0.001)  # the meteorological visibility
    assert contrast_kept([fog], "gw", 75.0) < LEAST_CONTRAST_KEPT < contrast_kept([fog], "gw", 50.0)
    assert contrast_kept([], "gw", 75.0) == 1.0


def test_what_is_on_one_lens_blinds_one_camera() -> None:
    frost = Happening("frost", 0, 10, 0.95, gateway="gw-a")
    assert contrast_kept([frost], "gw-a", 75.0) < LEAST_CONTRAST_KEPT
    assert contrast_kept([frost], "gw-b", 75.0) == 1.0
