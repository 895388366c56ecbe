"""The gateway's TLS against a real server that asks for a client certificate."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from socket import create_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from edge.tls import client_context, try_broker


@dataclass
class Papers:
    certificate: Path
    key: Path


Authority = Callable[[str], Callable[[str], Papers]]
Serve = Callable[[Papers, Path], int]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """``authority("a")`` is an authority whose own certificate is a.crt; it issues for 127.0.0.1."""

    def found(name: str) -> Callable[[str], Papers]:
        root = Ed25519PrivateKey.generate()
        issuer = _name(name)
        _write(tmp_path / f"{name}.crt", _signed(issuer, issuer, root, root, ca=True))

        def issue(holder: str) -> Papers:
            key = Ed25519PrivateKey.generate()
            papers = Papers(tmp_path / f"{name}-{holder}.crt", tmp_path / f"{name}-{holder}.key")
            _write(papers.certificate, _signed(_name(holder), issuer, key, root, ca=False))
            papers.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            return papers

        return issue

    return found


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(path: Path, certificate: x509.Certificate) -> None:
    path.write_bytes(certificate.public_bytes(Encoding.PEM))


def _signed(
    subject: x509.Name, issuer: x509.Name, key: Ed25519PrivateKey, signer: Ed25519PrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=ca, crl_sign=ca, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(signer, None)
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A TLS server that reads and says nothing; gives its port."""
    doors = []

    def start(papers: Papers, ca: Path) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(papers.certificate), str(papers.key))
        context.load_verify_locations(str(ca))
        context.verify_mode = ssl.CERT_REQUIRED
        door = create_server(("127.0.0.1", 0))
        doors.append(door)

        def answer() -> None:
            while True:
                try:
                    plain, _ = door.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(100)
                except OSError:
                    plain.close()

        threading.Thread(target=answer, daemon=True).start()
        return int(door.getsockname()[1])

    yield start
    for door in doors:
        door.close()


def test_both_trust_each_other(
    tmp_path: Path, authority: Authority, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.tls._REFUSAL_COMES_WITHIN_S", 0.2)
    issue = authority("a")
    gateway = issue("gw-1")
    port = serve(issue("broker"), tmp_path / "a.crt")
    try_broker("127.0.0.1", port, client_context(tmp_path / "a.crt", gateway.certificate, gateway.key))


def test_a_broker_of_another_authority_is_refused(tmp_path: Path, authority: Authority, serve: Serve) -> None:
    ours, theirs = authority("a"), authority("b")
    gateway = ours("gw-1")
    port = serve(theirs("broker"), tmp_path / "a.crt")
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        try_broker("127.0.0.1", port, client_context(tmp_path / "a.crt", gateway.certificate, gateway.key))


def test_a_broker_that_refuses_our_certificate_is_noticed(
    tmp_path: Path, authority: Authority, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.tls._REFUSAL_COMES_WITHIN_S", 60.0)
    ours, theirs = authority("a"), authority("b")
    stranger = theirs("gw-1")
    port = serve(ours("broker"), tmp_path / "a.crt")
    with pytest.raises(OSError):
        try_broker("127.0.0.1", port, client_context(tmp_path / "a.crt", stranger.certificate, stranger.key))


def test_a_name_that_is_not_the_brokers_is_refused(tmp_path: Path, authority: Authority, serve: Serve) -> None:
    issue = authority("a")
    gateway = issue("gw-1")
    port = serve(issue("broker"), tmp_path / "a.crt")
    with pytest.raises(ssl.SSLError, match="Hostname mismatch"):
        try_broker("localhost", port, client_context(tmp_path / "a.crt", gateway.certificate, gateway.key))


def test_nobody_there_is_no_matter_of_trust() -> None:
    with pytest.raises(ConnectionRefusedError):
        try_broker("127.0.0.1", 1, None)
