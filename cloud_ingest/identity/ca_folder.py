"""An authority as a folder: ``ca.key``, ``ca.crt``, ``issued/<name>-<serial>.crt``, ``ledger.json``, ``crl.pem``.

Private keys of those enrolled are written once, to where they are handed over, and are not kept here.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from cloud_ingest.identity.authority import AuthorityError, Subject, issue, new_root, revocation_list
from cloud_ingest.identity.ledger import ISSUED_FOLDER, Entry, Ledger, read_ledger, replace_file, write_ledger
from smokesentry.clock import from_wire, to_wire
from smokesentry.identity import IdentityError, load_identity, write_private_key
from smokesentry.messages.envelope import key_id

ROOT_NAME = "smokesentry-ca"


class CaFolder:
    """Enrols and revokes. One writer at a time (a lock file), any number of readers."""

    def __init__(self, folder: Path) -> None:
        """Opens an existing authority; raises :class:`AuthorityError`."""
        self.folder = folder
        try:
            self._root = load_identity(folder / "ca.key", folder / "ca.crt")
        except IdentityError as error:
            raise AuthorityError(f"{folder} is no authority: {error}; `smokesentry ca init` makes one") from error
        read_ledger(folder)

    @classmethod
    def create(cls, folder: Path, now: datetime) -> CaFolder:
        """Founds an authority in a new or empty folder; never touches one that is there."""
        if folder.exists() and any(folder.iterdir()):
            raise AuthorityError(f"{folder}: is not empty; an authority is founded in a folder of its own")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # the broker and the ingestor read from here; the one secret is 0600
        (folder / ISSUED_FOLDER).mkdir()
        key = Ed25519PrivateKey.generate()
        certificate = new_root(ROOT_NAME, key, _new_serial(), now)
        write_private_key(key, folder / "ca.key")
        replace_file(folder / "ca.crt", certificate.public_bytes(Encoding.PEM))
        write_ledger(folder, Ledger())
        authority = cls(folder)
        with authority._locked():
            authority._publish_crl(read_ledger(folder), now)
        return authority

    def entries(self) -> list[Entry]:
        """Every certificate ever issued, oldest first."""
        return read_ledger(self.folder).entries

    def enrol(self, subject: Subject, out: Path, now: datetime) -> Entry:
        """A new key and certificate for ``subject``: ``<name>.key``, ``<name>.crt`` and ``ca.crt`` in ``out``.

        A gateway also gets each cloud's newest certificate, by which it knows acknowledgements and commands.
        A name may be enrolled again (renewal; the older certificate counts until it expires or is revoked), but never
        under another role or town. Raises :class:`AuthorityError`, and writes nothing then.
        """
        key_file, certificate_file = out / f"{subject.name}.key", out / f"{subject.name}.crt"
        with self._locked():
            ledger = read_ledger(self.folder)
            _check_name_is_free(subject, ledger)
            for path in (key_file, certificate_file):
                if path.exists():
                    raise AuthorityError(f"{path}: exists and is never overwritten; hand over to another folder")
            key, serial = Ed25519PrivateKey.generate(), _new_serial()
            certificate = issue(self._root, subject, key.public_key(), serial, now)
            entry = Entry(
                name=subject.name,
                role=subject.role,
                tenant=subject.tenant,
                serial=f"{serial:016x}",
                key_id=key_id(key.public_key()),
                issued_at=to_wire(now),
                expires_at=to_wire(certificate.not_valid_after_utc),
            )
            # The ledger comes last: a certificate that it does not name has no rights anywhere.
            out.mkdir(parents=True, exist_ok=True)
            write_private_key(key, key_file)
            pem = certificate.public_bytes(Encoding.PEM)
            for path in (certificate_file, self.folder / entry.certificate):
                replace_file(path, pem)
            replace_file(out / "ca.crt", self._root.certificate.public_bytes(Encoding.PEM))
            if subject.role == "gateway":
                for cloud in _clouds(ledger, now):
                    replace_file(out / f"{cloud.name}.crt", (self.folder / cloud.certificate).read_bytes())
            write_ledger(self.folder, msgspec.structs.replace(ledger, entries=[*ledger.entries, entry]))
        return entry

    def revoke(self, name: str, why: str, now: datetime, serial: str | None = None) -> list[Entry]:
        """Revokes all certificates of ``name`` (or the one with ``serial``) and re-issues ``crl.pem``.

        Gives what was revoked now; nothing if all were revoked before. Raises :class:`AuthorityError` for a stranger.
        """
        if not why.strip():
            raise AuthorityError("say why the certificate is revoked: the ledger keeps the reason")
        with self._locked():
            ledger = read_ledger(self.folder)
            mine = [e for e in ledger.entries if e.name == name and serial in (None, e.serial)]
            if not mine:
                which = name if serial is None else f"{name} with serial {serial}"
                raise AuthorityError(f"{which}: was never enrolled; `smokesentry ca list` shows who was")
            now_revoked = [
                msgspec.structs.replace(e, revoked_at=to_wire(now), why=why) for e in mine if e.revoked_at is None
            ]
            changed = {e.serial: e for e in now_revoked}
            ledger = msgspec.structs.replace(ledger, entries=[changed.get(e.serial, e) for e in ledger.entries])
            self._publish_crl(ledger, now)
        return now_revoked

    def _publish_crl(self, ledger: Ledger, now: datetime) -> None:
        # Ledger first: if the power goes between the two, the same `revoke` repeated brings the list up to date.
        ledger = msgspec.structs.replace(ledger, crl_number=ledger.crl_number + 1)
        write_ledger(self.folder, ledger)
        revoked = [(int(e.serial, 16), from_wire(e.revoked_at)) for e in ledger.entries if e.revoked_at is not None]
        crl: x509.CertificateRevocationList = revocation_list(self._root, revoked, ledger.crl_number, now)
        replace_file(self.folder / "crl.pem", crl.public_bytes(Encoding.PEM))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _clouds(ledger: Ledger, now: datetime) -> list[Entry]:
    """The newest certificate of each cloud that counts."""
    counting = [e for e in ledger.entries if e.revoked_at is None and now < from_wire(e.expires_at)]
    return list({e.name: e for e in counting if e.role == "cloud"}.values())


def _check_name_is_free(subject: Subject, ledger: Ledger) -> None:
    if subject.name == "ca":
        raise AuthorityError(
            "ca: is the name under which the authority's own certificate is handed over; choose another"
        )
    for entry in ledger.entries:
        if entry.name == subject.name and (entry.role, entry.tenant) != (subject.role, subject.tenant):
            of = f" of {entry.tenant}" if entry.tenant else ""
            raise AuthorityError(f"{subject.name}: is already the name of a {entry.role}{of}; names are never reused")


def _new_serial() -> int:
    return secrets.randbits(63) | 1 << 62  # positive, and always 16 hexadecimal digits
