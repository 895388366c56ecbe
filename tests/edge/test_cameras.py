"""Kinds of cameras: a real RTSP server, devices replaced at their edge."""

from __future__ import annotations

import os
import re
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np
import pytest

from edge.capture import Capture, stamp_of
from edge.frames import Frame, Light
from edge.settings import CameraSection
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


def pace_s(frames: list[Frame]) -> float:
    """The usual time between two frames."""
    return float(np.median(np.diff([frame.t_s for frame in frames])))


def test_a_network_camera_that_goes_and_comes_back(rtsp: RtspServer, clock: SystemClock, until: Until) -> None:
    section = CameraSection(name="net", kind="video", source=rtsp.address, fps=5)
    frames: list[Frame] = []
    capture = Capture(section, clock, frames.append)
    stop = Event()
    thread = Thread(target=capture.run, args=(stop,))
    thread.start()
    try:
        until(lambda: len(frames) > 10, "frames")
        first = list(frames)
        # Never more; a busy machine may give fewer for a while.
        assert pace_s(first[2:]) > 0.1, "five of twenty-five frames a second"
        until(lambda: pace_s(frames[-9:]) < 0.4, "five frames a second")
        assert len({frame.jpeg() for frame in first}) == len(first), "each is another one"
        assert first[0].size == (640, 360)
        outages = capture.outages
        rtsp.stop()
        until(lambda: capture.outages > outages, "the outage noticed")
        seen = len(frames)
        rtsp.start()
        until(lambda: len(frames) > seen + 3, "frames again", 120.0)
        assert capture.problem is None
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


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
    motion_jpeg: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
        assert one.mono_ns is not None
        stamp = stamp_of(one, Stamp(1_795_000_000.0, one.mono_ns + 60_000_000))
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
