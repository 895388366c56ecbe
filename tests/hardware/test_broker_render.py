"""Rendering configuration and access list: nothing but names and paths gets in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.broker import render_acl, render_broker
from smokesentry.messages.topics import is_name


@given(st.text(max_size=50).filter(lambda text: not is_name(text)))
def test_what_is_no_name_never_reaches_the_access_list(text: str) -> None:
    for gateways, clouds in ([("town", text)], []), ([(text, "gw-1")], []), ([], [text]):
        with pytest.raises(ValueError, match="names have"):
            render_acl(gateways, clouds)


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
