"""Dead letters: kept with their reason, within bounds, and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from cloud_ingest.ingest.accept import DeadLetter
from cloud_ingest.store.schema import dead_letters

MAX_UNSIGNED_BYTES = 64 * 1024 * 1024
MAX_SIGNED_BYTES = 1024 * 1024 * 1024  # apart, so that a flood of junk never pushes out what a gateway of ours said
_MAX_ROWS = 50_000  # of each kind


def keep_letters(connection: Connection, letters: Sequence[DeadLetter], received_at: str) -> None:
    """Stores them and lets the oldest go where a bound is passed."""
    if not letters:
        return
    connection.execute(insert(dead_letters), [{**asdict(letter), "received_at": received_at} for letter in letters])
    for signed in {letter.gateway is not None for letter in letters}:
        _prune(connection, signed, MAX_SIGNED_BYTES if signed else MAX_UNSIGNED_BYTES)


def list_letters(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest first, without their bytes."""
    columns = [column for column in dead_letters.c if column.name != "raw"]
    rows = connection.execute(select(*columns).order_by(dead_letters.c.id.desc()).limit(limit))
    return [dict(row._mapping) for row in rows]


def _prune(connection: Connection, signed: bool, max_bytes: int) -> None:
    kind = dead_letters.c.gateway.is_not(None) if signed else dead_letters.c.gateway.is_(None)
    kept = func.length(dead_letters.c.raw)
    rows, size = connection.execute(select(func.count(), func.coalesce(func.sum(kept), 0)).where(kind)).one()
    if rows <= _MAX_ROWS and size <= max_bytes:
        return
    # Down to nine tenths, so that a flood pays for this once in a while and not at every message.
    last_gone = None
    for row in connection.execute(select(dead_letters.c.id, kept).where(kind).order_by(dead_letters.c.id)):
        if rows <= _MAX_ROWS * 0.9 and size <= max_bytes * 0.9:
            break
        last_gone, rows, size = row[0], rows - 1, size - row[1]
    connection.execute(delete(dead_letters).where(kind, dead_letters.c.id <= last_gone))
