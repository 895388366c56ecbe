"""What the cloud knows around one event beside its detections: plain values, so that judging stays pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from cloud_ingest.geotag.air import Rise, Wind
from cloud_ingest.geotag.history import Night
from cloud_ingest.geotag.register import Register
from cloud_ingest.geotag.steam import EarlierPlume

_LATEST_S = 4_102_000_000.0


@dataclass(frozen=True, slots=True)
class Around:
    """Everything may be missing; then it weighs nothing. ``zone``: the town's clock."""

    zone: tzinfo = UTC
    register: Register | None = None
    nights: Mapping[str, Sequence[Night]] = field(default_factory=dict)  # earlier nights by rooftop
    rises: Sequence[Rise] = ()  # of PM2.5, from stored telemetry
    wind: Wind = field(default_factory=Wind)
    plumes: Sequence[EarlierPlume] = ()  # tonight at the same origin, up to now, this one included
    zones: Sequence[str] | None = None  # names of those around the likeliest roof at the time; None: none imported

    def local(self, unix_s: float) -> datetime:
        """A moment by the town's clock; one outside of 1970 to 2099, of a clock that is wrong, at that range's end."""
        return datetime.fromtimestamp(min(max(unix_s, 86400.0), _LATEST_S), self.zone)
