"""A camera's frame once it is in the house: masked, small for the detector, and as JPEG bytes for people. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.frames import MAX_SIDE_PX, MIN_SIDE_PX, WIDTH
from smokesentry.clock import Stamp

Image: TypeAlias = NDArray[np.uint8]
Mask: TypeAlias = Sequence[tuple[float, float]]

_MAX_BYTES = 32 * 1024 * 1024
_JPEG = b"\xff\xd8\xff"
_KEPT_QUALITY = 90
_REDUCED_GREY = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


class UnreadableFrame(ValueError):
    """These bytes are no usable picture; the message says why in a few words fit for a counter's name."""


@dataclass(frozen=True, slots=True)
class Light:
    """What a camera says of its own exposure, as far as it says it. ``ir_cut``: whether the filter is in (day)."""

    exposure_us: float | None = None
    gain: float | None = None
    ir_cut: bool | None = None


@dataclass(slots=True)
class Frame:
    """One frame: ``view`` is what the detector gets, grey and reduced; ``size`` is the raw frame's (width, height).

    The camera's own JPEG bytes are kept where nothing had to be masked; otherwise the masked picture is encoded when
    somebody asks.
    """

    stamp: Stamp
    t_s: float
    size: tuple[int, int]
    view: Image
    light: Light | None = None
    _jpeg: bytes | None = None
    _image: Image | None = None

    @property
    def scale(self) -> tuple[float, float]:
        """From the view's pixels to the raw frame's: multiply x and y."""
        return self.size[0] / self.view.shape[1], self.size[1] / self.view.shape[0]

    def jpeg(self) -> bytes:
        """The frame for people, masked, at full size."""
        if self._jpeg is None:
            assert self._image is not None
            self._jpeg = encode_jpeg(self._image, _KEPT_QUALITY)
            self._image = None  # one form is enough to hold
        return self._jpeg

    def settle(self) -> None:
        """From now on the view is that of the JPEG bytes: what is judged is what is stored, and can be judged again."""
        if self._jpeg is None:
            self.view = _decode(self.jpeg(), _REDUCED_GREY[_reduction(self.size[0])])


def frame_from_bytes(raw: bytes, masks: Sequence[Mask], stamp: Stamp, t_s: float) -> Frame:
    """A frame out of an encoded picture. Raises :class:`UnreadableFrame`.

    A JPEG without masks is only decoded small and grey, which is all that the detector looks at.
    """
    if not raw:
        raise UnreadableFrame("empty")
    if len(raw) > _MAX_BYTES:
        raise UnreadableFrame("larger than 32 MiB")
    if raw.startswith(_JPEG):
        size = _checked(jpeg_size(raw))
        # libjpeg fills a torn picture with grey, which would look like a new scene.
        if b"\xff\xd9" not in raw[-4096:]:
            raise UnreadableFrame("torn JPEG")
        if not masks:
            view = _decode(raw, _REDUCED_GREY[_reduction(size[0])])
            return Frame(stamp, t_s, size, view, _jpeg=raw)
    return frame_from_image(_decode(raw, cv2.IMREAD_COLOR), masks, stamp, t_s)


def frame_from_image(image: Image, masks: Sequence[Mask], stamp: Stamp, t_s: float) -> Frame:
    """A frame out of decoded pixels, BGR (H, W, 3) or grey (H, W). The image is drawn on: masks are burnt in here."""
    if image.ndim not in (2, 3):
        raise UnreadableFrame("neither grey nor colour")
    size = _checked((image.shape[1], image.shape[0]))
    burn_in(image, masks)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    factor = _reduction(size[0])
    if factor > 1:
        small = (-(-size[0] // factor), -(-size[1] // factor))
        grey = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    return Frame(stamp, t_s, size, np.asarray(grey, np.uint8), _image=image)


def burn_in(image: Image, masks: Sequence[Mask]) -> None:
    """Blackens the polygons (pixels of the raw frame), in place."""
    for polygon in masks:
        corners = np.round(np.asarray(polygon, np.float64)).astype(np.int32)
        cv2.fillPoly(image, [corners], (0, 0, 0))


def encode_jpeg(image: Image, quality: int) -> bytes:
    """JPEG bytes of pixels."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise UnreadableFrame("cannot be encoded as JPEG")
    return bytes(data)


def decode_image(raw: bytes) -> Image:
    """Pixels (BGR) of an encoded picture that has been a :class:`Frame` before."""
    return _decode(raw, cv2.IMREAD_COLOR)


def jpeg_size(raw: bytes) -> tuple[int, int]:
    """Width and height out of a JPEG's frame header (ITU T.81, B.2.2), without decoding it."""
    at = 2
    while at + 9 <= len(raw):
        if raw[at] != 0xFF:
            break
        marker = raw[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        else:
            at += 2 + int.from_bytes(raw[at + 2 : at + 4])
    raise UnreadableFrame("JPEG without a size")


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    if min(size) < MIN_SIDE_PX:
        raise UnreadableFrame(f"smaller than {MIN_SIDE_PX} pixels")
    if max(size) > MAX_SIDE_PX:
        raise UnreadableFrame(f"larger than {MAX_SIDE_PX} pixels")
    return size


def _reduction(width: int) -> int:
    """How far a frame may be halved and still be twice as wide as the detector's working picture, which averages."""
    return max(factor for factor in _REDUCED_GREY if factor == 1 or width // factor >= 2 * WIDTH)


def _decode(raw: bytes, how: int) -> Image:
    # The frame's pixels are the raw sensor's: an orientation tag must not turn them.
    image = cv2.imdecode(np.frombuffer(raw, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise UnreadableFrame("not a picture that can be decoded")
    return np.asarray(image, np.uint8)
