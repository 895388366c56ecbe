"""Many rows at once, the way each database takes them fastest: COPY and arrays on PostgreSQL, bare tuples on SQLite.

JSON columns take what ``msgspec`` can encode, or a ``str`` that is JSON already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import JSON, Connection, LargeBinary, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import BigInteger, Boolean, Float, Integer

Row = tuple[Any, ...]

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


def encoded(value: Any) -> str:
    """JSON text."""
    return msgspec.json.encode(value).decode()


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Inserts; a row whose unique key is there already is left out. JSON must come as text."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, rows)
        return
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    connection.exec_driver_sql(sql, list(rows))


def upsert(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], when_new: dict[str, Any] | None = None
) -> None:
    """Inserts or updates by primary key, in the key's order, so that two workers never wait for each other crosswise.

    Rows may have different columns: what a row does not name stays as it is, or takes ``when_new`` in a new row.
    """
    keys = [column.name for column in table.primary_key]
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        alike[tuple(row)].append(row)
    if len(alike) > 1 and connection.dialect.name == "postgresql":
        _lock(connection, table, keys, rows)
    for given, some in alike.items():
        extra = {name: value for name, value in (when_new or {}).items() if name not in given}
        columns = [*given, *extra]
        changed = ", ".join(f"{name} = excluded.{name}" for name in given if name not in keys)
        values = [
            tuple(_plain(table, name, value) for name, value in (row | extra).items())
            for row in sorted(some, key=lambda row: tuple(row[key] for key in keys))
        ]
        head = f"INSERT INTO {table.name} ({', '.join(columns)})"
        tail = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"
        if connection.dialect.name == "postgresql":
            arrays = ", ".join(f"%s::{_type(table, name)}[]" for name in columns)
            lists = tuple(list(column) for column in zip(*values, strict=True))
            connection.exec_driver_sql(f"{head} SELECT * FROM unnest({arrays}) {tail}", lists)
        else:
            connection.exec_driver_sql(f"{head} VALUES ({', '.join('?' * len(columns))}) {tail}", values)


def _lock(connection: Connection, table: Table, keys: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Several statements follow, each in its own order: what is there already is locked in one order first."""
    names = ", ".join(keys)
    arrays = ", ".join(f"%s::{_type(table, name)}[]" for name in keys)
    lists = tuple([row[key] for row in rows] for key in keys)
    connection.exec_driver_sql(
        f"SELECT 1 FROM {table.name} WHERE ({names}) IN (SELECT * FROM unnest({arrays})) ORDER BY {names} FOR UPDATE",
        lists,
    )


def _plain(table: Table, name: str, value: Any) -> Any:
    if value is None or isinstance(value, str) or not isinstance(table.c[name].type, JSON):
        return value
    return encoded(value)


def _type(table: Table, name: str) -> str:
    return str(table.c[name].type.compile(_POSTGRESQL)).partition(" COLLATE")[0]


def _copy(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Into a temporary table without keys, then over in one statement: COPY itself knows no ON CONFLICT."""
    import psycopg

    names = ", ".join(columns)
    incoming = f"incoming_{table.name}"
    kinds = [_copied(table, name) for name in columns]
    shape = ", ".join(f"{name} {kind}" for name, kind in zip(columns, kinds, strict=True))
    connection.exec_driver_sql(f"CREATE TEMP TABLE IF NOT EXISTS {incoming} ({shape}) ON COMMIT DELETE ROWS")
    connection.exec_driver_sql(f"TRUNCATE {incoming}")  # a transaction that fills it twice must not insert twice
    sql = f"COPY {incoming} ({names}) FROM STDIN (FORMAT BINARY)"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(kinds)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:  # as SQLAlchemy would have said it
        raise DBAPIError.instance(sql, None, error, psycopg.Error, dialect=connection.dialect) from error
    cast = ", ".join(f"{name}::json" if isinstance(table.c[name].type, JSON) else name for name in columns)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {cast} FROM {incoming} ON CONFLICT DO NOTHING"
    )


def _copied(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, BigInteger):
        return "int8"
    if isinstance(kind, Integer):
        return "int4"
    if isinstance(kind, Float):
        return "float8"
    if isinstance(kind, Boolean):
        return "bool"
    return "bytea" if isinstance(kind, LargeBinary) else "text"
