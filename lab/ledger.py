"""Every id sent, accounted for: what a gateway's spool gave numbers to against what the cloud holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, NullPool, create_engine, func, select

from cloud_ingest.store.schema import (
    camera_poses,
    clock_fixes,
    detection_revisions,
    dropped_ranges,
    evidence_pictures,
    health,
    lane_progress,
    telemetry,
)
from edge.spool_file import FILE_NAME
from smokesentry.messages.records import LANES


@dataclass(frozen=True, slots=True)
class LaneAccount:
    """One lane of one spool. Each of the ``given`` numbers is stored, given up, still waiting, or missing."""

    gateway: str
    lane: str
    given: int
    stored: int
    given_up: int
    waiting: int  # with the gateway only
    missing: tuple[int, ...]  # must be empty
    facts: int  # rows in the cloud's tables that these numbers became


@dataclass(frozen=True, slots=True)
class SpoolBook:
    """What a gateway's spool says: its id, the last number given in each lane, and what it still keeps."""

    spool_id: str
    given: dict[str, int]
    kept: list[tuple[str, int, bytes, bool]]  # lane, number, the exact bytes, whether it waits for the cloud

    def waiting(self, lane: str) -> set[int]:
        """Numbers that the cloud has not acknowledged."""
        return {seq for of, seq, _, waits in self.kept if of == lane and waits}


def read_spool(folder: Path) -> SpoolBook:
    """The book of a gateway that has stopped."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        (spool_id,) = db.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()
        given = dict(db.execute("SELECT name, last_seq FROM lane").fetchall())
        rows = db.execute("SELECT lane, seq, bytes, acked_ran_s IS NULL FROM record").fetchall()
    return SpoolBook(spool_id, given, [(lane, seq, bytes(raw), bool(waits)) for lane, seq, raw, waits in rows])


def numbers_held(contiguous: int, ranges: Iterable[Sequence[int]]) -> set[int]:
    """What the cloud holds of a lane: everything up to ``contiguous``, and the closed ``ranges`` above it."""
    return set(range(1, contiguous + 1)) | {seq for first, last in ranges for seq in range(first, last + 1)}


def account(gateway: str, gateway_folder: Path, cloud_folder: Path) -> list[LaneAccount]:
    """The accounts of a gateway's four lanes, read from the files of both sides."""
    spool = read_spool(gateway_folder)
    accounts = []
    for lane in LANES:
        held = _held(cloud_folder, gateway, spool.spool_id, lane)
        gone = _given_up(cloud_folder, gateway, spool.spool_id, lane)
        numbers, waiting = set(range(1, spool.given[lane] + 1)), spool.waiting(lane)
        accounts.append(
            LaneAccount(
                gateway=gateway,
                lane=lane,
                given=len(numbers),
                stored=len(held - gone),
                given_up=len(gone),
                waiting=len(waiting - held),
                missing=tuple(sorted(numbers - held - gone - waiting)),
                facts=_facts(cloud_folder, gateway, lane),
            )
        )
    return accounts


def _held(cloud_folder: Path, gateway: str, spool: str, lane: str) -> set[int]:
    query = select(lane_progress.c.contiguous, lane_progress.c.ranges).where(
        lane_progress.c.gateway == gateway, lane_progress.c.spool == spool, lane_progress.c.lane == lane
    )
    with _engine(cloud_folder).connect() as connection:
        row = connection.execute(query).first()
    return set() if row is None else numbers_held(row.contiguous, row.ranges)


def _given_up(cloud_folder: Path, gateway: str, spool: str, lane: str) -> set[int]:
    query = select(dropped_ranges.c.first_seq, dropped_ranges.c.last_seq).where(
        dropped_ranges.c.gateway == gateway, dropped_ranges.c.spool == spool, dropped_ranges.c.lane == lane
    )
    with _engine(cloud_folder).connect() as connection:
        return {seq for first, last in connection.execute(query) for seq in range(first, last + 1)}


def _facts(cloud_folder: Path, gateway: str, lane: str) -> int:
    queries = {
        "detection": [
            select(func.count())
            .select_from(detection_revisions)
            .where(detection_revisions.c.detection_id.startswith(f"{gateway}/"))
        ],
        "health": [
            select(func.count()).select_from(table).where(table.c.gateway == gateway)
            for table in (health, camera_poses, clock_fixes)
        ],
        "evidence": [
            select(func.count(evidence_pictures.c.evidence_id.distinct())).where(evidence_pictures.c.gateway == gateway)
        ],
        "telemetry": [select(func.count()).select_from(telemetry).where(telemetry.c.gateway == gateway)],
    }[lane]
    with _engine(cloud_folder).connect() as connection:
        return sum(int(connection.execute(query).scalar_one()) for query in queries)


def _engine(cloud_folder: Path) -> Engine:
    return create_engine(f"sqlite:///{cloud_folder / 'cloud.db'}", poolclass=NullPool)  # asked again and again
