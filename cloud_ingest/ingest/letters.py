"""Dead letters: kept with their reason, within bounds, listed, and taken out again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update

from cloud_ingest.ingest.accept import DeadLetter
from cloud_ingest.store.bulk import insert_rows
from cloud_ingest.store.database import insert_new
from cloud_ingest.store.schema import dead_letters
from cloud_ingest.store.telemetry_schema import letters_gone, letters_kept

MAX_UNSIGNED_BYTES = 64 * 1024 * 1024
MAX_SIGNED_BYTES = 1024 * 1024 * 1024  # apart, so that a flood of junk never pushes out what a gateway of ours said
MAX_ROWS = 50_000  # of each kind
_COLUMNS = (*(field.name for field in fields(DeadLetter)), "received_at")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; None: all."""

    cause: str | None = None
    gateway: str | None = None


def keep_letters(connection: Connection, letters: Sequence[DeadLetter], received_at: str) -> None:
    """Stores them and lets the oldest go where a bound is passed; those are counted in ``letters_gone``."""
    if not letters:
        return
    insert_rows(connection, dead_letters, _COLUMNS, [(*astuple(letter), received_at) for letter in letters])
    for signed in (False, True):
        sizes = [len(letter.raw) for letter in letters if (letter.gateway is not None) == signed]
        if sizes:
            _count(connection, signed, len(sizes), sum(sizes))
            _prune(connection, signed, MAX_SIGNED_BYTES if signed else MAX_UNSIGNED_BYTES, received_at)


def list_letters(connection: Connection, limit: int, choice: Choice | None = None) -> list[dict[str, Any]]:
    """The newest first, without their bytes."""
    columns = [column for column in dead_letters.c if column.name != "raw"]
    query = chosen(select(*columns), choice or Choice()).order_by(dead_letters.c.id.desc()).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def chosen(query: Select[Any], choice: Choice) -> Select[Any]:
    """The query, for the chosen letters only."""
    if choice.cause is not None:
        query = query.where(dead_letters.c.cause == choice.cause)
    if choice.gateway is not None:
        query = query.where(dead_letters.c.gateway == choice.gateway)
    return query


def take_out(connection: Connection, ids: Iterable[int]) -> int:
    """Removes letters; how many there were."""
    wanted = list(ids)
    kept = func.length(dead_letters.c.raw)
    rows = connection.execute(
        delete(dead_letters).where(dead_letters.c.id.in_(wanted)).returning(dead_letters.c.gateway, kept)
    ).all()
    for signed in (False, True):
        sizes = [size for gateway, size in rows if (gateway is not None) == signed]
        if sizes:
            _count(connection, signed, -len(sizes), -sum(sizes))
    return len(rows)


def remove_before(connection: Connection, received_at: str, limit: int) -> int:
    """Removes up to ``limit`` letters that came before a moment; how many."""
    query = select(dead_letters.c.id).where(dead_letters.c.received_at < received_at).order_by(dead_letters.c.id)
    return take_out(connection, connection.execute(query.limit(limit)).scalars())


def tallies(connection: Connection) -> dict[str, dict[str, int]]:
    """Cause -> how many are ``kept`` and how many are ``gone`` because a bound was reached."""
    kept = connection.execute(select(dead_letters.c.cause, func.count()).group_by(dead_letters.c.cause)).all()
    gone = connection.execute(select(letters_gone.c.cause, letters_gone.c.letters)).all()
    found: dict[str, dict[str, int]] = {}
    for name, rows in (("kept", kept), ("gone", gone)):
        for cause, count in rows:
            found.setdefault(cause, {"kept": 0, "gone": 0})[name] = int(count)
    return found


def _count(connection: Connection, signed: bool, letters: int, size: int) -> None:
    """After the change itself: where nothing was counted yet, everything is."""
    table, kind = letters_kept, "signed" if signed else "unsigned"
    more = {"letters": table.c.letters + letters, "bytes": table.c.bytes + size}
    if connection.execute(update(table).where(table.c.kind == kind).values(**more)).rowcount == 0:
        kept = func.coalesce(func.sum(func.length(dead_letters.c.raw)), 0)
        letters, size = connection.execute(select(func.count(), kept).where(_of_kind(signed))).one()
        connection.execute(insert(table).values(kind=kind, letters=letters, bytes=size))


def _of_kind(signed: bool) -> ColumnElement[bool]:
    return dead_letters.c.gateway.is_not(None) if signed else dead_letters.c.gateway.is_(None)


def _prune(connection: Connection, signed: bool, max_bytes: int, now: str) -> None:
    rows, size = connection.execute(
        select(letters_kept.c.letters, letters_kept.c.bytes).where(
            letters_kept.c.kind == ("signed" if signed else "unsigned")
        )
    ).one()
    if rows <= MAX_ROWS and size <= max_bytes:
        return
    # Down to nine tenths, so that a flood pays for this once in a while and not at every message.
    last_gone, letters, sizes = 0, Counter[str](), Counter[str]()
    query = select(dead_letters.c.id, dead_letters.c.cause, func.length(dead_letters.c.raw)).where(_of_kind(signed))
    for number, cause, length in connection.execute(query.order_by(dead_letters.c.id)):
        if rows <= MAX_ROWS * 0.9 and size <= max_bytes * 0.9:
            break
        last_gone, rows, size = number, rows - 1, size - length
        letters[cause] += 1
        sizes[cause] += length
    connection.execute(delete(dead_letters).where(_of_kind(signed), dead_letters.c.id <= last_gone))
    _count(connection, signed, -letters.total(), -sizes.total())
    table = letters_gone
    insert_new(
        connection, table, [{"cause": cause, "letters": 0, "bytes": 0, "last_at": now} for cause in sorted(letters)]
    )
    for cause, count in sorted(letters.items()):
        connection.execute(
            update(table)
            .where(table.c.cause == cause)
            .values(letters=table.c.letters + count, bytes=table.c.bytes + sizes[cause], last_at=now)
        )
