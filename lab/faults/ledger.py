"""After the faults: every detection that a gateway decided and stored, against what the cloud holds.

Three witnesses: the gateway's log (decided), its spool (stored, numbered, with the exact bytes), and the signed
envelopes that the cloud kept. Times are judged by the one clock that no fault moved: the machine's monotonic one, which
every record carries.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from sqlalchemy import create_engine, select

from cloud_ingest.store.schema import clock_fixes, detection_revisions, dropped_ranges, envelopes, lane_progress
from edge.spool_file import FILE_NAME
from lab.ledger import numbers_held, read_spool
from smokesentry.clock import from_wire
from smokesentry.messages.envelope import Envelope
from smokesentry.messages.records import LANES, Detection, Record, decode_batch, decode_record

_DECIDED = re.compile(r"camera \S+: (?:start|update|end) .* revision (\d+), (\S+)$")
_STARTED = re.compile(r"gateway \S+ runs: ")
_HONEST_S = 2.0
_LAST_WORDS = 4  # decisions that may be on their way to the disk when the power goes

Id = tuple[str, int]  # detection id, revision


@dataclass(slots=True)
class Ledger:
    """One gateway's account. Everything in ``wrong`` is a broken promise, in words."""

    gateway: str
    decided: int = 0
    cut_off: int = 0  # decided in the last moment before a kill -9, never stored: the process died with them
    given: dict[str, int] = field(default_factory=dict)  # numbers given a lane, all spools together
    stored: dict[str, int] = field(default_factory=dict)  # of these, held by the cloud
    given_up: dict[str, int] = field(default_factory=dict)  # announced as dropped for want of room
    waiting: dict[str, int] = field(default_factory=dict)  # with the gateway only, when it stopped
    detections: int = 0  # distinct id and revision in the cloud
    sent_again: int = 0  # copies that the cloud recognised
    times: Counter[str] = field(default_factory=Counter)  # honest, corrected, marked, wrong
    clock_fixes: int = 0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        lanes = "; ".join(
            f"{lane} {self.given[lane]} given, {self.stored[lane]} in the cloud"
            + (f", {self.given_up[lane]} given up and said" if self.given_up[lane] else "")
            + (f", {self.waiting[lane]} still with the gateway" if self.waiting[lane] else "")
            for lane in LANES
        )
        times = ", ".join(f"{count} {kind}" for kind, count in sorted(self.times.items()))
        return [
            f"{self.gateway}: {lanes}",
            f"    detections: {self.decided} decided, {self.cut_off} died with the process before they were stored,"
            f" {self.detections} in the cloud, each once",
            f"    their times: {times}; {self.clock_fixes} clock corrections sent",
            *(f"    WRONG: {one}" for one in self.wrong),
        ]


def compare(gateway: str, log: Path, spool_folder: Path, database: Path, wall_minus_mono_s: float) -> Ledger:
    """The account of one gateway that has stopped. ``database`` is the cloud's SQLite file."""
    ledger = Ledger(gateway)
    runs = _decided(log)
    decided = [one for run in runs for one in run]
    ledger.decided = len(set(decided))
    cloud = _Cloud(database, gateway)
    ledger.detections, ledger.clock_fixes = len(cloud.detections), len(cloud.fixes)
    ledger.sent_again = cloud.copies
    _compare_spool(ledger, spool_folder, cloud)
    forgivable = {one for run in runs for one in run[-_LAST_WORDS:]}
    lost = set(decided) - cloud.detections
    ledger.cut_off = len(lost & forgivable)
    ledger.wrong += [f"{name} revision {number} was decided and never arrived" for name, number in lost - forgivable]
    ledger.wrong += [
        f"{name} revision {n} arrived but was never decided" for name, n in cloud.detections - set(decided)
    ]
    ledger.wrong += _out_of_order(cloud.records)
    for record in cloud.records["detection"].values():
        ledger.times[_honesty(record, cloud.fixes, wall_minus_mono_s)] += 1
    if ledger.times["wrong"]:
        ledger.wrong.append(f"{ledger.times['wrong']} detections claim a time that was not theirs")
    return ledger


def waiting(spool_folder: Path) -> int:
    """How many records of a gateway still wait for the cloud; readable while the gateway runs."""
    with closing(sqlite3.connect(f"file:{spool_folder / FILE_NAME}?mode=ro", uri=True, timeout=5)) as db:
        return int(db.execute("SELECT COUNT(*) FROM record WHERE acked_ran_s IS NULL").fetchone()[0])


def _decided(log: Path) -> list[list[Id]]:
    """What each life of the process decided, in order."""
    runs: list[list[Id]] = [[]]
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if _STARTED.search(line):
            runs.append([])
        elif found := _DECIDED.search(line):
            runs[-1].append((found[2], int(found[1])))
    return runs


@dataclass(frozen=True, slots=True)
class _Fix:
    boot: str
    from_mono_ns: int
    to_mono_ns: int
    offset_s: float


class _Cloud:
    """What the cloud holds of one gateway."""

    def __init__(self, database: Path, gateway: str) -> None:
        self.records: dict[str, dict[tuple[str, int], Record]] = {lane: {} for lane in LANES}
        self.raw: dict[tuple[str, str, int], bytes] = {}
        self.copies = 0
        self.changed: list[str] = []
        engine = create_engine(f"sqlite:///{database}")
        with engine.connect() as db:
            for row in db.execute(select(envelopes).where(envelopes.c.gateway == gateway).order_by(envelopes.c.id)):
                self._open(row.spool, row.lane, row.raw)
            held = detection_revisions.c
            rows = db.execute(
                select(held.detection_id, held.revision).where(held.detection_id.startswith(f"{gateway}/"))
            )
            self.detections: set[Id] = {(str(name), int(number)) for name, number in rows}
            progress = db.execute(select(lane_progress).where(lane_progress.c.gateway == gateway))
            self.progress = {(row.spool, row.lane): (row.contiguous, row.ranges) for row in progress}
            gone = db.execute(select(dropped_ranges).where(dropped_ranges.c.gateway == gateway))
            self.given_up = {(row.spool, row.lane, n) for row in gone for n in range(row.first_seq, row.last_seq + 1)}
            fixes = db.execute(select(clock_fixes).where(clock_fixes.c.gateway == gateway))
            self.fixes = [
                _Fix(row.fixed_boot_id, row.from_mono_ns, row.to_mono_ns, row.offset_ms / 1000) for row in fixes
            ]
        engine.dispose()

    def _open(self, spool: str, lane: str, raw: bytes) -> None:
        payload = msgspec.json.decode(raw, type=Envelope).payload
        parts = msgspec.json.decode(payload, type=_Parts).records
        for part, record in zip(parts, decode_batch(payload).records, strict=True):
            key = (spool, lane, record.seq)
            if key in self.raw:
                self.copies += 1
                if self.raw[key] != bytes(part):
                    self.changed.append(f"{lane}/{record.seq} was sent twice with different content")
                continue
            self.raw[key] = bytes(part)
            self.records[lane][spool, record.seq] = record


class _Parts(msgspec.Struct):
    records: list[msgspec.Raw]


def _compare_spool(ledger: Ledger, folder: Path, cloud: _Cloud) -> None:
    book = read_spool(folder)
    spool_id = book.spool_id
    spools = {spool for spool, _ in cloud.progress}
    for lane in LANES:
        held = {(spool, seq) for spool in spools for seq in numbers_held(*cloud.progress.get((spool, lane), (0, [])))}
        up = {(spool, seq) for spool, of, seq in cloud.given_up if of == lane}
        ledger.given_up[lane] = len(up)
        others = {(spool, seq) for spool, seq in held if spool != spool_id}
        numbers = {(spool_id, seq) for seq in range(1, book.given[lane] + 1)} | others
        ledger.given[lane], ledger.stored[lane] = len(numbers), len(held - up)
        still = {(spool_id, seq) for seq in book.waiting(lane)}
        ledger.wrong += [f"{lane}/{seq} was given and is nowhere" for _, seq in sorted(numbers - held - up - still)]
        ledger.waiting[lane] = len(still - held)
        if lane == "detection":  # of the others, what was told while the gateway stopped waits for its next start
            ledger.wrong += [f"{lane}/{seq} still waits" for _, seq in sorted(still - held)]
    for lane, seq, raw, _ in book.kept:
        there = cloud.raw.get((spool_id, lane, seq))
        if there is not None and there != raw:
            ledger.wrong.append(f"{lane}/{seq} arrived with other bytes than were stored")
        if isinstance(body := decode_record(raw).body, Detection):
            known = (body.detection_id, body.revision) in cloud.detections
            ledger.wrong += (
                [] if known else [f"{body.detection_id} revision {body.revision} is stored, not in the cloud"]
            )
    ledger.wrong += cloud.changed


def _out_of_order(records: dict[str, dict[tuple[str, int], Record]]) -> list[str]:
    """Within a spool and lane numbers rise with the monotonic clock; revisions of a detection rise by one."""
    wrong: list[str] = []
    last: dict[tuple[str, str], tuple[int, int]] = {}
    revisions: dict[str, int] = {}
    seen: set[Id] = set()
    for (spool, seq), record in sorted(records["detection"].items()):
        body = record.body
        if not isinstance(body, Detection):
            continue
        earlier = last.get((spool, record.boot_id))
        if earlier is not None and record.mono_ns < earlier[1]:
            wrong.append(f"detection/{seq} is older than detection/{earlier[0]}")
        last[spool, record.boot_id] = (seq, record.mono_ns)
    for record in sorted(records["detection"].values(), key=lambda one: one.mono_ns):
        body = record.body
        if not isinstance(body, Detection) or (body.detection_id, body.revision) in seen:
            continue  # a copy that came by way of another spool: the cloud knows it by its id and revision
        seen.add((body.detection_id, body.revision))
        before = revisions.get(body.detection_id, 0)
        if body.revision != before + 1:
            wrong.append(f"{body.detection_id}: revision {body.revision} follows {before}")
        revisions[body.detection_id] = body.revision
    return wrong


def _honesty(record: Record, fixes: list[_Fix], wall_minus_mono_s: float) -> str:
    """``honest``: the time was right. ``corrected``: a clock fix makes it right. ``marked``: it was wrong, but said
    that nobody vouched for it. ``wrong``: it was claimed to be right and was not."""
    true_s = record.mono_ns / 1e9 + wall_minus_mono_s
    error_s = from_wire(record.captured_at).timestamp() - true_s
    if abs(error_s) <= _HONEST_S:
        return "honest"
    fixed_s = sum(
        fix.offset_s
        for fix in fixes
        if fix.boot == record.boot_id and fix.from_mono_ns <= record.mono_ns <= fix.to_mono_ns
    )
    if abs(error_s + fixed_s) <= _HONEST_S:
        return "corrected"
    return "wrong" if record.clock.state == "synchronised" else "marked"
