"""A consistent copy of the store while it is used, and its way back into an empty one, verified row for row.

A backup is a folder: ``manifest.json`` (what it is, when, the tables' revision, for each table its count and the
SHA-256 over its rows as one ordered text) and the data: ``cloud.db`` of SQLite, or one ``TABLE.copy.gz`` a table of
PostgreSQL. Both are one snapshot: workers go on storing meanwhile. The manifest is written last: a folder without one
is no backup.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, text

from cloud_ingest.store.database import open_store, reading, writing
from cloud_ingest.store.migrate import upgraded_to

MANIFEST = "manifest.json"
_SQLITE_FILE = "cloud.db"
_FORM = 1

Json = dict[str, Any]
Say = Callable[[str], None]


class BackupError(ValueError):
    """The backup or its way back failed; the message says where."""


def backup(engine: Engine, folder: Path, made_at: str, beside: dict[str, Path], say: Say) -> Json:
    """Writes a backup into a folder that must not exist yet. ``beside``: small files that belong to it, by name."""
    if folder.exists():
        raise BackupError(f"{folder}: is there already; name a new folder")
    folder.mkdir(parents=True, mode=0o700)
    kind = engine.dialect.name
    tables = _backup_sqlite(engine, folder, say) if kind == "sqlite" else _backup_postgresql(engine, folder, say)
    for name, path in beside.items():
        if path.is_file():
            shutil.copyfile(path, folder / name)
    with reading(engine) as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    files = {path.name: _digest_of_file(path) for path in sorted(folder.iterdir())}
    manifest = {
        "form": _FORM, "made_at": made_at, "database": kind, "revision": revision, "tables": tables, "files": files,
    }  # fmt: skip
    _write_synced(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    return manifest


def read_manifest(folder: Path) -> Json:
    """Raises :class:`BackupError` when the folder is no whole backup: every file is there, with its digest."""
    try:
        manifest: Json = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["form"] != _FORM:
            raise BackupError(f"{folder}: form {manifest['form']}; this release reads form {_FORM}")
        for name, digest in manifest["files"].items():
            if _digest_of_file(folder / Path(name).name) != digest:
                raise BackupError(f"{folder / name}: is not as it was written (its SHA-256 differs)")
    except OSError as error:
        raise BackupError(f"{error.filename}: cannot be read ({error.strerror}); not a whole backup") from error
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, BackupError):
            raise
        raise BackupError(f"{folder / MANIFEST}: is damaged ({error})") from error
    return manifest


def restore(folder: Path, url: str, say: Say) -> Json:
    """Brings a backup into an empty database and verifies every table against the manifest before it is committed.

    Raises :class:`BackupError`; the target is then as empty as before. Migrations of a newer release run afterwards.
    """
    manifest = read_manifest(folder)
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    if manifest["database"] != kind:
        raise BackupError(f"{folder}: is a backup of {manifest['database']}; the configured database is {kind}")
    if kind == "sqlite":
        _restore_sqlite(folder, Path(url.removeprefix("sqlite:///")), manifest, say)
    else:
        _restore_postgresql(folder, url, manifest, say)
    open_store(url).dispose()
    return manifest


def _backup_sqlite(engine: Engine, folder: Path, say: Say) -> Json:
    assert engine.url.database is not None
    target = folder / _SQLITE_FILE
    say("copying the database")
    with closing(sqlite3.connect(engine.url.database, timeout=30)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)  # all pages in one step: one snapshot, however much is written meanwhile
        copy.execute("PRAGMA journal_mode=DELETE")
    _sync(target)
    return _tables_of_sqlite(target, say)


def _tables_of_sqlite(path: Path, say: Say) -> Json:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        problem = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if problem != "ok":
            raise BackupError(f"{path}: SQLite says of it: {problem}")
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
        return {
            name: _digest_rows(connection.execute(f"SELECT * FROM {name} ORDER BY rowid"), name, say) for name in names
        }


def _digest_rows(rows: Iterator[tuple[Any, ...]] | sqlite3.Cursor, name: str, say: Say) -> Json:
    digest, count = hashlib.sha256(), 0
    for row in rows:
        digest.update(repr(row).encode())
        count += 1
    say(f"{name}: {count} rows")
    return {"rows": count, "sha256": digest.hexdigest()}


def _restore_sqlite(folder: Path, target: Path, manifest: Json, say: Say) -> None:
    if target.exists():
        raise BackupError(f"{target}: is there already; a restore needs an empty target. Move it aside first")
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".restoring")
    half.unlink(missing_ok=True)
    try:
        shutil.copyfile(folder / _SQLITE_FILE, half)
        _sync(half)
        _compare(manifest["tables"], _tables_of_sqlite(half, say))
        half.rename(target)
        _sync(target.parent)
    finally:
        half.unlink(missing_ok=True)


def _backup_postgresql(engine: Engine, folder: Path, say: Say) -> Json:
    tables: Json = {}
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        connection.execute(text("SET TRANSACTION READ ONLY"))
        for table in _plain_tables(connection):
            path = folder / f"{table.name}.copy.gz"
            with gzip.open(path, "wb", compresslevel=3) as out:
                tables[table.name] = _copy_out(connection, table, out.write)
            _sync(path)
            say(f"{table.name}: {tables[table.name]['rows']} rows")
    return tables


def _copy_out(connection: Connection, table: Table, write: Callable[[bytes], Any]) -> Json:
    """PostgreSQL's own text of every row, in an order that depends on nothing but the rows."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    keys = list(table.primary_key) or [table.c[name] for name in ("gateway", "spool", "seq", "from_at", "sensor")]
    order = ", ".join(f'"{key.name}"' + (' COLLATE "C"' if key.type.python_type is str else "") for key in keys)
    sql = f'COPY (SELECT {names} FROM "{table.name}" ORDER BY {order}) TO STDOUT'
    digest, count = hashlib.sha256(), 0
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(sql) as copy:
        for block in copy:  # one row each
            data = bytes(block)
            digest.update(data)
            count += data.count(b"\n")
            write(data)
    return {"rows": count, "sha256": digest.hexdigest(), "columns": [column.name for column in table.columns]}


def _restore_postgresql(folder: Path, url: str, manifest: Json, say: Say) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(url)
    try:
        with writing(engine) as connection:
            there = connection.execute(
                text("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
            ).scalar_one()
            if there:
                raise BackupError("the configured database is not empty; a restore needs an empty one")
            upgraded_to(connection, manifest["revision"])
            made = {table.name: table for table in _plain_tables(connection)}
            if set(made) != set(manifest["tables"]):
                raise BackupError(f"{folder}: its tables are not those of revision {manifest['revision']}")
            for name, table in made.items():
                connection.execute(text(f'DELETE FROM "{name}"'))  # what the migrations themselves put in
                _copy_in(connection, folder / f"{name}.copy.gz", name, manifest["tables"][name]["columns"])
                _set_sequence(connection, table)
            found = {name: _copy_out(connection, table, lambda _: None) for name, table in made.items()}
            _compare(manifest["tables"], found)
            for name in made:
                say(f"{name}: {found[name]['rows']} rows")
    finally:
        engine.dispose()


def _copy_in(connection: Connection, path: Path, name: str, columns: list[str]) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    driver: Any = connection.connection.driver_connection
    sql = f'COPY "{name}" ({names}) FROM STDIN'
    with gzip.open(path, "rb") as data, driver.cursor() as cursor, cursor.copy(sql) as copy:
        while block := data.read(1 << 20):
            copy.write(block)


def _set_sequence(connection: Connection, table: Table) -> None:
    for column in table.primary_key:
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
        ).scalar()
        if sequence is not None:
            connection.execute(
                text(f'SELECT setval(:sequence, coalesce(max("{column.name}"), 0) + 1, false) FROM "{table.name}"'),
                {"sequence": sequence},
            )


def _plain_tables(connection: Connection) -> list[Table]:
    """Every table but partitions (their parent has their rows) and the revision, in the order of their references."""
    partitions = set(connection.execute(text("SELECT relname FROM pg_class WHERE relispartition")).scalars())
    metadata = MetaData()
    metadata.reflect(connection, only=lambda name, _: name not in partitions and name != "alembic_version")
    return metadata.sorted_tables


def _compare(wanted: Json, found: Json) -> None:
    for name, table in wanted.items():
        other = found.get(name)
        if other is None or (other["rows"], other["sha256"]) != (table["rows"], table["sha256"]):
            said = "is missing" if other is None else f"has {other['rows']} rows of {table['rows']}, or others"
            raise BackupError(f"after the restore, table {name} {said}; nothing was kept of it")


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _sync(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
