from __future__ import annotations

from pathlib import Path

import pytest

from edge.settings import load_gateway_settings
from firmware_bridge.models import UnknownModel
from smokesentry.clock import SystemClock
from smokesentry.settings import SettingsError

GOOD = """
[gateway]
name = "roof-1"
tenant = "town"
folder = "state"

[identity]
key = "roof-1.key"
certificate = "/etc/roof-1.crt"

[uplink]
host = "broker.example"
ca = "ca.crt"
cloud_certificate = "cloud.crt"

[[cameras]]
name = "cam-1"
kind = "snapshot"
source = "http://192.168.1.9/snapshot.jpg"
masks = [[[0, 0], [100, 0], [100, 80]]]

[cameras.pose]
place = { lat = 39.9, lon = 116.4 }
height_m = 21.0
heading_deg = 123.0
tilt_deg = -4.0
hfov_deg = 58.0
frame_size = [1280, 720]

[cameras.detector]
chimneys_px = [[640.0, 350.0]]

[[cameras]]
name = "cam-2"
kind = "folder"
source = "frames"

[[sensors]]
name = "pm-1"
model = "PMS7003"
port = "/dev/smoke-sentry/pm1"
"""

PM_1 = 'port = "/dev/smoke-sentry/pm1"\n'
PM_2 = '[[sensors]]\nname = "pm-2"\nmodel = "SDS011"\nport = "/dev/smoke-sentry/pm2"\n'
PM_3 = PM_2.replace("pm-2", "pm-3")


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_with_its_defaults_and_paths_beside_it(tmp_path: Path) -> None:
    settings = load_gateway_settings(write(tmp_path, GOOD))
    assert settings.gateway.folder == tmp_path / "state"
    assert settings.identity.certificate == Path("/etc/roof-1.crt")
    assert settings.uplink.port == 8883
    assert not settings.uplink.plaintext
    assert settings.gateway.telemetry_interval_s == 60
    first, second = settings.cameras
    assert first.source == "http://192.168.1.9/snapshot.jpg"
    assert first.pose is not None
    assert (first.pose.camera, first.pose.pose_version, first.pose.place.lat) == ("cam-1", 1, 39.9)
    assert first.detector.chimneys_px == ((640.0, 350.0),)
    assert second.source == str(tmp_path / "frames")
    assert second.fps == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('name = "roof-1"', 'nmae = "roof-1"'), "gateway.nmae: no such key; did you mean 'name'?"),
        (('name = "roof-1"', 'name = "Roof 1"'), "gateway.name"),
        (('kind = "folder"', 'kind = "usb"'), "cameras.1.kind: Input should be 'snapshot', 'video', 'folder', 'onvif'"),
        (("heading_deg = 123.0", "heading_deg = 423.0"), "cameras.0.pose: Value error, Expected `float` < 360.0"),
        (("heading_deg = 123.0", "heading = 123.0"), "no such key 'heading'; did you mean 'heading_deg'?"),
        (("tilt_deg = -4.0\n", ""), "missing required field `tilt_deg`"),
        (('ca = "ca.crt"\n', ""), "TLS needs ca ="),
        (('name = "cam-2"', 'name = "cam-1"'), "cameras: each needs a name of its own; given twice: cam-1"),
        (("http://192.168.1.9/snapshot.jpg", "192.168.1.9/snapshot.jpg"), "cameras.0.source"),
        (("[[0, 0], [100, 0], [100, 80]]", "[[0, 0], [100, 0]]"), "cameras.0.masks.0"),
        (("chimneys_px", "chimneys"), "cameras.0.detector.chimneys: no such key; did you mean 'chimneys_px'?"),
        (('model = "PMS7003"\n', ""), "sensors.0.model: is missing"),
        ((PM_1, f'{PM_1}twin = "pm-1"\n'), "sensors: pm-1 names itself as its twin"),
        ((PM_1, f'{PM_1}twin = "pm-9"\n'), "sensors: pm-1 has the twin 'pm-9', but there is no such sensor"),
        (
            (PM_1, f'{PM_1}twin = "pm-2"\n{PM_2}'),
            "sensors: pm-1 has the twin 'pm-2', but pm-2 names none;"
            ' twins are two and name each other: write twin = "pm-1" at pm-2',
        ),
        (
            (PM_1, f'{PM_1}twin = "pm-2"\n{PM_2}twin = "pm-3"\n{PM_3}twin = "pm-2"\n'),
            "sensors: pm-1 has the twin 'pm-2', but pm-2 names 'pm-3'",
        ),
        ((PM_1, f"{PM_1}duty = {{ on_s = 60 }}\n"), "sensors.0.duty.period_s: is missing"),
        ((PM_1, f"{PM_1}duty = {{ on_s = 60, period = 90 }}\n"), "sensors.0.duty.period: no such key; did you mean"),
        (
            (PM_1, f"{PM_1}duty = {{ on_s = 20, period_s = 90 }}\n"),
            "sensors.0: Value error, PMS7003 needs 30 s to warm",
        ),
        ((PM_1, f"{PM_1}duty = {{ on_s = 90, period_s = 90 }}\n"), "got 90 s of 90 s"),
        (
            ('model = "PMS7003"\n', 'model = "PMS3003"\nduty = { on_s = 60, period_s = 90 }\n'),
            "sensors.0: Value error, PMS3003 cannot be put to sleep: it takes no duty cycle",
        ),
    ],
)
def test_each_mistake_is_told_with_its_key(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    assert change[0] in GOOD
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(SettingsError) as caught:
        load_gateway_settings(path)
    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)


def test_twins_name_each_other_and_a_duty_cycle_reaches_the_link(tmp_path: Path) -> None:
    more = f'twin = "pm-2"\nduty = {{ on_s = 60, period_s = 300 }}\n{PM_2}twin = "pm-1"\n'
    first, second = load_gateway_settings(write(tmp_path, GOOD + more)).sensors
    assert (first.twin, second.twin) == ("pm-2", "pm-1")
    assert first.duty is not None
    assert (first.duty.on_s, first.duty.period_s) == (60, 300)
    assert second.duty is None


def test_an_unknown_model_is_left_to_those_who_try_it(tmp_path: Path) -> None:
    text = GOOD.replace("PMS7003", "PMS70O3")
    settings = load_gateway_settings(write(tmp_path, text))
    with pytest.raises(UnknownModel, match="PMS7003"):
        settings.sensors[0].build(SystemClock())


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('tenant = "town"', "").replace('model = "PMS7003"', "model = 7")
    with pytest.raises(SettingsError) as caught:
        load_gateway_settings(write(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 2
