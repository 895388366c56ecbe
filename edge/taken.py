"""What every camera gives, whatever it is: one shape for files, addresses and devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.frames import Image, Light


class SourceError(RuntimeError):
    """The camera gives nothing now; the message says why. Trying again later may help."""


class SourceEnded(SourceError):
    """Recorded material is through."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Encoded bytes or decoded BGR pixels, and what else the source knows: recorded material's own time in seconds, a
    device's monotonic time of exposure, exposure and gain."""

    data: bytes | Image
    at_s: float | None = None
    mono_ns: int | None = None
    light: Light | None = None


class Source(Protocol):
    """One camera's stream of frames. ``live``: ``read`` itself waits for the moment that is due and must not be kept
    waiting; the others are asked at the configured pace."""

    live: bool

    def read(self) -> Taken:
        """The next frame; may block for as long as the camera needs. Raises :class:`SourceError`."""

    def close(self) -> None:
        """Lets go of the device or connection."""
