"""Dead letters taken in once more, after a fix: the same acceptance, in the transaction that removes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.ingest.accept import DeadLetter, Keys, Refused, accept, read_record
from cloud_ingest.ingest.lanes import Raced
from cloud_ingest.ingest.letters import Choice, chosen, take_out
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import reading, writing
from cloud_ingest.store.schema import dead_letters
from smokesentry.messages.topics import parse_up

_AT_ONCE = 100


@dataclass(slots=True)
class Replayed:
    """What became of the letters: taken in, still refused, or not whole any more."""

    taken: int = 0
    records: int = 0  # new facts among what was taken in
    refused: int = 0
    cut: int = 0  # only their beginning was kept


def replay(engine: Engine, keys: Keys, tenants: frozenset[str], choice: Choice, now: str) -> Replayed:
    """Goes through the chosen letters, oldest first. What is refused again stays as it is. May be repeated at will."""
    result = Replayed()
    with reading(engine) as connection:
        ids = list(connection.execute(chosen(select(dead_letters.c.id), choice).order_by(dead_letters.c.id)).scalars())
    alerts = AlertBuilder()
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        while True:
            try:
                with writing(engine) as connection:
                    found = _replay_some(connection, alerts, keys, tenants, some, now)
                break
            except Raced:  # a worker stores the same at this moment; it will be there in the next attempt
                continue
        for name in ("taken", "records", "refused", "cut"):
            setattr(result, name, getattr(result, name) + getattr(found, name))
    return result


def _replay_some(
    connection: Connection, alerts: AlertBuilder, keys: Keys, tenants: frozenset[str], ids: list[int], now: str
) -> Replayed:
    result, taken = Replayed(), list[int]()
    rows = connection.execute(
        select(dead_letters).where(dead_letters.c.id.in_(ids)).order_by(dead_letters.c.id).with_for_update()
    ).all()
    writer = Writer(connection, now)
    for row in rows:
        if len(row.raw) < row.size:
            result.cut += 1
        elif _take_in(writer, row, keys, tenants):
            taken.append(row.id)
        else:
            result.refused += 1
    take_out(connection, taken)  # before the writer may add letters of its own
    outcome = writer.finish()
    if outcome.detections or outcome.poses:
        alerts.update(connection, outcome.detections, outcome.poses, now)
    result.taken, result.records = len(taken), outcome.stored
    return result


def _take_in(writer: Writer, row: Row[Any], keys: Keys, tenants: frozenset[str]) -> bool:
    if row.seq is None:
        found = accept(row.topic, row.raw, keys, tenants)
        if isinstance(found, DeadLetter):
            return False
        writer.add(found)
        return True
    if row.spool is None:  # set aside by a release that did not note where its number belongs
        return False
    address, lane = parse_up(row.topic)
    if address.tenant not in tenants:
        return False
    try:
        record = read_record(row.raw, address.gateway, lane)
    except Refused:
        return False
    writer.put_back(address, row.spool, lane, record)
    return True
