"""Kinds of cameras: a real RTSP server, an ONVIF service that checks its digest, devices replaced at their edge."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import time
import types
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture import Capture, stamp_of
from edge.exposure import ExposureWatch
from edge.frames import Frame, Light
from edge.judge import Judge
from edge.onvif import OnvifError, Profile, _ask, choose, stream_address
from edge.remember import Memory
from edge.settings import CameraSection
from edge.site_memory import SiteSchool
from edge.sources import open_source
from edge.taken import SourceError, Taken
from lab.rtsp_server import RtspServer
from smokesentry.clock import Stamp, SystemClock

Until = Callable[..., None]

# -- RTSP --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    if not RtspServer.is_installed():
        message = "needs GStreamer's RTSP server, which is not installed (Debian package gir1.2-gst-rtsp-server-1.0)"
        (pytest.fail if os.environ.get("SMOKESENTRY_SERVICES_REQUIRED") else pytest.skip)(message)
    server = RtspServer()
    server.start()
    yield server
    server.stop()


def test_a_network_camera_that_goes_and_comes_back(rtsp: RtspServer, clock: SystemClock, until: Until) -> None:
    section = CameraSection(name="net", kind="video", source=rtsp.address, fps=5)
    frames: list[Frame] = []
    capture = Capture(section, clock, frames.append)
    stop = Event()
    thread = Thread(target=capture.run, args=(stop,))
    thread.start()
    try:
        until(lambda: len(frames) > 10, "frames")
        steps = np.diff([frame.t_s for frame in frames[2:]])
        assert 0.1 < float(np.median(steps)) < 0.4, "five of twenty-five frames a second"
        assert len({frame.jpeg() for frame in frames}) == len(frames), "each is another one"
        assert frames[0].size == (640, 360)
        rtsp.stop()
        until(lambda: capture.outages == 1, "the outage noticed")
        seen = len(frames)
        rtsp.start()
        until(lambda: len(frames) > seen + 3, "frames again", 40.0)
        assert capture.problem is None
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


# -- ONVIF -------------------------------------------------------------------------------------------------------------

_ENVELOPE = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><e:Body>{}</e:Body></e:Envelope>'
)
_PROFILE = (
    '<trt:Profiles token="{0}"><tt:Name>{0}</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding>'
    "<tt:Resolution><tt:Width>{1}</tt:Width><tt:Height>{2}</tt:Height></tt:Resolution></tt:VideoEncoderConfiguration>"
    "</trt:Profiles>"
)


class OnvifCamera:
    """Names three streams to whoever knows the password. Its own clock stands in 2001, as clocks of cameras do."""

    def __init__(self) -> None:
        self.extra = ""
        self.asked: list[str] = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer = camera.answer(self.path, body)
                data = (camera.extra + _ENVELOPE.format(answer)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, body: str) -> tuple[int, str]:
        if "GetSystemDateAndTime" in body:
            names = ("Hour", 7), ("Minute", 8), ("Second", 9), ("Year", 2001), ("Month", 2), ("Day", 3)
            fields = "".join(f"<tt:{name}>{value}</tt:{name}>" for name, value in names)
            return 200, f"<tt:UTCDateTime>{fields}</tt:UTCDateTime>"
        if not self.trusts(body):
            return 401, "<e:Fault/>"
        if "GetCapabilities" in body:
            return 200, "<tt:Media><tt:XAddr>http://10.9.8.7:80/onvif/Media</tt:XAddr></tt:Media>"
        assert path == "/onvif/Media", "the path that the camera named, at the address that is known"
        if "GetProfiles" in body:
            return 200, _PROFILE.format("main", 3840, 2160) + _PROFILE.format("sub", 1280, 720) + _PROFILE.format(
                "third", 640, 360
            )
        token = re.search(r"<ProfileToken>(.*?)</ProfileToken>", body)
        assert token is not None
        self.asked.append(token.group(1))
        return 200, f"<trt:MediaUri><tt:Uri>rtsp://10.9.8.7:554/{token.group(1)}?a=1&amp;b=2</tt:Uri></trt:MediaUri>"

    @staticmethod
    def trusts(body: str) -> bool:
        found = {name: re.search(rf"<{name}[^>]*>(.*?)</{name}>", body) for name in ("Nonce", "Created", "Password")}
        if not all(found.values()) or "<Username>admin</Username>" not in body:
            return False
        nonce, created, digest = (found[name].group(1) for name in ("Nonce", "Created", "Password"))  # type: ignore[union-attr]
        secret = base64.b64decode(nonce) + created.encode() + "geheim&käse".encode()
        return created == "2001-02-03T07:08:09Z" and base64.b64encode(hashlib.sha1(secret).digest()).decode() == digest


@pytest.fixture
def onvif() -> Iterator[OnvifCamera]:
    camera = OnvifCamera()
    yield camera
    camera.server.shutdown()
    camera.server.server_close()


def test_an_onvif_camera_says_where_its_sub_stream_is(onvif: OnvifCamera) -> None:
    place = f"127.0.0.1:{onvif.server.server_port}"
    address = stream_address(f"onvif://admin:geheim%26k%C3%A4se@{place}")
    assert address == "rtsp://admin:geheim%26k%C3%A4se@10.9.8.7:554/sub?a=1&b=2"
    assert onvif.asked == ["sub"], "1280 wide is enough"
    with pytest.raises(OnvifError, match="refuses name or password"):
        stream_address(f"onvif://admin:falsch@{place}")
    onvif.extra = '<!DOCTYPE x [<!ENTITY a "boom">]>'
    with pytest.raises(OnvifError, match="none that may be read"):
        _ask(f"http://{place}/", "<GetSystemDateAndTime/>", "", "", None)
    with pytest.raises(SourceError, match="does not answer"):
        open_source(CameraSection(name="a", kind="onvif", source="onvif://a:b@127.0.0.1:1"))


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), min_size=1))
def test_the_smallest_stream_that_is_wide_enough_is_chosen(sizes: list[tuple[int, int]]) -> None:
    chosen = choose([Profile(str(n), "H264", size) for n, size in enumerate(sizes)]).size
    if any(width >= 1280 for width, _ in sizes):
        assert chosen[0] >= 1280
        assert all(chosen[0] * chosen[1] <= w * h for w, h in sizes if w >= 1280)
    else:
        assert all(chosen[0] * chosen[1] >= w * h for w, h in sizes)


def test_a_camera_without_profiles_is_said_in_words() -> None:
    with pytest.raises(OnvifError, match="no profile"):
        choose([])


# -- devices -----------------------------------------------------------------------------------------------------------


class FakeCapture:
    """OpenCV's V4L2 capture at its outermost edge: what the driver would give."""

    def __init__(self, motion_jpeg: bool) -> None:
        self.motion_jpeg, self.converts, self.released = motion_jpeg, False, False
        self.exposure = 300.0
        self.taken = 0

    def isOpened(self) -> bool:
        return True

    def get(self, what: int) -> float:
        code = cv2.VideoWriter.fourcc(*("MJPG" if self.motion_jpeg else "YUYV"))
        return {
            cv2.CAP_PROP_FOURCC: float(code),
            cv2.CAP_PROP_EXPOSURE: self.exposure,
            cv2.CAP_PROP_GAIN: 16.0,
            cv2.CAP_PROP_POS_MSEC: time.monotonic() * 1000 - 30,
        }.get(what, 0.0)

    def set(self, what: int, value: float) -> bool:
        self.converts = what == cv2.CAP_PROP_CONVERT_RGB and value == 1
        return True

    def grab(self) -> bool:
        time.sleep(0.01)
        self.taken += 1
        return True

    def retrieve(self) -> tuple[bool, Any]:
        image = np.full((96, 160, 3), self.taken % 200, np.uint8)
        if not self.motion_jpeg:
            return True, image
        return True, np.frombuffer(bytes(cv2.imencode(".jpg", image)[1]) + bytes(50), np.uint8)[None]

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize("motion_jpeg", [True, False])
def test_a_usb_camera_gives_its_own_jpeg_or_pixels_with_time_and_light(
    motion_jpeg: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: SystemClock
) -> None:
    device = tmp_path / "video0"
    device.touch()
    capture = FakeCapture(motion_jpeg)
    monkeypatch.setattr("edge.devices.cv2.VideoCapture", lambda *_: capture)
    section = CameraSection.model_construct(name="usb", kind="v4l2", source=str(device), fps=10.0, size=(160, 96))
    source = open_source(section)
    began_s = time.monotonic()
    taken = [source.read() for _ in range(4)]
    assert time.monotonic() - began_s > 0.25, "ten a second"
    assert capture.converts is not motion_jpeg
    for one in taken:
        assert isinstance(one.data, bytes) is motion_jpeg
        assert one.light == Light(30_000.0, 16.0)
        stamp = stamp_of(one, clock.now())
        assert one.mono_ns is not None
        assert stamp.mono_ns == one.mono_ns, "the driver's time"
    if motion_jpeg:
        assert isinstance(taken[0].data, bytes)
        assert taken[0].data.endswith(b"\xff\xd9"), "without the driver's padding"
    source.close()
    assert capture.released


def test_a_device_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(SourceError, match="is the camera plugged in"):
        open_source(CameraSection(name="usb", kind="v4l2", source="/dev/video-not-there"))


def test_the_raspberry_pis_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {"closed": False, "released": 0}

    class Request:
        def make_array(self, name: str) -> Any:
            assert name == "main"
            return np.full((720, 1280, 3), 7, np.uint8)

        def get_metadata(self) -> dict[str, Any]:
            return {"ExposureTime": 33_000, "AnalogueGain": 8.0, "SensorTimestamp": time.monotonic_ns()}

        def release(self) -> None:
            made["released"] += 1

    class Picamera2:
        def __init__(self, number: int) -> None:
            made["number"] = number

        def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
            return wanted

        def configure(self, config: dict[str, Any]) -> None:
            made["config"] = config

        def start(self) -> None:
            made["started"] = True

        def capture_request(self) -> Request:
            return Request()

        def stop(self) -> None:
            made["stopped"] = True

        def close(self) -> None:
            made["closed"] = True

    section = CameraSection(name="pi", kind="picamera2", source="1", fps=2)
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError, match="python3-picamera2"):
        open_source(section)
    monkeypatch.setitem(sys.modules, "picamera2", types.SimpleNamespace(Picamera2=Picamera2))  # type: ignore[arg-type]
    source = open_source(section)
    taken = source.read()
    source.close()
    assert not isinstance(taken.data, bytes)
    assert (taken.data.shape, taken.light) == ((720, 1280, 3), Light(33_000, 8.0))
    assert taken.data.flags.writeable, "masks are drawn into it"
    assert made["config"]["main"] == {"size": (1280, 720), "format": "RGB888"}
    assert (made["number"], made["released"], made["closed"]) == (1, 1, True)


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("v4l2", "video0", "/dev/video0"),
        ("onvif", "192.168.1.9", "onvif://name:password@host"),
        ("picamera2", "first", "its number"),
        ("video", "/dev/video0", 'kind = "v4l2"'),
    ],
)
def test_a_source_that_does_not_fit_its_kind_is_refused_in_words(kind: str, source: str, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)):
        CameraSection(name="a", kind=kind, source=source)  # type: ignore[arg-type]


def test_a_time_that_cannot_be_believed_is_the_gateways() -> None:
    now = Stamp(1_795_000_000.0, 100 * 10**9)
    assert stamp_of(Taken(b"", mono_ns=99 * 10**9), now) == Stamp(1_794_999_999.0, 99 * 10**9)
    for strange in (None, 101 * 10**9, 80 * 10**9, 0):
        assert stamp_of(Taken(b"", mono_ns=strange), now) == now


# -- exposure and memory -----------------------------------------------------------------------------------------------


def test_frames_are_held_back_until_the_exposure_has_settled_but_never_for_long() -> None:
    watch = ExposureWatch()
    dim, bright = Light(10_000, 4.0, True), Light(30_000, 8.0, True)
    judged = [watch.settled(dim if t < 10 else bright, t / 2) for t in range(40)]
    assert [t / 2 for t, one in enumerate(judged) if not one] == [5.0, 5.5, 6.0, 6.5]
    assert not watch.settled(Light(30_000, 8.0, False), 21.0), "the filter has turned"
    assert ExposureWatch().settled(None, 0.0)
    hunting = ExposureWatch()
    seen = [hunting.settled(dim if t % 2 else bright, t / 2) for t in range(200)]
    assert sum(seen) > 150, "a camera that never settles is judged as it is"
    slow = ExposureWatch()
    assert all(slow.settled(Light(10_000 * 1.02**t, 1.0), t / 2) for t in range(100)), "dusk is no step"


def test_a_restart_goes_on_with_the_background(tmp_path: Path, jpeg_of: Any) -> None:
    from detector.settings import DetectorSettings
    from edge.frames import frame_from_bytes
    from edge.fusion import AirView
    from edge.judge import real_detector

    def judge() -> Judge:
        return Judge("gw-1", "cam-1", 1, DetectorSettings(), real_detector, memory=Memory(tmp_path, "cam-1", 1, "boot"))

    base = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 160, (360, 640), np.uint8), (0, 0), 3)

    def frame(t_s: float) -> Frame:
        image = np.clip(base + np.random.default_rng(int(t_s * 2)).normal(0, 2, base.shape), 0, 255).astype(np.uint8)
        raw = bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
        return frame_from_bytes(raw, [], Stamp(1_795_000_000.0 + t_s, int(t_s * 1e9) + 10**12), t_s)

    first = judge()
    for step in range(300):
        first.see(frame(step / 2), AirView())
    assert {path.name for path in tmp_path.iterdir()} == {"cam-1.state.json", "cam-1.reference-1.json"}
    assert first.sight() == []
    second = judge()
    second.see(frame(151.0), AirView())
    assert second._detector is not None
    assert "went on after" in second._detector.restored  # type: ignore[attr-defined]
    (tmp_path / "cam-1.state.json").write_text('{"data": 5}')
    third = judge()
    assert third.see(frame(152.0), AirView()).result.verdict == "cannot_judge"


class Careful:
    """A detector that stirs in one cell every evening."""

    threshold = 0.6

    def __init__(self) -> None:
        self.raised: Any = None

    def stirred(self) -> Any:
        cells = np.zeros((9, 16), np.float32)
        cells[2, 3] = cells[7, 8] = 0.5
        return cells

    def raise_at(self, factors: Any) -> None:
        self.raised = factors


def test_what_a_place_taught_is_kept_and_known_chimneys_teach_nothing(tmp_path: Path) -> None:
    path, detector = tmp_path / "memory" / "east.site.toml", Careful()
    chimneys = ((8.5 / 16, 7.5 / 9),)
    for evening in range(5):
        school = SiteSchool(path, ZoneInfo("Asia/Shanghai"))  # a new process every evening
        school.begin(chimneys)
        for minute in range(0, 130, 10):
            at_s = 1_795_000_000.0 + 86400 * evening + 60 * minute
            school.look(detector, Stamp(at_s, 0), eventful=False)
    text = path.read_text()
    assert "row = 2\ncolumn = 3" in text
    assert "row = 7" not in text
    school.look(detector, Stamp(1_795_000_000.0 + 86400 * 5 + 3600, 0), eventful=False)
    assert detector.raised[2, 3] > 1.0
    assert detector.raised[7, 8] == 1.0
    never_set, fresh = Careful(), SiteSchool(path, ZoneInfo("Asia/Shanghai"))
    fresh.begin(())
    fresh.look(never_set, Stamp(1000.0, 0), eventful=False)
    assert never_set.raised is None, "a clock never set teaches nothing"
    path.write_text("worn out")
    again = SiteSchool(path, ZoneInfo("Asia/Shanghai"))
    again.begin(())
    again.look(detector, Stamp(1_795_000_000.0, 0), eventful=False)
    assert detector.raised.max() == 1.0
