"""A spool in use: stores detections and telemetry, acknowledges, makes room, and says what it was promised. Every body
tells its own number, so that nothing can be lost, doubled or invented without being seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from edge.facts import Fact
from edge.spool import Spool
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.records import Aggregate, Detection, Dropped, Model, Telemetry, decode_record

STAMP = Stamp(1_795_000_000.0, 5_000_000_000)
_MODEL = Model("test", "sha256:" + "0" * 64)
_BOOT = "boot"
_ROOM_BYTES = 300_000


@dataclass(slots=True)
class Book:
    """What a spool has promised. ``told`` maps (lane, seq) to the number in the body; ``settled`` is how far each lane
    was to be acknowledged; ``may_go`` lanes may have lost records for space."""

    told: dict[tuple[str, int], int] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=lambda: {"detection": 0, "telemetry": 0})

    def copy(self) -> Book:
        """As it is now."""
        return Book(dict(self.told), dict(self.settled))


def write(spool: Spool, first: int, say: Callable[[str], None]) -> Iterator[int]:
    """Uses the spool for ever, one step an iteration. ``say`` is told ``s LANE SEQ NUMBER`` after each commit, and
    ``a LANE SEQ`` *before* an acknowledgement is applied, for a record that goes after it must not count as lost."""
    number = first
    while True:
        lanes = ["telemetry"] * (1 + number % 4) + ["detection"] * (number % 3 == 0)
        facts = [(lane, number + at) for at, lane in enumerate(lanes)]
        for (lane, body), seq in zip(facts, spool.append(fact(*one) for one in facts), strict=True):
            say(f"s {lane} {seq} {body}")
        number += len(facts)
        if number % 7 == 0:
            for lane in ("telemetry", "detection"):
                upto = max(0, spool.last_seq(lane) - 40)
                say(f"a {lane} {upto}")
                spool.acknowledge(lane, upto, [])
        if number % 11 == 0:
            say("r - 0")
            spool.make_room(_ROOM_BYTES, STAMP, _BOOT, ClockState())
        yield number


def fact(lane: str, number: int) -> Fact:
    """A record of ordinary size that says its number."""
    at = STAMP.captured_at
    body: Detection | Telemetry
    if lane == "telemetry":
        values = {f"pm{size}_atm_ug_m3": Aggregate(mean=number, low=0, high=number, count=60) for size in (1, 25, 10)}
        body = Telemetry(sensor="pm", model="m", from_at=at, to_at=at, values=values, readings=number)
    else:
        body = Detection(
            detection_id=f"gw/cam/{number:016x}", revision=1, phase="start", camera="cam", pose_version=1,
            frame_size=(1280, 720), origin_px=(1, 1), origin_sigma_px=(1, 1), bbox_px=(0, 0, 2, 2),
            plume_class="smoke", confidence=0.5, started_at=at, alarmed_at=at, last_seen_at=at, visible_s=1,
            model=_MODEL, evidence_id=f"{number:032x}",
        )  # fmt: skip
    return Fact(lane, body, STAMP, _BOOT, ClockState())


def hear(book: Book, line: str) -> None:
    """One line of :func:`write`."""
    kind, lane, *numbers = line.split()
    if kind == "s":
        book.told[lane, int(numbers[0])] = int(numbers[1])
    elif kind == "a":
        book.settled[lane] = max(book.settled[lane], int(numbers[0]))


def faults_of(folder: Path, book: Book, *, told_is_all: bool = False) -> list[str]:
    """What is wrong with the spool in ``folder``, in words: a promised record that is gone, a record that says
    something else, a number given twice. Opens it as a gateway does. ``told_is_all``: nothing beyond the book may be
    there either (nothing was on its way when the power went)."""
    spool = Spool(folder)
    spool.close()
    wrong: list[str] = []
    with closing(sqlite3.connect(spool.path)) as db:
        if (answer := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            wrong.append(f"the file is damaged: {answer}")
        found = {(lane, seq): bytes(raw) for lane, seq, raw in db.execute("SELECT lane, seq, bytes FROM record")}
        last = dict(db.execute("SELECT name, last_seq FROM lane"))
    gone = _announced(found)
    for (lane, seq), number in book.told.items():
        raw = found.get((lane, seq))
        if raw is None and seq > book.settled[lane] and (lane, seq) not in gone:
            wrong.append(f"{lane}/{seq} was promised and is gone")
        if raw is not None and number_of(raw) != number:
            wrong.append(f"{lane}/{seq} was {number} and says {number_of(raw)}")
    wrong += [f"{lane}/{seq} lies beyond the last number {last[lane]}" for lane, seq in found if seq > last[lane]]
    if told_is_all:
        wrong += [f"{lane}/{seq} was never written" for lane, seq in found if (lane, seq) not in book.told]
    return wrong


def number_of(raw: bytes) -> int | None:
    """The number that a record's body tells; None for an announcement."""
    body = decode_record(raw).body
    if isinstance(body, Telemetry):
        return body.readings
    return int(body.detection_id.rpartition("/")[2], 16) if isinstance(body, Detection) else None


def _announced(found: dict[tuple[str, int], bytes]) -> set[tuple[str, int]]:
    gone = set()
    for (lane, _), raw in found.items():
        body = decode_record(raw).body
        if isinstance(body, Dropped):
            gone |= {(lane, seq) for seq in range(body.first_seq, body.last_seq + 1)}
    return gone
