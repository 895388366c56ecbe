"""Rendering configuration and access list: nothing but names and paths gets in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from hardware.broker import render_acl, render_broker
from hardware.commands import main
from smokesentry.messages.topics import is_name


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=50).filter(lambda text: not is_name(text)))
def test_what_is_no_name_never_reaches_the_access_list(text: str) -> None:
    for gateways, clouds in ([("town", text)], []), ([(text, "gw-1")], []), ([], [text]):
        with pytest.raises(ValueError, match="names have"):
            render_acl(gateways, clouds)


@settings(deadline=None)  # the machine may be busy
@given(
    st.dictionaries(st.from_regex("[a-z0-9-]{1,40}", fullmatch=True), st.from_regex("[a-z0-9-]{1,40}", fullmatch=True))
)
def test_each_block_of_the_access_list_names_its_own_gateway_only(town_of: dict[str, str]) -> None:
    text = render_acl([(town, name) for name, town in town_of.items()], [])
    users = re.findall(r"^user (.*)$", text, re.MULTILINE)
    assert sorted(users) == sorted(town_of)
    user = None
    for line in text.splitlines():
        if line.startswith("user "):
            user = line.removeprefix("user ")
        elif line.startswith("topic "):
            assert user is not None
            assert line.split(" ")[2].startswith(f"smokesentry/v1/{town_of[user]}/{user}/")


def test_a_name_with_two_meanings_is_refused() -> None:
    with pytest.raises(ValueError, match="stands for two"):
        render_acl([("here", "gw-1"), ("there", "gw-1")], [])
    with pytest.raises(ValueError, match="stands for two"):
        render_acl([("here", "cloud")], ["cloud"])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ca": Path("ca.crt")}, "absolute"),
        ({"key": Path("/a\nallow_anonymous true")}, "cannot hold"),
        ({"port": 0}, "1 to 65535"),
        ({"user": "root "}, "cannot hold"),
    ],
)
def test_values_that_would_break_the_configuration_are_refused(change: dict[str, object], complaint: str) -> None:
    file = Path("/etc/x")
    good = {"folder": file, "port": 8883, "ca": file, "crl": file, "certificate": file, "key": file, "acl_file": file}
    assert "\nuser sentry\n" in render_broker(**good, user="sentry")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=complaint):
        render_broker(**{**good, **change})  # type: ignore[arg-type]


def test_the_command_writes_what_the_ledger_grants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    authority = CaFolder.create(tmp_path / "ca", now)
    for name in ("gw-1", "gw-2", "gw-lost"):
        authority.enrol(Subject(name, "gateway", "changxin"), tmp_path / "handed", now)
    authority.enrol(Subject("gw-1", "gateway", "changxin"), tmp_path / "renewed", now)
    authority.enrol(Subject("cloud", "cloud"), tmp_path / "handed", now)
    authority.enrol(Subject("broker", "broker", hosts=("localhost",)), tmp_path / "handed", now)
    authority.revoke("gw-lost", "stolen", now)
    key, certificate = tmp_path / "handed" / "broker.key", tmp_path / "handed" / "broker.crt"
    words = ["broker", "--ca", authority.folder, "--certificate", certificate, "--key", key, "--out", tmp_path]
    assert main([str(word) for word in words]) == 0
    assert "2 gateways" in capsys.readouterr().out
    assert (tmp_path / "smokesentry.acl").read_text() == render_acl(
        [("changxin", "gw-1"), ("changxin", "gw-2")], ["cloud"]
    )
    configuration = (tmp_path / "mosquitto.conf").read_text()
    assert f"\nacl_file {tmp_path}/smokesentry.acl\n" in configuration
    assert f"\nkeyfile {key}\n" in configuration
    assert main(["broker", "--ca", str(tmp_path), "--certificate", str(certificate), "--key", str(key)]) == 1
    assert "ledger.json" in capsys.readouterr().err
