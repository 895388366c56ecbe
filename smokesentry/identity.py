"""Ed25519 keys and X.509 certificates as files: one identity a gateway (TLS client and signer), one for the cloud."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID


class IdentityError(ValueError):
    """A key or certificate file cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A name (certificate common name), its private key and its certificate."""

    name: str
    key: Ed25519PrivateKey
    certificate: x509.Certificate


def load_identity(key_file: Path, certificate_file: Path) -> Identity:
    """Reads a PEM pair and checks that the two belong together. Raises :class:`IdentityError`."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise IdentityError(f"{key_file}: no usable private key ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{key_file}: is not an Ed25519 key; `smokesentry ca enrol` makes one")
    certificate = load_certificate(certificate_file)
    if public_key_of(certificate) != key.public_key():
        raise IdentityError(f"{certificate_file} does not belong to {key_file}; enrol again to get a matching pair")
    return Identity(common_name(certificate), key, certificate)


def load_certificate(path: Path) -> x509.Certificate:
    """Reads one PEM certificate. Raises :class:`IdentityError`."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise IdentityError(f"{path}: no usable certificate ({error})") from error


def public_key_of(certificate: x509.Certificate) -> Ed25519PublicKey:
    """The certificate's key, which must be Ed25519."""
    key = certificate.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise IdentityError(f"certificate of {common_name(certificate)}: its key is not Ed25519")
    return key


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name: a gateway's id."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise IdentityError("a certificate must have exactly one common name")
    return str(names[0].value)


def write_private_key(key: Ed25519PrivateKey, path: Path) -> None:
    """Writes PKCS #8 PEM that only its owner may read; never overwrites."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
