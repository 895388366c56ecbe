from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.replay import SerialBytes, open_material, replay
from edge.replay_command import main
from edge.site import Site, WeatherSection
from firmware_bridge.models import driver_for
from smokesentry.messages.records import Detection, Evidence, PoseNotice

JpegOf = Callable[..., bytes]
KEYS = {"verdict", "detections", "frames", "ms_per_frame", "decode_ms_per_frame"}


@pytest.fixture
def folder(tmp_path: Path, jpeg_of: JpegOf) -> Path:
    """A minute at 2 frames/s."""
    place = tmp_path / "frames"
    place.mkdir()
    for number in range(120):
        (place / f"{number:04d}.jpg").write_bytes(jpeg_of(320, 192, number % 5))
    return place


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch, scripted: Any) -> Callable[..., list[Any]]:
    """The command then runs with plumes of the test's choice; gives the detectors that were made."""

    def use(*plumes: Any, blind: tuple[float, float] = (0, 0)) -> list[Any]:
        made: list[Any] = []

        def make(settings: Any) -> Any:
            made.append(scripted(settings, list(plumes), blind))
            return made[-1]

        monkeypatch.setattr("edge.replay.replay.__kwdefaults__", {"make_detector": make})
        return made

    return use


def run(tmp_path: Path, *more: str) -> dict[str, Any]:
    out = tmp_path / "out.json"
    assert main([*more, "--json", str(out)]) == 0
    result: dict[str, Any] = json.loads(out.read_text())
    assert set(result) >= KEYS
    return result


def test_the_output_is_what_was_promised(
    tmp_path: Path, folder: Path, detector: Any, plume: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = detector(plume(20.0, 50.0, (100.0, 80.0), confidence=0.7), blind=(0.0, 10.0))
    result = run(tmp_path, "--camera", str(folder), "--fps", "2")
    assert result["verdict"] == "suspected"
    assert result["frames"] == 120
    assert result["ms_per_frame"] > 0
    assert result["decode_ms_per_frame"] > 0
    [found] = result["detections"]
    reasons = found.pop("reasons")
    assert found == {
        "start_s": 20.0,
        "end_s": 50.0,
        "alarm_s": 24.0,
        "origin_px": [100.0, 80.0],
        "confidence": 0.7,
        "class": "smoke",
    }
    assert reasons[0] == "scripted"
    assert "no particulate sensor" in reasons[1]
    assert [round(t_s, 3) for t_s, _, _ in made[0].pushed] == [n / 2 for n in range(120)]
    assert "SUSPECTED" in capsys.readouterr().err


def test_an_event_still_open_at_the_end_is_closed_there(
    tmp_path: Path, folder: Path, detector: Any, plume: Any
) -> None:
    detector(plume(20.0, 500.0, (100.0, 80.0)))
    assert run(tmp_path, "--camera", str(folder))["detections"][0]["end_s"] == 59.5


@pytest.mark.parametrize(
    ("blind_to_s", "kind", "verdict"),
    [
        (10.0, None, "not_suspected"),
        (40.0, None, "cannot_judge"),
        (40.0, "smoke", "suspected"),
    ],
)
def test_the_rule_of_the_verdict(
    tmp_path: Path, folder: Path, detector: Any, plume: Any, blind_to_s: float, kind: str | None, verdict: str
) -> None:
    plumes = [] if kind is None else [plume(45.0, 55.0, (100.0, 80.0), plume_class=kind)]
    detector(*plumes, blind=(0.0, blind_to_s))
    assert run(tmp_path, "--camera", str(folder))["verdict"] == verdict


def test_material_as_it_comes_unreadable_changing_grey(
    tmp_path: Path, folder: Path, jpeg_of: JpegOf, detector: Any, plume: Any
) -> None:
    for number in range(0, 120, 7):
        (folder / f"{number:04d}.jpg").write_bytes(b"\xff\xd8\xff broken")
    for number in range(1, 120, 7):
        (folder / f"{number:04d}.jpg").write_bytes(jpeg_of(1280, 720, quality=40))
    for number in range(2, 120, 7):
        (folder / f"{number:04d}.jpg").write_bytes(jpeg_of(320, 192, grey=True))
    (folder / "0003.jpg").write_bytes(b"")
    made = detector(plume(20.0, 50.0, (100.0, 80.0)))
    result = run(tmp_path, "--camera", str(folder))
    assert (result["frames"], result["unreadable"]) == (120, 19)
    assert len(result["detections"]) == 1
    assert len(made[0].pushed) == 101
    assert made[0].pushed[0][0] == 0.5, "time goes on over frames that cannot be read"


def test_only_unreadable_frames_cannot_be_judged(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    result = run(tmp_path, "--camera", str(tmp_path))
    assert (result["verdict"], result["frames"], result["detections"]) == ("cannot_judge", 1, [])


def test_sensor_bytes_go_through_the_bridge_in_step_with_the_frames(
    tmp_path: Path, folder: Path, detector: Any, plume: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = driver_for("PMS7003")
    masses = ("pm1_cf1_ug_m3", "pm25_cf1_ug_m3", "pm10_cf1_ug_m3", "pm1_atm_ug_m3", "pm25_atm_ug_m3", "pm10_atm_ug_m3")
    raw = bytearray(b"\x00garbage")
    for second in range(240):
        level = 20.0 if second < 150 else 60.0
        values = dict.fromkeys(masses, level) | {"n0_3_per_cm3": 10.0, "n0_5_per_cm3": 5.0}
        raw += driver.encode(values)
    raw[5010] ^= 0xFF
    (tmp_path / "pm.bin").write_bytes(bytes(raw))
    detector(plume(170.0, 230.0, (100.0, 80.0)))
    options = ("--camera", str(folder), "--fps", "0.5", "--serial", f"pms7003:{tmp_path / 'pm.bin'}")
    reasons = "; ".join(run(tmp_path, *options)["detections"][0]["reasons"])
    assert "PM2.5 at sensor-1 counts: 60 µg/m³ against a background of 20" in reasons
    assert "239 frames, 1 rejected" in capsys.readouterr().err


def test_bytes_come_in_with_the_share_of_the_material() -> None:
    raw = driver_for("SDS011").encode({"pm25_ug_m3": 10.0, "pm10_ug_m3": 20.0}) * 100
    serial = SerialBytes("s", "SDS011", raw)
    assert len(serial.up_to(0.0)) == 0
    assert len(serial.up_to(0.5)) == 50
    assert len(serial.up_to(0.4)) == 0
    assert len(serial.up_to(7.0)) == 50


def test_a_video_brings_its_own_time(tmp_path: Path, detector: Any, plume: Any) -> None:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 96))
    for level in range(10 * 30):
        writer.write(np.full((96, 160, 3), level % 200, np.uint8))
    writer.release()
    detector(plume(10.0, 20.0, (100.0, 80.0)))
    result = run(tmp_path, "--camera", str(path))
    assert result["frames"] == 60
    assert result["detections"][0]["start_s"] == 10.0
    assert result["detections"][0]["end_s"] == pytest.approx(20.0, abs=0.5)


def test_a_site_file_brings_weather_chimneys_and_masks(tmp_path: Path, folder: Path, detector: Any) -> None:
    (tmp_path / "site.toml").write_text(
        "chimneys_px = [[160.0, 90.0]]\nmasks = [[[0, 0], [50, 0], [50, 50]]]\n"
        "[weather]\ntemp_c = 4.5\nrh_percent = 50\n"
    )
    made = detector()
    run(tmp_path, "--camera", str(folder), "--site", str(tmp_path / "site.toml"))
    assert made[0].settings.chimneys_px == ((160.0, 90.0),)
    weather = made[0].pushed[0][2]
    assert (weather.temp_c, weather.rh_percent, weather.wind_speed_m_s) == (4.5, 50.0, None)


def test_known_chimneys_are_told_in_the_detectors_pixels(jpeg_of: JpegOf, scripted: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg_of(1280, 720))
    made: list[Any] = []

    def make(settings: Any) -> Any:
        made.append(scripted(settings, []))
        return made[-1]

    source, length_s = open_material(tmp_path, 2.0)
    site = Site(chimneys_px=[(640.0, 300.0)], weather=WeatherSection())
    replay(
        source,
        2.0,
        length_s,
        gateway="g",
        site=site,
        serials=[],
        began_unix_s=0.0,
        progress=lambda *_: None,
        make_detector=make,
    )
    assert made[0].pushed[0][1] == (360, 640)
    assert made[0].settings.chimneys_px == ((320.0, 150.0),)


def test_the_picture_shows_the_detection(tmp_path: Path, folder: Path, detector: Any, plume: Any) -> None:
    picture = tmp_path / "out.png"
    detector(plume(20.0, 50.0, (100.0, 80.0)))
    run(tmp_path, "--camera", str(folder), "--picture", str(picture))
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape == (192, 320, 3)
    ring = image[75:86, 95:106].reshape(-1, 3).astype(int)
    assert (abs(ring - np.array([60, 220, 255])).sum(axis=1) < 60).any(), "the origin's colour at the origin"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--camera", "missing"], "missing is no file"),
        (["--camera", "empty"], "holds no pictures"),
        (["--camera", "frames", "--fps", "0"], "--fps 0: expected more than 0"),
        (["--camera", "frames", "--serial", "PMS7003"], "expected MODEL:FILE"),
        (["--camera", "frames", "--serial", "PMS7OO3:pm.bin"], "did you mean 'PMS7003'?"),
        (["--camera", "frames", "--serial", "PMS7003:pm.bin"], "pm.bin"),
        (["--camera", "frames", "--site", "site.toml"], "no such key; did you mean 'weather'?"),
        (["--camera", "frames", "--picture", "no/where.png"], "--picture no/where.png: cannot be written"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(
    tmp_path: Path,
    folder: Path,
    detector: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    told: str,
) -> None:
    detector()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "site.toml").write_text("[wether]\ntemp_c = 1\n")
    assert main([*options, "--json", "out.json"]) == 2
    assert told in capsys.readouterr().err


@pytest.fixture
def target(tmp_path: Path, cloud: Any) -> Iterator[Path]:
    for name, identity in (("gw-1", cloud.gateway), ("cloud", cloud.identity)):
        key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / f"{name}.pem").write_bytes(key)
        (tmp_path / f"{name}.cer").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'[gateway]\nname = "gw-1"\ntenant = "town"\nfolder = "state"\n'
        f'[identity]\nkey = "gw-1.pem"\ncertificate = "gw-1.cer"\n'
        f'[uplink]\nhost = "127.0.0.1"\nport = {cloud.port}\nplaintext = true\ncloud_certificate = "cloud.cer"\n'
    )
    yield path


@pytest.mark.mosquitto
def test_what_was_decided_can_be_published(
    tmp_path: Path, folder: Path, detector: Any, plume: Any, target: Path, cloud: Any
) -> None:
    detector(plume(20.0, 50.0, (100.0, 80.0)))
    (tmp_path / "site.toml").write_text(
        'camera = "old-film"\n[pose]\nplace = { lat = 39.9, lon = 116.4 }\nheight_m = 20.0\nheading_deg = 90.0\n'
        "tilt_deg = -5.0\nhfov_deg = 60.0\nframe_size = [320, 192]\n"
    )
    run(tmp_path, "--camera", str(folder), "--publish", str(target), "--site", str(tmp_path / "site.toml"))
    bodies = [record.body for _, record in sorted(cloud.records.items())]
    told = [body for body in bodies if isinstance(body, Detection)]
    assert [d.revision for d in told] == list(range(1, len(told) + 1))
    assert {d.camera for d in told} == {"old-film"}
    assert all("replayed from recorded material" in d.reasons[0] for d in told)
    assert sum(isinstance(body, Evidence) for body in bodies) == 1
    assert sum(isinstance(body, PoseNotice) for body in bodies) == 1
