"""What a gateway knows reaches the cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.gateway import Gateway
from firmware_bridge.corrections import epa_2021
from smokesentry.messages.records import Detection, Evidence, Health, PoseNotice, Telemetry

pytestmark = pytest.mark.mosquitto
Until = Callable[..., None]
Bodies = Callable[[Any, type], list[Any]]


def test_everything_that_a_gateway_knows_reaches_the_cloud(
    start: Callable[..., Gateway], cloud: Any, until: Until, bodies: Bodies
) -> None:
    start(lasts_s=2.0, in_air=True)
    until(lambda: any(d.phase == "end" for d in bodies(cloud, Detection)), "the whole event")
    until(lambda: len(bodies(cloud, Telemetry)) > 2 and len(bodies(cloud, Health)) > 2, "telemetry and health")
    until(lambda: bodies(cloud, Health)[-1].cameras[0].frames > 5, "frames counted in health")
    until(lambda: bool(bodies(cloud, Evidence)), "the pictures, which travel after the detections")
    told = bodies(cloud, Detection)
    assert [d.revision for d in told] == list(range(1, len(told) + 1))
    assert (told[0].camera, told[0].frame_size, told[0].origin_px) == ("cam-1", (640, 360), (320.0, 200.0))
    assert (told[0].temp_c, told[0].rh_percent) == (3.5, 55.0), "from the sensor"
    [evidence] = bodies(cloud, Evidence)
    assert evidence.evidence_id == told[0].evidence_id
    assert {picture.role for picture in evidence.pictures} >= {"frame", "drawn"}
    [pose] = bodies(cloud, PoseNotice)
    assert (pose.pose.camera, pose.pose.heading_deg) == ("cam-1", 90.0)
    health = bodies(cloud, Health)[-1]
    assert health.sensors[0].connected
    record = next(told for told in reversed(bodies(cloud, Telemetry)) if told.readings)
    assert record.values["pm25_atm_ug_m3"].mean == 20.0
    assert record.values["pm25_epa2021_ug_m3"].mean == round(epa_2021(20.0, 55.0), 3), "beside the raw one"
    assert record.marks == {"ok": record.readings}


def test_twins_on_two_lines_share_a_humidity_and_doubt_each_other(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until, bodies: Bodies, wire_of: Any
) -> None:
    dusty = wire_of("SDS011")
    dusty.start()
    sensor = f'name = "pm-2"\nmodel = "SDS011"\nport = "{dusty.port}"'
    config.write_text(config.read_text() + f'twin = "pm-2"\n[[sensors]]\n{sensor}\ntwin = "pm-1"\n')
    try:
        start()
        until(
            lambda: {told.sensor for told in bodies(cloud, Telemetry) if "disagrees" in told.marks} == {"pm-1", "pm-2"},
            "each doubted for the other's sake",
        )
    finally:
        dusty.stop.set()
    valid = [told.values for told in bodies(cloud, Telemetry) if told.sensor == "pm-2" and told.values]
    assert valid[0]["pm25_ug_m3"].mean == 90.0, "before a minute's worth was known, both were trusted"
    assert {values["koehler_rh_percent"].mean for values in valid if "koehler_rh_percent" in values} == {55.0}


def test_a_ping_brings_health_at_once(
    start: Callable[..., Gateway], config: Path, cloud: Any, until: Until, clock: Any, bodies: Bodies
) -> None:
    from smokesentry.clock import from_unix, to_wire
    from smokesentry.messages.control import Command

    config.write_text(config.read_text().replace("health_interval_s = 1\n", "health_interval_s = 3600\n"))
    start()
    until(lambda: len(bodies(cloud, Health)) == 1, "health at the start")
    now_s = clock.now().unix_s
    times = {"issued_at": to_wire(from_unix(now_s - 1)), "expires_at": to_wire(from_unix(now_s + 60))}
    cloud.send_command(Command(command_id="0" * 32, gateway="gw-1", counter=1, kind="ping", **times))
    until(lambda: len(bodies(cloud, Health)) == 2, "health after a ping")
