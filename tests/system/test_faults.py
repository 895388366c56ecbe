"""The short form of ``make faults``: power, network, clock and disk fail within a minute, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.faults.orders import parse_orders

pytestmark = [pytest.mark.system, pytest.mark.mosquitto, pytest.mark.timeout(1500)]

_ORDERS = """
name = "a bad minute"
length_s = 60

[[fault]]
what = "power"
target = "gw-1"
at_s = 5
for_s = 2

[[fault]]
what = "clock_jump"
target = "gw-2"
at_s = 8
for_s = 15
by_s = -7200

[[fault]]
what = "broker_kill"
at_s = 14
for_s = 4

[[fault]]
what = "disk_full"
target = "gw-1"
at_s = 24
for_s = 12

[[fault]]
what = "ingest_kill"
at_s = 30
for_s = 4

[[fault]]
what = "network_cut"
target = "gw-2"
at_s = 38
for_s = 8

[[fault]]
what = "sensor_unplug"
target = "gw-1"
at_s = 40
for_s = 5

[[fault]]
what = "camera_gone"
target = "gw-2"
at_s = 48
for_s = 5
"""


def test_a_bad_minute_ends_with_every_detection_in_the_cloud_exactly_once(tmp_path: Path) -> None:
    orders = tmp_path / "orders.toml"
    orders.write_text(_ORDERS, encoding="utf-8")
    assert len(parse_orders(_ORDERS).faults) == 8
    # A process of its own: it enters a mount namespace for its gateways' disks.
    words = ["faults", "soak", "--orders", str(orders), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "smokesentry", *words], capture_output=True, text=True, env=os.environ, timeout=1400
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    figures = {row["name"]: row["value"] for row in json.loads((tmp_path / "out" / "faults.json").read_text())}
    assert figures["soak: detections decided"] >= 6  # of 24 ticks: a busy machine begins a gateway anew for a long time
    assert figures["soak: detections in the cloud, each exactly once"] >= 6
    assert figures["soak: broken promises (lost, double, changed, out of order, a false time)"] == 0
    assert "every promise was kept" in done.stdout
