"""The timetable's file format, and the bad network."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.faults.orders import KINDS, MEASURES, Fault, OrdersError, Timetable, parse_orders, write_orders
from lab.faults.proxy import Proxy
from lab.faults.soak import plan


@st.composite
def timetables(draw: st.DrawFn) -> Timetable:
    faults, at_s = [], 0.0
    for what in draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=12)):
        at_s += draw(st.floats(1, 50))
        for_s = draw(st.floats(0.1, 0.9))
        measure = None
        if what in MEASURES:
            _, least, most = MEASURES[what]
            measure = draw(st.floats(least, most))
        faults.append(Fault(at_s, what, for_s, draw(st.none() | st.sampled_from(["gw-1", '烟 "哨" \x7f'])), measure))
    return Timetable(draw(st.text(max_size=20)), at_s + 1.0, tuple(sorted(faults, key=lambda f: (f.at_s, f.what))))


@settings(deadline=None)
@given(timetables())
def test_what_is_written_is_read_back(timetable: Timetable) -> None:
    assert parse_orders(write_orders(timetable)) == timetable


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_timetable_or_refused_in_words(text: str) -> None:
    try:
        parse_orders(text)
    except OrdersError as error:
        assert str(error).startswith("orders: ")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ('what = ["power"]\nat_s = 1\nfor_s = 1', "what is ['power']"),
        ('what = "broker_kil"\nat_s = 1\nfor_s = 1', "did you mean 'broker_kill'"),
        ('what = "power"\nat_s = -1\nfor_s = 1', "at_s is -1; expected a number from 0 to 60"),
        ('what = "power"\nat_s = 1', "for_s is missing"),
        ('what = "power"\nat_s = 1\nfor_s = 1\nby_s = 5', "by_s means nothing here"),
        ('what = "clock_jump"\nat_s = 1\nfor_s = 1', "by_s is missing"),
        ('what = "power"\nat_s = 59\nfor_s = 10', "the timetable ends at 60"),
        ('what = "power"\nat_s = 1\nfor_s = 5\nevery_s = 4', "it would never end"),
        ('what = "power"\nat_s = 1\nfor_s = true', "for_s is True"),
        ('what = "power"\nat_s = 1\nfor_s = 9\n[[fault]]\nwhat = "power"\nat_s = 5\nfor_s = 1', "before power of 1 s"),
        ('what = "power"\nat_s = 1\nfor_s = 1\nmuch = 2', "no such key 'much'"),
    ],
)
def test_each_mistake_is_named_with_its_place(fault: str, words: str) -> None:
    with pytest.raises(OrdersError, match=r"fault 1|orders: ") as caught:
        parse_orders(f"length_s = 60\n[[fault]]\n{fault}")
    assert words in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(OrdersError) as caught:
        parse_orders('nam = "x"\n[[fault]]\nwhat = "x"\n[[fault]]\nwhat = "power"')
    assert len(str(caught.value).splitlines()) >= 4


def test_a_repetition_is_written_out_until_the_end() -> None:
    found = parse_orders('length_s = 100\n[[fault]]\nwhat = "power"\nat_s = 10\nfor_s = 5\nevery_s = 30')
    assert [fault.at_s for fault in found.faults] == [10, 40, 70]


@pytest.mark.parametrize("minutes", [1.0, 3.0, 10.0, 60.0])
def test_the_soaks_own_plan_is_a_timetable_with_a_fault_at_least_every_minute(minutes: float) -> None:
    wanted = plan(minutes)
    assert parse_orders(write_orders(wanted)).faults == wanted.faults
    starts = [fault.at_s for fault in wanted.faults]
    assert all(later - earlier <= 60 for earlier, later in itertools.pairwise(starts))
    if minutes >= 10:
        assert {fault.what for fault in wanted.faults} == set(KINDS)


# -- the bad network ---------------------------------------------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    listener = socket.create_server(("127.0.0.1", 0))

    def echo() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(client,), daemon=True).start()

    threading.Thread(target=echo, daemon=True).start()
    between = Proxy(listener.getsockname()[1])
    yield between
    between.close()
    listener.close()


def _echo(client: socket.socket) -> None:
    try:
        while piece := client.recv(65536):
            client.sendall(piece)
    except OSError:
        return


def _connect(proxy: Proxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), timeout=60)
    client.settimeout(60)
    return client


def _exchange(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        piece = client.recv(65536)
        if not piece:
            break
        got += piece
    return got


def test_a_good_network_changes_nothing_and_counts(proxy: Proxy) -> None:
    data = bytes(range(256)) * 2000
    with _connect(proxy) as client:
        assert _exchange(client, data) == data
    assert (proxy.up_bytes, proxy.down_bytes) == (len(data), len(data))


def test_a_cut_ends_what_was_there_and_lets_nothing_in_until_it_is_healed(proxy: Proxy) -> None:
    client = _connect(proxy)
    assert _exchange(client, b"x") == b"x"
    proxy.is_cut = True
    assert _ended(client)
    assert _ended(_connect(proxy))
    proxy.heal()
    with _connect(proxy) as again:
        assert _exchange(again, b"y") == b"y"


def test_silence_keeps_the_connection_and_nothing_is_lost(proxy: Proxy) -> None:
    with _connect(proxy) as client:
        assert _exchange(client, b"x") == b"x"
        proxy.is_silent = True
        time.sleep(0.3)
        client.sendall(b"during")
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(10)
        proxy.heal()
        client.settimeout(60)
        assert client.recv(10) == b"during"


def test_delay_holds_each_piece_back(proxy: Proxy) -> None:
    proxy.delay_s = 0.4
    with _connect(proxy) as client:
        began = time.monotonic()
        assert _exchange(client, b"x") == b"x"
        assert time.monotonic() - began >= 0.8


def test_loss_ends_the_connection(proxy: Proxy) -> None:
    proxy.loss = 1.0
    client = _connect(proxy)
    client.sendall(b"x")
    assert _ended(client)


def _ended(client: socket.socket) -> bool:
    try:
        return client.recv(10) == b""
    except OSError:
        return True
