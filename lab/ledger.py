"""Every id sent, accounted for: what a gateway's spool gave numbers to against what the cloud holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, create_engine, func, select

from cloud_ingest.store.schema import (
    camera_poses,
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


def account(gateway: str, gateway_folder: Path, cloud_folder: Path) -> list[LaneAccount]:
    """The accounts of a gateway's four lanes, read from the files of both sides."""
    with closing(sqlite3.connect(gateway_folder / FILE_NAME)) as spool:
        (spool_id,) = spool.execute("SELECT value FROM meta WHERE key = 'spool_id'").fetchone()
        given = dict(spool.execute("SELECT name, last_seq FROM lane").fetchall())
        rows = spool.execute("SELECT lane, seq FROM record WHERE acked_ran_s IS NULL").fetchall()
    waiting = {lane: {seq for of, seq in rows if of == lane} for lane in LANES}
    accounts = []
    for lane in LANES:
        held = _held(cloud_folder, gateway, spool_id, lane)
        gone = _given_up(cloud_folder, gateway, spool_id, lane)
        numbers = set(range(1, given[lane] + 1))
        accounts.append(
            LaneAccount(
                gateway=gateway,
                lane=lane,
                given=len(numbers),
                stored=len(held - gone),
                given_up=len(gone),
                waiting=len(waiting[lane] - held),
                missing=tuple(sorted(numbers - held - gone - waiting[lane])),
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
    if row is None:
        return set()
    above = {seq for first, last in row.ranges for seq in range(first, last + 1)}
    return set(range(1, row.contiguous + 1)) | above


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
            for table in (health, camera_poses)
        ],
        "evidence": [
            select(func.count(evidence_pictures.c.evidence_id.distinct())).where(evidence_pictures.c.gateway == gateway)
        ],
        "telemetry": [select(func.count()).select_from(telemetry).where(telemetry.c.gateway == gateway)],
    }[lane]
    with _engine(cloud_folder).connect() as connection:
        return sum(int(connection.execute(query).scalar_one()) for query in queries)


def _engine(cloud_folder: Path) -> Engine:
    return create_engine(f"sqlite:///{cloud_folder / 'cloud.db'}")
