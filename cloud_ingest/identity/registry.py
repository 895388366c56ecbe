"""Whose signature counts: key id → key, name and town, from an authority's folder (its private key is not needed)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud_ingest.identity.authority import AuthorityError
from cloud_ingest.identity.ledger import LEDGER_NAME, Entry, read_ledger
from smokesentry.clock import from_wire
from smokesentry.identity import IdentityError, load_certificate, public_key_of
from smokesentry.messages.envelope import key_id as key_id_of

_log = logging.getLogger(__name__)
_Version = tuple[int, int, int]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """Follows ``ledger.json``: a call costs one ``stat``, a change is seen by the next call.

    Needs ``ledger.json`` and ``issued/`` of the authority's folder. Several threads may share one.
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = _utc_now) -> None:
        """Raises :class:`AuthorityError` when the folder holds no readable ledger."""
        self._folder = folder
        self._ledger = folder / LEDGER_NAME
        self._now = now
        self._version = self._stat()
        self._entries = self._load()
        self._keys: dict[str, Ed25519PublicKey] = {}

    def find_key(self, key_id: str) -> Ed25519PublicKey | None:
        """The key to verify with; None for unknown, revoked or expired ones. Fits ``envelope.unseal``."""
        entry = self.holder_of(key_id)
        if entry is None:
            return None
        if key_id not in self._keys:
            try:
                key = public_key_of(load_certificate(self._folder / entry.certificate))
            except IdentityError as error:
                _log.error("%s; its signatures are refused until the file is restored", error)
                return None
            if key_id_of(key) != key_id:
                _log.error("%s: does not hold the key that the ledger names; refused", self._folder / entry.certificate)
                return None
            self._keys[key_id] = key
        return self._keys[key_id]

    def holder_of(self, key_id: str) -> Entry | None:
        """Who holds the key, with role and town; None for unknown, revoked or expired ones."""
        self._refresh()
        entry = self._entries.get(key_id)
        if entry is None or entry.revoked_at is not None or self._now() >= from_wire(entry.expires_at):
            return None
        return entry

    def name_of(self, key_id: str) -> str | None:
        """The holder's name (a gateway's id)."""
        entry = self.holder_of(key_id)
        return None if entry is None else entry.name

    def tenant_of(self, key_id: str) -> str | None:
        """The town of the gateway that holds the key; None for the cloud and the broker, too."""
        entry = self.holder_of(key_id)
        return None if entry is None else entry.tenant

    def _refresh(self) -> None:
        version = self._stat()
        if version == self._version:
            return
        self._version = version
        try:
            self._entries = self._load()
        except AuthorityError as error:
            _log.error("%s; going on with what was known before", error)

    def _load(self) -> dict[str, Entry]:
        return {entry.key_id: entry for entry in read_ledger(self._folder).entries}

    def _stat(self) -> _Version | None:
        try:
            status = self._ledger.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size
