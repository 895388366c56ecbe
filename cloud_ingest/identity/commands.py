"""``smokesentry ca``: found an authority, enrol gateways, clouds and brokers, list them, revoke them."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud_ingest.identity.ledger import Entry


def main(argv: list[str]) -> int:
    """The certificate authority: init, enrol, list and revoke gateways, clouds and brokers."""
    from cloud_ingest.identity.authority import AuthorityError

    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (AuthorityError, OSError) as error:
        print(f"smokesentry ca {arguments.word}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smokesentry ca", description=main.__doc__)
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")

    init = words.add_parser("init", help="found an authority in a new folder")
    init.add_argument("folder", type=Path, help="the authority's folder; keep it off every networked machine you can")
    init.set_defaults(run=_init)

    enrol = words.add_parser("enrol", help="make a key and a certificate for one gateway, cloud or broker")
    enrol.add_argument("folder", type=Path, help="the authority's folder")
    roles = enrol.add_subparsers(dest="role", required=True, metavar="ROLE")
    for role, text in (
        ("gateway", "a gateway: connects and signs"),
        ("cloud", "the cloud: connects, signs acknowledgements and commands"),
        ("broker", "a broker: is connected to"),
    ):
        one = roles.add_parser(role, help=text)
        one.add_argument("name", help="1 to 40 of a-z, 0-9 and '-'; a gateway's id")
        one.add_argument("--out", type=Path, required=True, help="folder for key and certificates to hand over")
        if role == "gateway":
            one.add_argument("--tenant", required=True, help="the town, as it stands in the topics")
        if role == "broker":
            one.add_argument("--host", action="append", required=True, help="DNS name or IP address; repeatable")
    enrol.set_defaults(run=_enrol, tenant=None, host=[])

    listing = words.add_parser("list", help="every certificate issued, and whether it counts")
    listing.add_argument("folder", type=Path, help="the authority's folder")
    listing.add_argument("--json", action="store_true", help="for programs; times in UTC")
    listing.set_defaults(run=_list)

    revoke = words.add_parser("revoke", help="a name's certificates stop counting; crl.pem is issued again")
    revoke.add_argument("folder", type=Path, help="the authority's folder")
    revoke.add_argument("name")
    revoke.add_argument("--why", required=True, help="kept in the ledger")
    revoke.add_argument("--serial", help="only the certificate with this serial number (see list)")
    revoke.set_defaults(run=_revoke)
    return parser


def _init(arguments: argparse.Namespace) -> int:
    from cloud_ingest.identity.ca_folder import CaFolder

    CaFolder.create(arguments.folder, datetime.now(UTC))
    print(f"{arguments.folder}: authority founded. Back up ca.key and keep it secret; everything else here is public.")
    return 0


def _enrol(arguments: argparse.Namespace) -> int:
    from cloud_ingest.identity.authority import Subject
    from cloud_ingest.identity.ca_folder import CaFolder

    subject = Subject(arguments.name, arguments.role, arguments.tenant, tuple(arguments.host))
    entry = CaFolder(arguments.folder).enrol(subject, arguments.out, datetime.now(UTC))
    print(
        f"{entry.role} {entry.name} enrolled until {entry.expires_at[:10]}, key {entry.key_id}, serial {entry.serial}."
    )
    print(f"Hand over everything in {arguments.out}; the key exists only there.")
    if entry.role != "broker":
        print("Then render the broker's access list again and reload the broker (docs/identity.md).")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    import msgspec

    from cloud_ingest.identity.ledger import read_ledger

    entries = read_ledger(arguments.folder).entries
    if arguments.json:
        print(msgspec.json.encode(entries).decode())
        return 0
    now = datetime.now(UTC)
    print(f"{'name':<20} {'role':<8} {'tenant':<16} {'key':<16} {'serial':<16} {'issued':<10} {'expires':<10} state")
    for e in entries:
        dates = f"{e.issued_at[:10]} {e.expires_at[:10]}"
        print(f"{e.name:<20} {e.role:<8} {e.tenant or '-':<16} {e.key_id} {e.serial} {dates} {_state(e, now)}")
    return 0


def _state(entry: Entry, now: datetime) -> str:
    from smokesentry.clock import from_wire

    if entry.revoked_at is not None:
        return f"revoked {entry.revoked_at[:10]}: {entry.why}"
    return "expired" if now >= from_wire(entry.expires_at) else "valid"


def _revoke(arguments: argparse.Namespace) -> int:
    from cloud_ingest.identity.ca_folder import CaFolder

    revoked = CaFolder(arguments.folder).revoke(arguments.name, arguments.why, datetime.now(UTC), arguments.serial)
    if not revoked:
        print(f"{arguments.name}: was revoked before; crl.pem is issued again.")
    for entry in revoked:
        print(f"{entry.name}: serial {entry.serial}, key {entry.key_id} revoked.")
    print(f"Bring {arguments.folder}/crl.pem and ledger.json to broker and ingestor, render the access list again")
    print("and reload the broker (docs/identity.md). The ingestor sees the new ledger by itself.")
    return 0
