"""What is deleted when its time is over. Detections, evidence, alerts and cases are not among it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, text

from cloud_ingest.ingest.aggregates import MINUTE_S
from cloud_ingest.ingest.letters import remove_before
from cloud_ingest.store import followers, partitions
from cloud_ingest.store.schema import envelopes, health
from cloud_ingest.store.telemetry_schema import telemetry_aggregates, telemetry_writes
from smokesentry.clock import to_wire

_AT_ONCE = 1000  # rows of a kind in a transaction: on SQLite a worker waits for it
_PASSING_LANES = ("telemetry", "health")  # whose signed batches go with what they carried


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days each kind is kept."""

    telemetry: int
    minutes: int
    health: int
    dead_letters: int


def delete_some(connection: Connection, keep: Keep, now: datetime) -> dict[str, int]:
    """One transaction's share of the deleting: kind -> rows (``partitions``: days). Empty: nothing is left to do."""

    def before(days: int) -> str:
        return to_wire(now - timedelta(days=days))

    done: dict[str, int] = {}
    first_kept = (now - timedelta(days=keep.telemetry)).date()
    done["partitions"] = len(partitions.drop_before(connection, first_kept))
    age = int((now - timedelta(days=keep.telemetry)).timestamp() * 1000) << 21
    done["telemetry"] = _delete_telemetry(connection, age, before(keep.telemetry))
    done["writes"] = followers.forget_followed(connection)
    done["writes"] += connection.execute(delete(telemetry_writes).where(telemetry_writes.c.written < age)).rowcount
    minute = telemetry_aggregates.c
    done["minutes"] = connection.execute(
        delete(telemetry_aggregates).where(minute.step_s == MINUTE_S, minute.begins_at < before(keep.minutes))
    ).rowcount
    done["health"] = _delete_oldest(connection, health, before(keep.health))
    done["envelopes"] = _delete_oldest(
        connection, envelopes, before(keep.telemetry), envelopes.c.lane.in_(_PASSING_LANES)
    )
    done["dead_letters"] = remove_before(connection, before(keep.dead_letters), _AT_ONCE)
    return {kind: count for kind, count in done.items() if count}


def _delete_telemetry(connection: Connection, age: int, received_before: str) -> int:
    """By arrival. On PostgreSQL only what has no day of its own: days go as a whole. ``age`` is in the unit of
    ``written``, whose index finds the old ones; rows that release 0.1 wrote have small numbers there."""
    table, row = ("telemetry_other", "ctid") if connection.dialect.name == "postgresql" else ("telemetry", "rowid")
    return connection.execute(
        text(
            f"DELETE FROM {table} WHERE {row} IN (SELECT {row} FROM {table} "
            "WHERE written < :age AND received_at < :moment LIMIT :limit)"
        ),
        {"age": age, "moment": received_before, "limit": _AT_ONCE},
    ).rowcount


def _delete_oldest(
    connection: Connection, table: Table, moment: str, condition: ColumnElement[bool] | None = None
) -> int:
    """Rows that came before ``moment``, some at a time. Ids rise as time does, so the border is found by halving."""
    low, high = connection.execute(select(func.min(table.c.id), func.max(table.c.id))).one()
    if low is None:
        return 0
    while low <= high:
        middle = (low + high) // 2
        row = connection.execute(
            select(table.c.id, table.c.received_at).where(table.c.id >= middle).order_by(table.c.id).limit(1)
        ).one()
        if row.received_at < moment:
            low = row.id + 1
        else:
            high = middle - 1
    old = select(table.c.id).where(table.c.id < low)
    if condition is not None:
        old = old.where(condition)
    return connection.execute(delete(table).where(table.c.id.in_(old.order_by(table.c.id).limit(_AT_ONCE)))).rowcount
