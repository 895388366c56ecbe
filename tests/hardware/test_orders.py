"""Signed commands, built and published through the production broker to a listening gateway."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.identity.orders import Counters, OrderError, build_command, publish_command, sign_command
from smokesentry.identity import load_identity
from smokesentry.messages.control import Command
from smokesentry.messages.envelope import COMMAND_TYPE, unseal
from smokesentry.messages.topics import Address

NOW = datetime(2026, 11, 22, 18, 4, 5, 678_000, tzinfo=UTC)
MINE = Address("changxin", "gw-1")


def _identity(broker, name: str):
    return load_identity(broker.handed / f"{name}.key", broker.handed / f"{name}.crt")


def _publish(broker, tls, counters: Path, address: Address = MINE, *, name: str = "cloud", **kwargs) -> Command:
    context = tls(broker.handed, name, broker.ca.folder / "ca.crt")
    where = {"host": "127.0.0.1", "port": broker.port, "tls": context, **kwargs}
    return publish_command(
        address, "send_raw", {"minutes": 5}, identity=_identity(broker, name), counters=counters, now=NOW, **where
    )


@pytest.mark.mosquitto
def test_a_command_reaches_its_gateway_signed_and_numbered(broker, wait, tls, tmp_path: Path) -> None:
    gateway = broker.connect("gw-1")
    gateway.subscribe(MINE.command)
    given_out = [_publish(broker, tls, tmp_path / "counters.json") for _ in range(2)]
    wait(lambda: len(gateway.got) == 2)
    cloud_key = _identity(broker, "cloud").key.public_key()
    received = [
        msgspec.json.decode(unseal(raw, COMMAND_TYPE, lambda _id: cloud_key)[0], type=Command) for _, raw in gateway.got
    ]
    assert received == given_out
    assert [(c.gateway, c.kind, c.args, c.counter) for c in received] == [
        ("gw-1", "send_raw", {"minutes": 5}, 1),
        ("gw-1", "send_raw", {"minutes": 5}, 2),
    ]
    assert (received[0].issued_at, received[0].expires_at) == ("2026-11-22T18:04:05.678Z", "2026-11-22T19:04:05.678Z")


@pytest.mark.mosquitto
def test_a_command_waits_for_a_gateway_that_is_away_and_says_when_there_is_none(
    broker, wait, tls, tmp_path: Path
) -> None:
    away = broker.connect("gw-2", "gw-2-away", expiry_s=600)
    away.subscribe(Address("changxin", "gw-2").command)
    away.close()
    _publish(broker, tls, tmp_path / "c", Address("changxin", "gw-2"))
    back = broker.connect("gw-2", "gw-2-away", expiry_s=600)
    wait(lambda: len(back.got) == 1)
    with pytest.raises(OrderError, match="nobody listens"):
        _publish(broker, tls, tmp_path / "c", Address("changxin", "never-seen"))


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("name", "complaint"), [("gw-1", "did not take the command.*Not authorized"), ("gw-lost", "did not let us in")]
)
def test_only_the_cloud_gives_orders(broker, tls, tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(OrderError, match=complaint):
        _publish(broker, tls, tmp_path / "c", name=name)


@pytest.mark.mosquitto
def test_a_broker_that_is_not_there_is_named(broker, tls, tmp_path: Path) -> None:
    with pytest.raises(OrderError, match=r"broker 127\.0\.0\.1:1: cannot be reached"):
        _publish(broker, tls, tmp_path / "c", port=1)


@settings(deadline=None, max_examples=12)  # each number is forced to the disk
@given(st.lists(st.sampled_from(["gw-1", "gw-2"]), max_size=12))
def test_numbers_only_rise_even_over_restarts(tmp_path_factory: pytest.TempPathFactory, gateways: list[str]) -> None:
    path = tmp_path_factory.mktemp("counters") / "state" / "counters.json"
    for position, gateway in enumerate(gateways):
        assert Counters(path).next(gateway) == gateways[: position + 1].count(gateway)


def test_numbers_are_never_given_twice_by_several_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: Counters(tmp_path / "c").next("gw-1"), range(60)))
    assert sorted(numbers) == list(range(1, 61))


def test_a_damaged_counter_file_stops_orders_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "counters.json"
    path.write_text('{"gw-1": 7')
    with pytest.raises(OrderError, match="damaged"):
        Counters(path).next("gw-1")
    assert path.read_text() == '{"gw-1": 7'
    with pytest.raises(OrderError, match="names have"):
        Counters(tmp_path / "other").next("../x")


@pytest.mark.parametrize(
    ("kind", "lifetime"), [("x" * 1000, timedelta(hours=1)), ("ok", timedelta(0)), ("ok", timedelta(days=31))]
)
def test_an_order_the_wire_cannot_carry_spends_no_number(tmp_path: Path, kind: str, lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match=r".+"):
        publish_command(
            MINE, kind, {}, identity=None, counters=tmp_path / "c", host="127.0.0.1", port=1, tls=None, now=NOW,
            lifetime=lifetime,
        )  # type: ignore[arg-type]  # fmt: skip
    assert not (tmp_path / "c").exists()


@settings(deadline=None)  # the machine may be busy
@given(
    counter=st.integers(1, 2**53),
    args=st.dictionaries(
        st.text(max_size=8), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
    ),
)
def test_what_is_signed_is_what_was_ordered(counter: int, args: dict[str, object]) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    command = build_command(
        "gw-1", counter, "reboot", args, command_id="0" * 32, now=NOW, lifetime=timedelta(minutes=5)
    )
    payload, _ = unseal(sign_command(command, key), COMMAND_TYPE, lambda _id: key.public_key())
    assert msgspec.json.decode(payload, type=Command) == command
    assert json.loads(payload)["args"] == args
