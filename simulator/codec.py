"""Real H.264: frames are encoded and decoded as a camera's stream would be, with the pulsing of its key frames.

The encoder is libx264 out of PyAV's wheels, a tool of the developer's machine; nothing that a gateway runs needs it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray


class H264:
    """One camera's stream at the pace at which frames are taken from it. ``quality`` is x264's rate factor.

    A key frame comes every ``key_s`` seconds, as cheap cameras have it, whatever happens in the picture.
    """

    def __init__(self, size: tuple[int, int], fps: float, quality: float = 30.0, key_s: float = 4.0) -> None:
        """Raises ``ImportError`` with what to do where PyAV is missing."""
        try:
            import av
        except ImportError as error:
            raise ImportError(
                "simulated cameras encode H.264 with PyAV, which is not installed here; "
                "it is in the extra [dev]: run `make prepare`, or pip install 'smoke-sentry[dev]'"
            ) from error
        self._frame = av.VideoFrame
        width, height = size
        self._size = width, height
        pace = Fraction(fps).limit_denominator(1000)
        gop = max(round(key_s * fps), 1)
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.framerate, encoder.time_base = pace, 1 / pace
        encoder.gop_size, encoder.thread_count = gop, 1
        encoder.options = {
            "preset": "superfast", "tune": "zerolatency", "crf": f"{quality:g}", "x264-params":
            f"keyint={gop}:min-keyint={gop}:scenecut=0:threads=1:sliced-threads=0",
        }  # fmt: skip
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        self._encoder, self._decoder, self._number = encoder, decoder, 0
        #: Bytes of the newest frame on the wire.
        self.bytes = 0

    def through(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame (h, w, 1 or 3 uint8) as it comes out at the other end."""
        grey = frame.shape[2] == 1
        # grey as luma, and out as luma again: converting a frame costs as much as encoding it
        picture = self._grey(frame[..., 0]) if grey else self._frame.from_ndarray(frame, format="bgr24")
        picture.pts = self._number
        self._number += 1
        packets = self._encoder.encode(picture)
        self.bytes = sum(packet.size for packet in packets)
        for packet in packets:
            for shown in self._decoder.decode(packet):
                if grey:
                    return _samples(shown.planes[0])[..., None].copy()
                return np.asarray(shown.to_ndarray(format="bgr24"), np.uint8)
        raise RuntimeError("the H.264 encoder kept a frame back; it was told not to (zerolatency)")

    def _grey(self, frame: NDArray[np.uint8]) -> Any:
        """A picture without colour, as the encoder takes it."""
        picture = self._frame(*self._size, "yuv420p")
        luma, *colours = picture.planes
        _samples(luma)[:] = frame
        for plane in colours:
            _samples(plane)[:] = 128
        return picture


def _samples(plane: Any) -> NDArray[np.uint8]:
    """One plane of a picture (h, w) where it lies, without the padding of its rows."""
    rows: NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
