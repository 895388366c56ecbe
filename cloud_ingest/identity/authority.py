"""Issuing certificates and revocation lists: plain functions; keys, serial numbers and the time arrive as arguments.

Everything is Ed25519 under one self-signed root. A subject reads ``CN=<name>, OU=<role>, O=<tenant>``: the common name
is what the broker takes as user name, the organisation is the town (gateways only).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smokesentry.identity import Identity
from smokesentry.messages.topics import is_name

Role = Literal["gateway", "cloud", "broker"]
ROLES: tuple[Role, ...] = get_args(Role)

# A gateway that lay without power from spring to autumn wakes with spring's time until its clock is set, and must be
# able to connect all the same. Nothing is lost by an early start: the ledger says when a certificate was really issued.
BACKDATE = timedelta(days=400)
ROOT_LIFETIME = timedelta(days=20 * 365)
LIFETIME = timedelta(days=3 * 365)


class AuthorityError(ValueError):
    """This certificate cannot be issued or revoked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is for; gateways name a ``tenant`` (town), brokers their ``hosts`` (DNS names, addresses)."""

    name: str
    role: Role
    tenant: str | None = None
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise AuthorityError(f"role {self.role!r}: there are {', '.join(ROLES)}")
        if not is_name(self.name):
            raise AuthorityError(f"name {self.name!r}: names have 1 to 40 of a-z, 0-9 and '-'")
        if self.role == "gateway" and (self.tenant is None or not is_name(self.tenant)):
            raise AuthorityError(f"tenant {self.tenant!r}: a gateway's town is named by 1 to 40 of a-z, 0-9 and '-'")
        if self.role != "gateway" and self.tenant is not None:
            raise AuthorityError(f"a {self.role} serves every town; leave the tenant out")
        if (self.role == "broker") != bool(self.hosts):
            raise AuthorityError(
                "a broker, and no one else, names the hosts (DNS names, IP addresses) it is reached by"
            )


def new_root(name: str, key: Ed25519PrivateKey, serial: int, now: datetime) -> x509.Certificate:
    """The self-signed root certificate."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _dated(x509.CertificateBuilder().subject_name(subject), serial, now, now + ROOT_LIFETIME)
    return (
        builder.issuer_name(subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, None)
    )


def issue(
    root: Identity, subject: Subject, public_key: Ed25519PublicKey, serial: int, now: datetime
) -> x509.Certificate:
    """A certificate for one gateway, cloud or broker. Raises :class:`AuthorityError` once the root has expired."""
    root_end = root.certificate.not_valid_after_utc
    if now >= root_end:
        raise AuthorityError(f"the authority itself expired on {root_end:%Y-%m-%d}; found a new one with ca init")
    server = subject.role == "broker"
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = x509.CertificateBuilder().subject_name(_subject_name(subject))
    builder = (
        _dated(builder, serial, now, min(now + LIFETIME, root_end))
        .issuer_name(root.certificate.subject)
        .public_key(public_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False)
    )
    if server:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in subject.hosts]), critical=False)
    return builder.sign(root.key, None)


def revocation_list(
    root: Identity, revoked: Iterable[tuple[int, datetime]], number: int, now: datetime
) -> x509.CertificateRevocationList:
    """The list of revoked serial numbers with their moments; ``number`` must rise from list to list.

    It is valid as long as the root: it is pushed to the broker on every change, and OpenSSL refuses *every* client once
    a list has passed its next update.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.certificate.subject)
        .last_update(now - timedelta(days=1))  # the broker's clock may be a little behind the authority's
        .next_update(root.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False)
    )
    for serial, moment in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(root.key, None)


def _subject_name(subject: Subject) -> x509.Name:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, subject.name)]
    names.insert(0, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, subject.role))
    if subject.tenant is not None:
        names.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.tenant))
    return x509.Name(names)


def _dated(builder: x509.CertificateBuilder, serial: int, now: datetime, end: datetime) -> x509.CertificateBuilder:
    return builder.serial_number(serial).not_valid_before(now - BACKDATE).not_valid_after(end)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise AuthorityError(f"host {text!r}: is neither an IP address nor an ASCII DNS name") from error
