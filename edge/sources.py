"""Where frames come from: an HTTP snapshot address, a folder of pictures, a video file or a network stream."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import cv2
import numpy as np

from detector.clip import pictures_in
from edge.onvif import OnvifError, stream_address
from edge.settings import CameraSection
from edge.taken import Source, SourceEnded, SourceError, Taken

_MAX_SNAPSHOT = 32 * 1024 * 1024
_TIMEOUT_S = 5.0


def open_source(section: CameraSection) -> Source:
    """The source of a configured camera. Raises :class:`SourceError` when it is not there."""
    match section.kind:
        case "snapshot":
            return SnapshotSource(section.source)
        case "folder":
            return FolderSource(Path(section.source))
        case "video":
            return VideoSource(section.source, section.fps)
        case "onvif":
            try:
                return VideoSource(stream_address(section.source), section.fps)
            except OnvifError as error:
                raise SourceError(str(error)) from error
        case "v4l2":
            from edge.devices import V4l2Source

            return V4l2Source(section.source, section.fps, section.size)
        case "picamera2":
            from edge.devices import PiCameraSource

            return PiCameraSource(section.source, section.fps, section.size)


class SnapshotSource:
    """Fetches the newest picture from an address, which may hold name and password (basic or digest)."""

    live = False

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]  # a camera stands on the roof
        if parts.username is not None:
            accounts = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            accounts.add_password(None, self._address, parts.username, parts.password or "")
            handlers.append(urllib.request.HTTPDigestAuthHandler(accounts))
            handlers.append(urllib.request.HTTPBasicAuthHandler(accounts))
        self._opener = urllib.request.build_opener(*handlers)

    def read(self) -> Taken:
        """One request, one picture."""
        try:
            with self._opener.open(self._address, timeout=_TIMEOUT_S) as answer:
                data: bytes = answer.read(_MAX_SNAPSHOT + 1)
                if answer.length:  # bytes that were promised and did not come
                    raise SourceError("the camera does not answer (it broke off in the middle of the picture)")
        except urllib.error.HTTPError as error:
            raise SourceError(f"the camera answers {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise SourceError(f"the camera does not answer ({reason})") from error
        return Taken(data)

    def close(self) -> None:
        """Nothing stays open between pictures."""


class FolderSource:
    """Pictures in name order. Behind the last it waits for later names, as a camera that uploads gives them."""

    live = False

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceError(f"{folder} is not a folder")
        self._folder = folder
        self._ahead: list[str] = []
        self._last = ""
        self._scan()

    def __len__(self) -> int:
        """How many pictures are known to be ahead."""
        return len(self._ahead)

    def read(self) -> Taken:
        """The next file's bytes. Raises :class:`SourceEnded` when there is none yet."""
        if not self._ahead:
            self._scan()
        if not self._ahead:
            raise SourceEnded(f"no picture behind {self._last or 'the start'} in {self._folder}")
        self._last = self._ahead.pop(0)
        try:
            return Taken((self._folder / self._last).read_bytes())
        except OSError:
            return Taken(b"")  # counted as an unreadable frame; the next file follows

    def _scan(self) -> None:
        self._ahead = [file.name for file in pictures_in(self._folder) if file.name > self._last]

    def close(self) -> None:
        """Nothing stays open between pictures."""


class VideoSource:
    """A file or a network stream through OpenCV. Frames beyond ``fps`` are passed over without decoding them
    into pixels; a stream is always drained to its newest frame."""

    def __init__(self, source: str, fps: float) -> None:
        self.live = "://" in source
        if not self.live and not Path(source).is_file():
            raise SourceError(f"{source} is no file")
        self._name = source.rpartition("@")[2]  # without a password
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 8000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 8000] if self.live else []
        self._capture = cv2.VideoCapture(source, cv2.CAP_ANY, limits)
        if not self._capture.isOpened():
            raise SourceError(f"{self._name} cannot be opened as video")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._rate = rate if np.isfinite(rate) and 0 < rate <= 1000 else fps
        self._period_s = 1.0 / fps
        self._index = -1
        self._due_s: float | None = None
        self._last_at_s = -1.0

    @property
    def duration_s(self) -> float:
        """How long a file says that it is; 0 where it does not say."""
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return float(count) / self._rate if np.isfinite(count) and count > 0 else 0.0

    def read(self) -> Taken:
        """The first frame at or after the moment that is due."""
        while True:
            if not self._capture.grab():
                raise (SourceError if self.live else SourceEnded)(f"{self._name} gives no more frames")
            self._index += 1
            at_s = time.monotonic() if self.live else self._file_time_s()
            # Half a frame of patience, so that 2 of 25 frames a second stay 2 and do not become every 13th.
            if self._due_s is None or at_s >= self._due_s - 0.5 / self._rate:
                break
        self._due_s = max((at_s if self._due_s is None else self._due_s) + self._period_s, at_s)
        done, image = self._capture.retrieve()
        data = np.asarray(image, np.uint8) if done and image is not None else b""
        return Taken(data, mono_ns=int(at_s * 1e9)) if self.live else Taken(data, at_s)

    def _file_time_s(self) -> float:
        """The file's own time; where that does not move on, the frame's number over the file's rate."""
        at_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        if not np.isfinite(at_s) or at_s <= self._last_at_s:
            at_s = max(self._index / self._rate, self._last_at_s + 1.0 / self._rate if self._last_at_s >= 0 else 0.0)
        self._last_at_s = at_s
        return float(at_s)

    def close(self) -> None:
        """Releases the device or file."""
        self._capture.release()
