"""The authority's folder, its certificates (judged by openssl, not by ourselves), its register and its command line."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.identity import commands
from cloud_ingest.identity.authority import BACKDATE, AuthorityError, Subject, issue, new_root, revocation_list
from cloud_ingest.identity.ca_folder import CaFolder
from cloud_ingest.identity.registry import Registry
from smokesentry.identity import Identity, common_name, load_identity
from smokesentry.messages.envelope import BATCH_TYPE, EnvelopeError, key_id, seal, unseal

NOW = datetime(2026, 11, 22, 18, 4, 5, tzinfo=UTC)
GATEWAY = Subject("gw-1", "gateway", "changxin")


@pytest.fixture
def authority(tmp_path: Path) -> CaFolder:
    return CaFolder.create(tmp_path / "ca", NOW)


def _verify(authority: CaFolder, certificate: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What openssl says of a certificate in the autumn of its issue, revocation list included."""
    openssl = shutil.which("openssl")
    assert openssl, "the openssl command is part of every Debian installation"
    folder = authority.folder
    return subprocess.run(
        [
            *(openssl, "verify", "-x509_strict", "-attime", str(int(NOW.timestamp())), "-crl_check"),
            *("-CAfile", str(folder / "ca.crt"), "-CRLfile", str(folder / "crl.pem"), *options, str(certificate)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_openssl_accepts_each_role_for_its_own_purpose_only(authority: CaFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    authority.enrol(GATEWAY, out, NOW)
    authority.enrol(Subject("cloud", "cloud"), out, NOW)
    authority.enrol(Subject("broker", "broker", hosts=("mqtt.example.org", "10.0.0.7")), out, NOW)
    for name in ("gw-1", "cloud"):
        assert _verify(authority, out / f"{name}.crt", "-purpose", "sslclient").returncode == 0
        assert _verify(authority, out / f"{name}.crt", "-purpose", "sslserver").returncode != 0
    broker = out / "broker.crt"
    assert _verify(authority, broker, "-purpose", "sslserver", "-verify_hostname", "mqtt.example.org").returncode == 0
    assert _verify(authority, broker, "-purpose", "sslserver", "-verify_ip", "10.0.0.7").returncode == 0
    assert _verify(authority, broker, "-purpose", "sslserver", "-verify_hostname", "example.org").returncode != 0
    assert _verify(authority, broker, "-purpose", "sslclient").returncode != 0


def test_a_certificate_counts_for_a_gateway_whose_clock_stopped_in_spring(authority: CaFolder, tmp_path: Path) -> None:
    authority.enrol(GATEWAY, tmp_path / "out", NOW)
    spring = str(int((NOW - BACKDATE + timedelta(days=1)).timestamp()))
    before = str(int((NOW - BACKDATE - timedelta(days=1)).timestamp()))
    certificate = tmp_path / "out" / "gw-1.crt"
    openssl = ["openssl", "verify", "-CAfile", str(authority.folder / "ca.crt")]
    assert subprocess.run([*openssl, "-attime", spring, certificate], check=False, capture_output=True).returncode == 0
    assert subprocess.run([*openssl, "-attime", before, certificate], check=False, capture_output=True).returncode != 0


def test_revoking_changes_what_openssl_and_the_register_say(authority: CaFolder, tmp_path: Path) -> None:
    entry = authority.enrol(GATEWAY, tmp_path / "out", NOW)
    other = authority.enrol(Subject("gw-2", "gateway", "changxin"), tmp_path / "out", NOW)
    registry = Registry(authority.folder, lambda: NOW)
    assert registry.find_key(entry.key_id) is not None
    assert _verify(authority, tmp_path / "out" / "gw-1.crt").returncode == 0

    assert authority.revoke("gw-1", "stolen from the roof", NOW)[0].serial == entry.serial
    said = _verify(authority, tmp_path / "out" / "gw-1.crt")
    assert "revoked" in said.stdout + said.stderr
    assert _verify(authority, tmp_path / "out" / "gw-2.crt").returncode == 0
    assert registry.find_key(entry.key_id) is None
    assert registry.name_of(entry.key_id) is None
    assert registry.name_of(other.key_id) == "gw-2"
    assert registry.tenant_of(other.key_id) == "changxin"
    assert authority.revoke("gw-1", "again", NOW) == []
    assert authority.entries()[0].why == "stolen from the roof"


def test_a_list_interrupted_before_its_crl_is_mended_by_repeating_the_revocation(
    authority: CaFolder, tmp_path: Path
) -> None:
    authority.enrol(GATEWAY, tmp_path / "out", NOW)
    before = (authority.folder / "crl.pem").read_bytes()
    authority.revoke("gw-1", "stolen", NOW)
    (authority.folder / "crl.pem").write_bytes(before)  # as a power cut between ledger and list leaves it
    assert _verify(authority, tmp_path / "out" / "gw-1.crt").returncode == 0
    authority.revoke("gw-1", "stolen", NOW)
    assert _verify(authority, tmp_path / "out" / "gw-1.crt").returncode != 0


def test_renewal_keeps_the_old_certificate_until_it_alone_is_revoked(authority: CaFolder, tmp_path: Path) -> None:
    old = authority.enrol(GATEWAY, tmp_path / "old", NOW)
    new = authority.enrol(GATEWAY, tmp_path / "new", NOW + timedelta(days=1000))
    registry = Registry(authority.folder, lambda: NOW + timedelta(days=1001))
    assert {registry.name_of(old.key_id), registry.name_of(new.key_id)} == {"gw-1"}
    authority.revoke("gw-1", "renewed", NOW, serial=old.serial)
    assert registry.name_of(old.key_id) is None
    assert registry.name_of(new.key_id) == "gw-1"


def test_the_register_forgets_a_key_when_its_certificate_expires(authority: CaFolder, tmp_path: Path) -> None:
    entry = authority.enrol(GATEWAY, tmp_path / "out", NOW)
    moment = NOW
    registry = Registry(authority.folder, lambda: moment)
    assert registry.find_key(entry.key_id) is not None
    moment = NOW + timedelta(days=3 * 365)
    assert registry.find_key(entry.key_id) is None


def test_an_envelope_is_opened_with_the_register_and_refused_after_revocation(
    authority: CaFolder, tmp_path: Path
) -> None:
    authority.enrol(GATEWAY, tmp_path / "out", NOW)
    identity = load_identity(tmp_path / "out" / "gw-1.key", tmp_path / "out" / "gw-1.crt")
    registry = Registry(authority.folder, lambda: NOW)
    raw = seal(b"{}", BATCH_TYPE, identity.key)
    payload, signer = unseal(raw, BATCH_TYPE, registry.find_key)
    assert (payload, registry.name_of(signer)) == (b"{}", "gw-1")
    stranger = seal(b"{}", BATCH_TYPE, Ed25519PrivateKey.generate())
    authority.revoke("gw-1", "stolen", NOW)
    for refused in (raw, stranger):
        with pytest.raises(EnvelopeError) as caught:
            unseal(refused, BATCH_TYPE, registry.find_key)
        assert caught.value.cause == "unknown_key"


def test_the_register_survives_a_damaged_ledger_and_a_swapped_certificate(
    authority: CaFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = authority.enrol(GATEWAY, tmp_path / "out", NOW)
    second = authority.enrol(Subject("gw-2", "gateway", "changxin"), tmp_path / "out", NOW)
    registry = Registry(authority.folder, lambda: NOW)
    (authority.folder / second.certificate).write_bytes((authority.folder / first.certificate).read_bytes())
    assert registry.find_key(second.key_id) is None
    assert "does not hold the key" in caplog.text
    (authority.folder / "ledger.json").write_text("{torn")
    assert registry.name_of(first.key_id) == "gw-1"
    assert "going on with what was known" in caplog.text
    with pytest.raises(AuthorityError, match="damaged"):
        Registry(authority.folder)


def test_private_keys_are_for_their_owner_only_and_never_overwritten(authority: CaFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    authority.enrol(GATEWAY, out, NOW)
    for secret in (authority.folder / "ca.key", out / "gw-1.key"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    before = {path: path.read_bytes() for path in [*out.iterdir(), authority.folder / "ledger.json"]}
    with pytest.raises(AuthorityError, match="never overwritten"):
        authority.enrol(GATEWAY, out, NOW)
    with pytest.raises(AuthorityError, match="not empty"):
        CaFolder.create(authority.folder, NOW)
    assert {path: path.read_bytes() for path in before} == before
    assert list((authority.folder / "issued").iterdir()) == [authority.folder / authority.entries()[0].certificate]


def test_a_gateway_is_handed_the_certificate_by_which_it_knows_the_cloud(authority: CaFolder, tmp_path: Path) -> None:
    authority.enrol(Subject("cloud", "cloud"), tmp_path / "lost", NOW)
    authority.revoke("cloud", "lost", NOW)
    cloud = authority.enrol(Subject("cloud", "cloud"), tmp_path / "cloud", NOW)
    authority.enrol(GATEWAY, tmp_path / "out", NOW)
    handed = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert handed == ["ca.crt", "cloud.crt", "gw-1.crt", "gw-1.key"]
    assert (tmp_path / "out/cloud.crt").read_bytes() == (authority.folder / cloud.certificate).read_bytes()


def test_nobody_is_called_ca(authority: CaFolder, tmp_path: Path) -> None:
    with pytest.raises(AuthorityError, match="choose another"):
        authority.enrol(Subject("ca", "cloud"), tmp_path / "out", NOW)


def test_a_name_belongs_to_one_role_and_one_town(authority: CaFolder, tmp_path: Path) -> None:
    authority.enrol(GATEWAY, tmp_path / "out", NOW)
    for thief in (Subject("gw-1", "gateway", "elsewhere"), Subject("gw-1", "cloud")):
        with pytest.raises(AuthorityError, match="already the name of a gateway of changxin"):
            authority.enrol(thief, tmp_path / "thief", NOW)
    assert not (tmp_path / "thief").exists()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (("GW 1", "gateway", "t", ()), "1 to 40 of a-z"),
        (("gw-1", "gateway", None, ()), "town"),
        (("gw-1", "gateway", "t/+", ()), "town"),
        (("cloud", "cloud", "t", ()), "every town"),
        (("broker", "broker", None, ()), "hosts"),
        (("cloud", "cloud", None, ("h",)), "hosts"),
        (("x", "patrol", None, ()), "role 'patrol'"),
    ],
)
def test_a_subject_that_makes_no_sense_is_refused(values: tuple[str, str, str, tuple[str]], complaint: str) -> None:
    with pytest.raises(AuthorityError, match=complaint):
        Subject(*values)  # type: ignore[arg-type]


def test_a_host_that_is_no_host_and_an_expired_authority_are_refused(authority: CaFolder, tmp_path: Path) -> None:
    with pytest.raises(AuthorityError, match="host '烟哨'"):
        authority.enrol(Subject("broker", "broker", hosts=("烟哨",)), tmp_path / "out", NOW)
    with pytest.raises(AuthorityError, match="expired"):
        authority.enrol(GATEWAY, tmp_path / "out", NOW + timedelta(days=21 * 365))
    assert authority.entries() == []


@settings(deadline=None)  # the machine may be busy
@given(
    serial=st.integers(1, 2**63 - 1),
    days=st.integers(0, 19 * 365),
    revoked=st.lists(st.integers(1, 2**63 - 1), unique=True, max_size=5),
)
def test_issuing_is_a_function_of_its_arguments(serial: int, days: int, revoked: list[int]) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    root = Identity("root", key, new_root("root", key, 1, NOW))
    later = NOW + timedelta(days=days)
    one, two = (issue(root, GATEWAY, key.public_key(), serial, later) for _ in range(2))
    assert one == two
    assert (one.serial_number, common_name(one)) == (serial, "gw-1")
    assert one.not_valid_before_utc == later - BACKDATE
    assert one.not_valid_after_utc <= root.certificate.not_valid_after_utc
    crl = revocation_list(root, [(number, NOW) for number in revoked], 7, later)
    assert crl.is_signature_valid(key.public_key())
    assert {entry.serial_number for entry in crl} == set(revoked)


def test_the_command_line_walks_a_gateways_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = str(tmp_path / "ca"), str(tmp_path / "out")
    assert commands.main(["init", folder]) == 0
    assert commands.main(["enrol", folder, "gateway", "gw-1", "--tenant", "changxin", "--out", out]) == 0
    assert commands.main(["enrol", folder, "broker", "mq", "--host", "localhost", "--host", "::1", "--out", out]) == 0
    assert commands.main(["revoke", folder, "gw-1", "--why", "sold"]) == 0
    capsys.readouterr()
    assert commands.main(["list", folder, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(e["name"], e["role"], e.get("why")) for e in listed] == [
        ("gw-1", "gateway", "sold"),
        ("mq", "broker", None),
    ]
    identity = load_identity(tmp_path / "out" / "gw-1.key", tmp_path / "out" / "gw-1.crt")
    assert listed[0]["key_id"] == key_id(identity.key.public_key())
    assert commands.main(["list", folder]) == 0
    table = capsys.readouterr().out
    assert "revoked" in table
    assert "valid" in table


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["revoke", "CA", "nobody", "--why", "x"], "never enrolled"),
        (["revoke", "CA", "gw-1", "--why", " "], "say why"),
        (["enrol", "CA", "gateway", "Gw", "--tenant", "t", "--out", "OUT"], "1 to 40"),
        (["list", "OUT"], "ca init"),
        (["init", "CA"], "not empty"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    authority: CaFolder, tmp_path: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    authority.enrol(GATEWAY, tmp_path / "handed", NOW)
    places = {"CA": str(authority.folder), "OUT": str(tmp_path / "out")}
    assert commands.main([places.get(word, word) for word in words]) == 1
    assert complaint in capsys.readouterr().err
