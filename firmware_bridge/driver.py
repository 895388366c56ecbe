"""The one shape of every sensor driver: how its frames are found, read, written, asked for and woken.

A driver holds no state and touches no port: :mod:`firmware_bridge.stream` finds its frames in any byte stream,
:mod:`firmware_bridge.link` carries its commands. One instance describes one configured model.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from firmware_bridge.reading import Mark, Quality, Reading

#: Keys of ``Reading.values`` that identify or diagnose; averaging them would be nonsense.
NOT_QUANTITIES = frozenset({"version", "error_code", "sensor_id"})

#: How a reading's quality appears among the data marks of HJ 212. Only N counts as valid there.
MARK_OF_QUALITY: dict[Quality, Mark] = {
    "ok": "N",
    "warming_up": "F",  # not in service yet
    "zero": "N",  # may be clean air; the history decides
    "ceiling": "T",
    "stuck": "D",
    "spike": "N",  # a spike may be the fire
    "disagrees": "D",
    "out_of_range": "D",
    "stale": "B",
    "sensor_error": "D",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An intact frame that carries no measurement: an acknowledgement, a setting, an identification."""

    model: str
    kind: str  # the command that it answers, under the name it has in ``Driver.commands`` where there is one
    values: Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that begin like a frame and are none, or hold what the sensor cannot have said. ``cause`` is for people
    and comes from a small set, because it is counted."""

    cause: str


BAD_CHECKSUM = Refused("checksum")
WRONG_LENGTH = Refused("length")
NEED_MORE = 0
NO_FRAME = -1


class Driver(ABC):
    """One family's protocol, configured for one model.

    ``start`` matches the first ``start_bytes`` bytes of a frame. ``flag_bytes`` is 1 where one delimiter byte may end a
    frame and begin the next. Frames are never longer than ``longest``. In ``commands``, ``wake`` and ``sleep`` are what
    a duty cycle uses: fan and light source on and off.
    """

    family: ClassVar[str]
    start_bytes: ClassVar[int]
    longest: ClassVar[int]
    flag_bytes: ClassVar[int] = 0

    model: str
    baud: int = 9600
    parity: Literal["N", "E"] = "N"
    warm_up_s: float = 30.0
    #: Names in ``commands`` sent after opening the port, and those that ask for readings in turn (none: it pushes).
    on_open: tuple[str, ...] = ()
    polls: tuple[str, ...] = ()
    #: Names in ``commands`` whose answers say which unit this is and how it is.
    identify: tuple[str, ...] = ()
    #: Seconds between readings: how often a sensor is asked, the slowest rate of one that pushes.
    every_s: float = 1.0

    @property
    @abstractmethod
    def start(self) -> re.Pattern[bytes]:
        """What a frame begins with."""

    @property
    def commands(self) -> Mapping[str, bytes]:
        """Bytes to send, by name (``sleep``, ``wake``, ``read`` ...). Empty for sensors that take none."""
        return {}

    def remedy(self, reply: Reply) -> tuple[str, ...]:
        """Commands that put right what ``reply`` tells; usually none."""
        return ()

    @abstractmethod
    def frame_length(self, buffer: bytes, at: int) -> int:
        """Length of the frame that begins at ``at``; ``NEED_MORE`` if that cannot be told yet; ``NO_FRAME`` if the
        bytes after the start contradict this model."""

    @abstractmethod
    def parse(self, frame: bytes) -> Reading | Reply | Refused:
        """Checks and reads one whole frame of the length that ``frame_length`` gave."""

    @abstractmethod
    def encode(self, values: Mapping[str, float]) -> bytes:
        """The measurement frame that carries ``values``, under the names that ``parse`` uses; what is left out is 0.
        For emulators and round trips. Raises ``ValueError`` for a value that the frame cannot hold."""


def flagged(model: str, values: dict[str, float], quality: Quality, reason: str) -> Reading:
    """A reading that is not ok, with the mark that belongs to its quality."""
    return Reading(model, values, quality, MARK_OF_QUALITY[quality], reason)


def scaled(values: Mapping[str, float], name: str, factor: float, low: int, high: int) -> int:
    """``values[name] * factor`` as the integer that the wire carries. Raises ``ValueError`` outside low..high."""
    raw = round(values.get(name, 0.0) * factor)
    if not low <= raw <= high:
        raise ValueError(f"{name} = {values[name]} does not fit the frame ({low / factor:g} to {high / factor:g})")
    return raw
