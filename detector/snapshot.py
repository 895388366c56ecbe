"""What a process knows of a camera, as small JSON-able data that its successor can take up: the background and the open
tracks. All times are seconds before the snapshot, so that no clock is needed and none can disagree."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detector.cues import Course
from detector.frames import CELLS
from detector.remembered import NotUsable, View
from detector.tracks import Track

FORMAT = "smoke-sentry-detector-state-1"
TRACKS_KEPT_S = 600.0  # an open plume is taken up again for this long; later the gateway matches by place and time
VIEW_KEPT_S = 1800.0  # as a background: later too many windows have been lit and cars parked
_MOST_TRACKS = 64
_NUMBERS = ("x", "y", "sigma", "score", "peak", "smoke", "steam", "visible_s")
_AGO = ("started_s", "alarm_s", "last_seen_s")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A view without its plumes, and the tracks that were open; the tracks' times are seconds, 0 being the snapshot's
    moment (so all are negative or 0)."""

    view: View
    tracks: tuple[Track, ...] = field(default=())

    def to_data(self) -> dict[str, object]:
        """JSON-able, some 30 kB and 1 kB a track."""
        return {
            "format": FORMAT,
            "view": self.view.to_data(),
            "tracks": [_track_data(track) for track in self.tracks[:_MOST_TRACKS]],
        }

    @staticmethod
    def from_data(data: object) -> Snapshot:
        """Raises :class:`NotUsable` with the reason for whatever :meth:`to_data` could not have made."""
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise NotUsable(f"not a detector's state of this version ({FORMAT})")
        rows = data.get("tracks")
        if not isinstance(rows, list) or len(rows) > _MOST_TRACKS:
            raise NotUsable("the state is damaged: no list of tracks")
        view = View.from_data(data.get("view"))
        return Snapshot(view, tuple(_track(row, number) for number, row in enumerate(rows, 1)))

    def tracks_at(self, t_s: float, gone_s: float, held_until_s: float) -> list[Track]:
        """The tracks for a detector whose first frame is at ``t_s``, ``gone_s`` after the snapshot; none when that was
        too long ago. They stay open until ``held_until_s`` to give the statistics time to see them again."""
        if gone_s > TRACKS_KEPT_S:
            return []
        moved = []
        for track in self.tracks:
            times = {name: getattr(track, name) + t_s - gone_s for name in _AGO}
            moved.append(replace(track, **times, told_s=t_s, held_until_s=held_until_s, from_start=True))
        return moved


def take(view: View, tracks: list[Track], t_s: float) -> Snapshot:
    """A snapshot at ``t_s``."""
    return Snapshot(view, tuple(replace(t, **{name: getattr(t, name) - t_s for name in _AGO}) for t in tracks))


def _track_data(track: Track) -> dict[str, object]:
    data: dict[str, object] = {name: round(float(getattr(track, name)), 3) for name in _NUMBERS + _AGO}
    data["class"] = track.told_class
    data["area"] = base64.b64encode(np.packbits(track.area).tobytes()).decode("ascii")
    return data


def _track(row: object, number: int) -> Track:
    if not isinstance(row, Mapping):
        raise NotUsable("the state is damaged: a track is not an object")
    try:
        numbers = {name: float(row[name]) for name in _NUMBERS + _AGO}
        told, area = row["class"], _area(str(row["area"]))
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise NotUsable(f"the state is damaged: a track's {error}") from error
    shares = (numbers[name] for name in ("score", "peak", "smoke", "steam"))
    sound = (
        all(math.isfinite(value) for value in numbers.values())
        and 0 <= numbers["x"] < CELLS[1]
        and 0 <= numbers["y"] < CELLS[0]
        and 0 < numbers["sigma"] < CELLS[1]
        and all(0 <= share <= 1 for share in shares)
        and numbers["started_s"] <= numbers["alarm_s"] <= 0
        and numbers["last_seen_s"] <= 0
        and numbers["visible_s"] >= 0
        and told in ("", "smoke", "steam", "unresolved")
    )
    if not sound:
        raise NotUsable("the state is damaged: a track with impossible numbers")
    return Track(
        number=number, area=area, told_class=str(told), course=Course(), from_start=True, firings=(0, None), **numbers
    )


def _area(text: str) -> NDArray[np.bool_]:
    raw = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    if raw.size != CELLS[0] * CELLS[1] // 8:
        raise ValueError("area has another size")
    return np.unpackbits(raw).reshape(CELLS).astype(bool)
