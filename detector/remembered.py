"""A camera's view as a few kilobytes of data: what it looked like when nothing happened, kept for a restart, for the
next evening and as the reference that focus and pose are measured against. Pure: the file belongs to the gateway."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from detector.frames import HEIGHT, WIDTH, Grey
from detector.register import MAX_SHIFT_PX, Pose, Reference, find_pose, lay

_MOST_BYTES = 120_000
_MOVED_PX = 8.0  # of the working picture; a 40th of the width: chimneys are no longer where they were said to be
_STRANGE_LEVELS = 7.0  # robust mean difference left after pose and light
_LIKENESS = 0.55  # correlation of the pictures' fine structure


class NotUsable(ValueError):
    """What was remembered cannot be used here; the message says why."""


@dataclass(frozen=True, slots=True)
class View:
    """One remembered view. ``picture`` is (HEIGHT, WIDTH) grey levels; ``frame_size`` the pushed frame's
    (width, height)."""

    picture: Grey
    frame_size: tuple[int, int]

    def to_data(self) -> dict[str, object]:
        """JSON-able; the picture is an 8-bit PNG in base64, some 30 kB."""
        done, png = cv2.imencode(".png", np.clip(np.rint(self.picture), 0, 255).astype(np.uint8))
        assert done
        return {
            "frame_size": list(self.frame_size),
            "picture_png": base64.b64encode(png.tobytes()).decode("ascii"),
        }

    @staticmethod
    def from_data(data: object) -> View:
        """Raises :class:`NotUsable` for anything that :meth:`to_data` could not have made."""
        if not isinstance(data, Mapping):
            raise NotUsable("the remembered view is damaged: not an object")
        try:
            width, height = (int(side) for side in data["frame_size"])
            text = data["picture_png"]
            if not isinstance(text, str) or len(text) > _MOST_BYTES * 4 // 3:
                raise NotUsable("the remembered view is damaged: no picture of a plausible size")
            raw = base64.b64decode(text, validate=True)
            picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED) if raw else None
        except (KeyError, TypeError, ValueError, OverflowError, binascii.Error, cv2.error) as error:
            if isinstance(error, NotUsable):
                raise
            raise NotUsable(f"the remembered view is damaged: {type(error).__name__}") from error
        if picture is None or picture.shape != (HEIGHT, WIDTH) or picture.dtype != np.uint8:
            raise NotUsable("the remembered view is damaged: its picture is not 320x180 grey")
        if min(width, height) <= 0:
            raise NotUsable("the remembered view is damaged: impossible numbers")
        return View(picture.astype(np.float32), (width, height))


def drift(view: View, frame: Grey) -> Pose:
    """Where a working frame lies against the view: found at once however far the camera was knocked, then fitted
    finely as far as registration reaches."""
    window = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
    (dx, dy), sure = cv2.phaseCorrelate(_structure(view.picture), _structure(frame), window)
    start = Pose(dx=dx, dy=dy) if sure > 0.1 else Pose()
    if math.hypot(dx, dy) > MAX_SHIFT_PX and sure > 0.1:
        return start
    reference, pose = Reference(view.picture), start
    for _ in range(4):
        pose = find_pose(frame, reference, pose)
    return pose


def check(view: View, frame: Grey, frame_size: tuple[int, int]) -> Pose:
    """The pose of a frame that this view is fit to be the background of. Raises :class:`NotUsable` with the reason:
    another size, another view, a moved camera, other light."""
    old, new = view.frame_size, frame_size
    if abs(old[0] / old[1] - new[0] / new[1]) > 0.02:
        raise NotUsable(f"frames are {new[0]}x{new[1]} now and were {old[0]}x{old[1]}: another camera or mode")
    pose = drift(view, frame)
    alike = likeness(view.picture, frame, pose)
    if alike < _LIKENESS:
        raise NotUsable(f"the camera shows another view (likeness {alike:.2f}, at least {_LIKENESS} is needed)")
    if pose.largest_px > _MOVED_PX:
        raise NotUsable(f"the camera has been moved by {pose.largest_px * new[0] / WIDTH:.0f} px")
    if pose.residual > _STRANGE_LEVELS:
        raise NotUsable(f"the light is too different ({pose.residual:.0f} grey levels)")
    return pose


def likeness(picture: Grey, frame: Grey, pose: Pose) -> float:
    """Correlation (-1 to 1) of the structure of two pictures, lamps' glare and slow shading aside; one where there is
    no structure to compare."""
    a, b = _structure(picture), _structure(lay(frame, pose))
    power = math.sqrt(float((a * a).mean()) * float((b * b).mean()))
    if power < 0.3:
        return 1.0
    return float((a * b).mean()) / power


def structure_power(picture: Grey) -> float:
    """How much structure a picture has to be known by; some 5-50 for a lit street, near 0 for a dark one."""
    structure = _structure(picture)
    return float((structure * structure).mean())


def _structure(picture: Grey) -> Grey:
    # Logarithm: a lamp of 250 grey levels must not outvote all walls.
    even = np.log1p(np.maximum(picture, 0)) * 32
    soft = cv2.GaussianBlur(even, (0, 0), 2.0)
    fine: Grey = soft - cv2.GaussianBlur(even, (0, 0), 12.0)
    return np.clip(fine, -20, 20)
