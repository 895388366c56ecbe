"""Opening the store, transactions that say whether they write, and the few statements that differ between databases."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from sqlite3 import SQLITE_BUSY, OperationalError
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, create_engine, event, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from cloud_ingest.store.migrate import UnknownTables, bring_up_to_date, is_up_to_date
from cloud_ingest.store.schema import SUBJECTS, changes

# SQLite's waiting is no queue: beside busy writers one that has just started may try for long before its turn comes.
_BUSY_S = 60.0
_SCHEMA_LOCK = 0x536D6F6B65  # any numbers that only we use as PostgreSQL advisory locks
_ALERT_LOCK = 0x536D6F6B66


class StoreError(ValueError):
    """The database cannot be used; the message says which and what to do."""


def open_store(url: str) -> Engine:
    """Connects and brings the tables to this release's form. ``url`` is SQLAlchemy's, ``sqlite:////var/lib/smokesentry/cloud.db``.

    Raises :class:`StoreError` for a URL nobody can read and ``sqlalchemy.exc.OperationalError`` when nothing answers.
    """
    try:
        kind = make_url(url).get_backend_name()
        if kind not in {"sqlite", "postgresql"}:
            raise StoreError(f"database {kind!r} is not supported; use sqlite:///FILE or postgresql+psycopg://...")
        # Said at the opening, so that it holds for the first statement too: a database left by a killed process is
        # first recovered under a lock.
        waits = {"timeout": _BUSY_S} if kind == "sqlite" else {}
        engine = create_engine(url, connect_args=waits, json_serializer=_to_json, json_deserializer=msgspec.json.decode)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"database URL {url!r}: {error}") from error
    if kind == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    with reading(engine) as connection:  # beside busy writers a process must be able to start without a turn of its own
        if is_up_to_date(connection) and set(connection.scalars(select(changes.c.subject))) >= set(SUBJECTS):
            return engine
    with writing(engine) as connection:
        if kind == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
        try:
            bring_up_to_date(connection)
        except UnknownTables as error:
            raise StoreError(f"database {engine.url.render_as_string()}: {error}") from error
        insert_new(connection, changes, [{"subject": subject, "counter": 0} for subject in SUBJECTS])
    return engine


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # we say BEGIN ourselves, below
    _switch_to_wal(dbapi_connection)
    # FULL: an acknowledged commit must survive a power cut, also in WAL mode.
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(dbapi_connection: Any) -> None:
    """Sets write-ahead logging. Of two processes that do so to one new file at once, SQLite refuses one without the
    waiting it was told to do (its busy handler does not cover the change from a shared to an exclusive lock)."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            dbapi_connection.execute("PRAGMA journal_mode=WAL")
            return
        except OperationalError as error:
            if error.sqlite_errorcode & 0xFF != SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0.005, 0.05))  # unequal, or the same two might meet again


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once when another writer came between.
    writes = connection.get_execution_options().get("smokesentry_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, rolled back by an exception."""
    with engine.connect().execution_options(smokesentry_writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; on SQLite it never waits for a writer."""
    with engine.connect() as connection, connection.begin():
        yield connection


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows and leaves those alone whose key is already there."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


def one_alert_builder(connection: Connection) -> None:
    """From here to the end of the transaction no other worker takes in what alerts are made of: two gateways' views of
    one plume must meet in one alert. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ALERT_LOCK})"))


def bump(connection: Connection, subject: str) -> int:
    """Raises the change counter of a subject (see ``schema.changes``) and answers its new value."""
    connection.execute(changes.update().where(changes.c.subject == subject).values(counter=changes.c.counter + 1))
    return int(connection.execute(select(changes.c.counter).where(changes.c.subject == subject)).scalar_one())
