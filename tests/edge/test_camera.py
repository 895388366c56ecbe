"""One camera's thread without the rest of the gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.settings import DetectorSettings
from edge.camera import Camera, build_camera
from edge.frames import Frame, decode_image, encode_jpeg, frame_from_bytes
from edge.fusion import AirView
from edge.judge import Judge, Outcome
from edge.settings import CameraSection
from smokesentry.clock import SystemClock

JpegOf = Callable[..., bytes]
Until = Callable[..., None]


@pytest.fixture
def watch(scripted: Any, clock: SystemClock) -> Iterator[Callable[..., tuple[Camera, list[Outcome]]]]:
    """Runs a camera over a source; gives the worker and what it told."""
    stop, threads = threading.Event(), list[threading.Thread]()

    def make(kind: str, source: Path, *plumes: Any, **more: Any) -> tuple[Camera, list[Outcome]]:
        section = CameraSection.model_validate(
            {"name": "cam-1", "kind": kind, "source": str(source), "fps": 30, **more}, context={"folder": Path()}
        )
        told: list[Outcome] = []
        judge = Judge("gw-1", "cam-1", 1, section.detector, lambda settings: scripted(settings, list(plumes)))
        camera = build_camera(section, judge, clock, lambda _: AirView(), lambda _, outcome: told.append(outcome))
        for loop in (camera.inference.run, camera.capture.run):
            threads.append(threading.Thread(target=loop, args=(stop,)))
            threads[-1].start()
        return camera, told

    yield make
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_folder_is_played_once_and_later_pictures_are_taken(
    tmp_path: Path, jpeg_of: JpegOf, watch: Any, until: Until
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_of(seed=number))
    camera, _ = watch("folder", tmp_path)
    until(lambda: camera.capture.outages == 1, "the end noticed")
    assert camera.capture.frames == 5
    (tmp_path / "5.jpg").write_bytes(jpeg_of(seed=5))
    until(lambda: camera.capture.frames == 6, "the later picture")
    assert camera.health().verdict == "not_suspected"


def test_a_video_file_is_played_once(tmp_path: Path, watch: Any, until: Until) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (160, 96))
    for level in range(12):
        writer.write(np.full((96, 160, 3), 10 * level, np.uint8))
    writer.release()
    camera, _ = watch("video", tmp_path / "a.avi")
    until(lambda: camera.capture.outages == 1, "the end noticed")
    assert camera.capture.frames == 12


def test_unreadable_frames_are_counted_and_an_outage_only_in_a_row(
    tmp_path: Path, jpeg_of: JpegOf, watch: Any, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        bad = number % 2 == 0 or number >= 12
        (tmp_path / f"{number:02}.jpg").write_bytes(b"broken" if bad else jpeg_of(seed=number))
    camera, _ = watch("folder", tmp_path)
    until(lambda: camera.capture.unreadable == 14, "all seen")
    until(lambda: camera.capture.outages == 1, "an outage for the row at the end")
    assert camera.capture.frames == 6
    assert len([r for r in caplog.records if "cannot be read" in r.message]) == 1


def test_a_source_that_is_not_there_is_asked_again(tmp_path: Path, jpeg_of: JpegOf, watch: Any, until: Until) -> None:
    camera, _ = watch("folder", tmp_path / "later")
    until(lambda: "is not a folder" in (camera.health().cause or ""), "said")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.jpg").write_bytes(jpeg_of())
    until(lambda: camera.capture.frames == 1, "taken up")


def test_what_is_masked_is_in_no_picture_that_leaves_the_thread(
    tmp_path: Path, plume: Any, watch: Any, until: Until, clock: SystemClock
) -> None:
    image = np.full((360, 640, 3), 60, np.uint8)
    image[100:140, 200:260] = (255, 255, 255)
    for number in range(200):
        image[0, number] = number
        (tmp_path / f"{number:03}.jpg").write_bytes(encode_jpeg(image, 95))
    now_s = clock.now().mono_ns / 1e9
    scene = plume(now_s, now_s + 600, (500.0, 300.0), knows_after_s=1.0)
    polygon = [[195, 95], [265, 95], [265, 145], [195, 145]]
    _, told = watch("folder", tmp_path, scene, masks=[polygon])
    until(lambda: any(outcome.evidence for outcome in told), "pictures")
    [evidence] = [evidence for outcome in told for evidence in outcome.evidence]
    for picture in evidence.pictures:
        pixels = decode_image(picture.data)
        assert pixels[100:140, 200:260].max() < 20, picture.role
        assert pixels[200:210, 100:110].min() > 40, picture.role


def test_a_detector_that_raises_is_a_problem_of_that_camera(
    tmp_path: Path, jpeg_of: JpegOf, clock: SystemClock
) -> None:
    def broken(_: DetectorSettings) -> Any:
        raise RuntimeError("no model in this package")

    section = CameraSection(name="cam-1", kind="folder", source=str(tmp_path))
    judge = Judge("gw-1", "cam-1", 1, section.detector, broken)
    camera = build_camera(section, judge, clock, lambda _: AirView(), lambda *_: None)
    camera.inference.inbox.put(frame_from_bytes(jpeg_of(), [], clock.now(), 0.0))
    with pytest.raises(RuntimeError):
        camera.inference.run(threading.Event())
    assert camera.health().verdict == "cannot_judge"
    assert "no model in this package" in (camera.health().cause or "")


def test_a_slow_detector_drops_frames_and_never_holds_the_camera_up(
    tmp_path: Path, jpeg_of: JpegOf, scripted: Any, clock: SystemClock, until: Until
) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.jpg").write_bytes(jpeg_of(160, 96, seed=number))
    section = CameraSection(name="cam-1", kind="folder", source=str(tmp_path), fps=30)
    gate, stop = threading.Event(), threading.Event()
    seen: list[Frame] = []

    def tell(frame: Frame, _: Outcome) -> None:
        seen.append(frame)
        gate.wait(300)  # the detector is stuck in its first frame

    judge = Judge("gw-1", "cam-1", 1, section.detector, lambda settings: scripted(settings, []))
    camera = build_camera(section, judge, clock, lambda _: AirView(), tell)
    threads = [threading.Thread(target=loop, args=(stop,)) for loop in (camera.inference.run, camera.capture.run)]
    camera.inference.inbox.put(frame_from_bytes(jpeg_of(160, 96, seed=99), [], clock.now(), 0.0))
    threads[0].start()
    until(lambda: len(seen) == 1, "the detector has its first frame")
    threads[1].start()
    until(lambda: camera.capture.frames == 40, "all taken although nothing was judged")
    gate.set()
    until(lambda: len(seen) > 1, "judged again")
    stop.set()
    for thread in threads:
        thread.join(60)
    assert camera.inference.inbox.dropped + len(seen) == 41, "each frame is judged or counted"
    assert seen[-1].jpeg() == jpeg_of(160, 96, seed=39), "the newest wins"


def test_what_is_judged_is_what_is_stored(jpeg_of: JpegOf, clock: SystemClock) -> None:
    polygon = [(10.0, 10.0), (200.0, 10.0), (200.0, 90.0)]
    frame = frame_from_bytes(jpeg_of(1280, 720, seed=3), [polygon], clock.now(), 0.0)
    frame.settle()
    again = frame_from_bytes(frame.jpeg(), [], clock.now(), 0.0)
    assert np.array_equal(frame.view, again.view)
