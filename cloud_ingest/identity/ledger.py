"""The ledger of an authority: one entry a certificate, in one JSON file that is only ever replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import msgspec
from msgspec import Meta

from cloud_ingest.identity.authority import AuthorityError, Role
from smokesentry.messages.records import UtcTime

LEDGER_NAME = "ledger.json"
ISSUED_FOLDER = "issued"

HexId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One certificate: whose, since when, and whether it still counts. Times in wire form (UTC)."""

    name: str
    role: Role
    tenant: str | None = None
    serial: HexId
    key_id: HexId
    issued_at: UtcTime
    expires_at: UtcTime
    revoked_at: UtcTime | None = None
    why: str | None = None

    @property
    def certificate(self) -> str:
        """Where the certificate lies, relative to the authority's folder."""
        return f"{ISSUED_FOLDER}/{self.name}-{self.serial}.crt"


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All entries in order of issue; ``crl_number`` is that of the newest revocation list."""

    v: int = 1
    crl_number: int = 0
    entries: list[Entry] = []


def read_ledger(folder: Path) -> Ledger:
    """Raises :class:`AuthorityError` when there is none or it cannot be read."""
    path = folder / LEDGER_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ledger)
    except OSError as error:
        raise AuthorityError(
            f"{path}: cannot be read ({error.strerror}); `smokesentry ca init` makes an authority"
        ) from error
    except msgspec.DecodeError as error:
        raise AuthorityError(f"{path}: is damaged ({error}); restore it from a backup") from error


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Replaces the ledger so that a reader, or a power cut, sees either the old one or the new one."""
    replace_file(folder / LEDGER_NAME, msgspec.json.format(msgspec.json.encode(ledger), indent=1))


def replace_file(path: Path, content: bytes) -> None:
    """Writes beside the target, flushes to the disk, renames. Readable by all: nothing secret goes this way."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
