"""Cameras that hang on the board itself: V4L2 (USB, CSI through the kernel's driver) and the Raspberry Pi's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.frames import Light
from edge.taken import SourceError, Taken


class V4l2Source:
    """A video device. Motion JPEG is asked for and taken as the camera made it, where the device can; else pixels."""

    live = True

    def __init__(self, device: str, fps: float, size: tuple[int, int]) -> None:
        if not Path(device).exists():
            raise SourceError(f"{device} is not there; is the camera plugged in?")
        wanted = [
            cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"),
            cv2.CAP_PROP_FRAME_WIDTH, size[0],
            cv2.CAP_PROP_FRAME_HEIGHT, size[1],
            cv2.CAP_PROP_CONVERT_RGB, 0,
        ]  # fmt: skip
        self._device = device
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2, wanted)
        if not self._capture.isOpened():
            raise SourceError(f"{device} cannot be opened as a camera; does another program use it?")
        if int(self._capture.get(cv2.CAP_PROP_FOURCC)) != cv2.VideoWriter.fourcc(*"MJPG"):
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
        self._period_s = 1.0 / fps
        self._due_s: float | None = None

    def read(self) -> Taken:
        """The first frame at or after the moment that is due; those between are not decoded."""
        while True:
            if not self._capture.grab():
                raise SourceError(f"{self._device} gives no more frames")
            now_s = time.monotonic()
            if self._due_s is None or now_s >= self._due_s:
                break
        self._due_s = max((now_s if self._due_s is None else self._due_s) + self._period_s, now_s)
        done, data = self._capture.retrieve()
        if not done or data is None:
            return Taken(b"")
        # The driver's own stamp of the exposure, on the monotonic clock.
        mono_ns = int(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6) or int(now_s * 1e9)
        if 1 in data.shape[:2] or data.ndim == 1:  # one row of bytes: the camera's own JPEG
            return Taken(_trimmed(data.tobytes()), mono_ns=mono_ns, light=self._light())
        return Taken(np.asarray(data, np.uint8), mono_ns=mono_ns, light=self._light())

    def _light(self) -> Light:
        exposure, gain = self._capture.get(cv2.CAP_PROP_EXPOSURE), self._capture.get(cv2.CAP_PROP_GAIN)
        return Light(exposure * 100.0 if exposure > 0 else None, gain if gain > 0 else None)  # V4L2 counts 100 µs

    def close(self) -> None:
        """Releases the device."""
        self._capture.release()


class PiCameraSource:
    """The Raspberry Pi's camera through ``picamera2``, which the system's packages bring."""

    live = True

    def __init__(self, number: str, fps: float, size: tuple[int, int]) -> None:
        try:
            from picamera2 import Picamera2  # type: ignore[import-not-found]
        except ImportError as error:
            raise SourceError(
                "picamera2 is not installed; `sudo apt install python3-picamera2`, and an environment made with"
                " --system-site-packages"
            ) from error
        try:
            self._camera: Any = Picamera2(int(number))
            # RGB888 lies in memory as blue, green, red: what OpenCV calls BGR.
            config = self._camera.create_video_configuration(
                main={"size": size, "format": "RGB888"}, controls={"FrameRate": fps}, buffer_count=3
            )
            self._camera.configure(config)
            self._camera.start()
        except (RuntimeError, IndexError, OSError, ValueError) as error:
            raise SourceError(f"Raspberry Pi camera {number} cannot be started ({error})") from error

    def read(self) -> Taken:
        """The next frame; the camera itself keeps the pace."""
        try:
            request = self._camera.capture_request()
        except (RuntimeError, OSError) as error:
            raise SourceError(f"the Raspberry Pi camera gives no more frames ({error})") from error
        try:
            image = np.array(request.make_array("main"), np.uint8)[:, :, :3]  # a copy: masks are drawn into it
            told: dict[str, Any] = request.get_metadata()
        finally:
            request.release()
        light = Light(told.get("ExposureTime"), told.get("AnalogueGain"))
        return Taken(np.ascontiguousarray(image), mono_ns=told.get("SensorTimestamp"), light=light)

    def close(self) -> None:
        """Stops the camera."""
        self._camera.stop()
        self._camera.close()


def _trimmed(jpeg: bytes) -> bytes:
    """Without the zeros that a driver leaves behind the end of the picture."""
    end = jpeg.rfind(b"\xff\xd9")
    return jpeg if end < 0 else jpeg[: end + 2]
