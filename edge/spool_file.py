"""The spool's file: its tables, how it is opened, what its errors mean, and how a damaged one is set aside."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from edge.files import sync_folder

FILE_NAME = "spool.db"
_UNREAD, _READ = f"{FILE_NAME}.unread-", f"{FILE_NAME}.damaged-"
_BESIDE = ("-shm", "-wal")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lane (name TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
  lane TEXT NOT NULL, seq INTEGER NOT NULL, stored_ran_s INTEGER NOT NULL, acked_ran_s INTEGER,
  announces INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (lane, seq)
);
CREATE INDEX IF NOT EXISTS record_waiting ON record (lane, seq) WHERE acked_ran_s IS NULL;
CREATE TABLE IF NOT EXISTS open_event (detection_id TEXT PRIMARY KEY, camera TEXT NOT NULL, bytes BLOB NOT NULL);
"""
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SpoolError(RuntimeError):
    """The disk did not take it (full, read-only, broken); nothing of the attempt was stored."""


class SpoolDamaged(SpoolError):
    """The file is no spool any more: the card has failed or something else wrote into it."""


def open_file(path: Path) -> sqlite3.Connection:
    """The file in WAL mode, every commit forced to the medium, its pages looked through. Raises :class:`SpoolError`."""
    # psow=0: a page that is torn while the next commit is appended may take bytes beside it along. SQLite then pads
    # each commit to the end of its page, so that no later write touches a page that holds an earlier promise.
    address = f"{path.absolute().as_uri()}?psow=0"
    db = sqlite3.connect(address, isolation_level=None, check_same_thread=False, timeout=10.0, uri=True)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        # A log of about 1 MB: on a full disk the reserve must be able to take what the log still holds.
        db.execute("PRAGMA wal_autocheckpoint=256")
        db.executescript(_SCHEMA)
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        db.close()
        raise trouble(path, error) from error
    if found != "ok":
        db.close()
        raise SpoolDamaged(f"{path}: is damaged ({found})")
    return db


def trouble(path: Path, error: sqlite3.Error) -> SpoolError:
    """An error of SQLite in the spool's words. An extended code has its family in the lowest byte."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT:
        return SpoolDamaged(f"{path}: is damaged ({error})")
    return SpoolError(f"{path}: the disk did not take it ({error})")


def set_aside(folder: Path, unix_s: float) -> Path:
    """Moves a damaged spool out of the way; gives its new name, which is never given again and says that its records
    are still to be saved. A process that dies after that leaves the next one to see it in the folder. Raises
    :class:`SpoolError`."""
    kept = folder / f"{_UNREAD}{unix_s:.0f}-{secrets.token_hex(4)}"
    _rename(folder, FILE_NAME, kept.name)
    return kept


def finish_setting_aside(folder: Path) -> None:
    """Of a :func:`set_aside` that was cut off, what lies beside the file has the new name already and the file has not.
    Raises :class:`SpoolError`."""
    for suffix in _BESIDE:
        for part in folder.glob(f"{_UNREAD}*{suffix}"):
            kept = part.name.removesuffix(suffix)
            if not (folder / kept).exists():
                _rename(folder, FILE_NAME, kept)


def unread(folder: Path) -> list[Path]:
    """Files that were set aside and whose records are still to be saved."""
    return sorted(path for path in folder.glob(f"{_UNREAD}*") if not path.name.endswith(_BESIDE))


def mark_read(kept: Path) -> Path:
    """A file that was set aside has nothing more to give; gives the name under which it is kept from now on. Raises
    :class:`SpoolError`."""
    read = kept.with_name(_READ + kept.name.removeprefix(_UNREAD))
    _rename(kept.parent, kept.name, read.name)
    return read


def _rename(folder: Path, old: str, new: str) -> None:
    """The file itself goes last: without its log it would be another spool."""
    try:
        for suffix in (*_BESIDE, ""):
            part = folder / (old + suffix)
            if part.exists():
                part.rename(folder / (new + suffix))
        sync_folder(folder)
    except OSError as error:
        raise SpoolError(f"{folder / old}: cannot be set aside ({error.strerror})") from error
