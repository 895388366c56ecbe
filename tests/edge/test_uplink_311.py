"""A broker that knows no MQTT v5: the gateway goes on in 3.1.1, whether it is told so or just hung up on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clockwatch import WatchedClock
from edge.downlink import Downlink
from edge.facts import Fact
from edge.spool import Spool
from edge.uplink import Broker, Uplink
from edge.window import Allowance
from smokesentry.identity import public_key_of
from smokesentry.messages.topics import Address

_REFUSED_VERSION = bytes([0x20, 2, 0, 1])  # CONNACK, "unacceptable protocol version" (MQTT 3.1.1, 3.2.2.3)


@dataclass
class OldFront:
    """Stands before a real broker and lets nobody in who does not speak 3.1.1."""

    target: int
    says_so: bool
    versions: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            first = client.recv(4096)
            version = first[first.index(b"MQTT") + 4]
            self.versions.append(version)
            if version != 4:
                client.sendall(_REFUSED_VERSION if self.says_so else b"")
                return
            with socket.create_connection(("127.0.0.1", self.target)) as broker:
                broker.sendall(first)
                threading.Thread(target=_pump, args=(broker, client), daemon=True).start()
                _pump(client, broker)


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        return


@pytest.fixture
def front(broker: Any, request: pytest.FixtureRequest) -> Iterator[OldFront]:
    old = OldFront(broker.port, request.param)
    yield old
    old.listener.close()


@pytest.mark.mosquitto
@pytest.mark.parametrize("front", [True, False], indirect=True, ids=["refused", "hung-up-on"])
def test_the_uplink_falls_back_to_the_older_version_and_delivers(
    front: OldFront,
    tmp_path: Path,
    cloud: Any,
    until: Callable[..., None],
    clock: WatchedClock,
    detection_fact: Callable[..., Fact],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.uplink.backoff_s", lambda *_: 0.05)
    spool = Spool(tmp_path / "spool")
    downlink = Downlink("gw-1", spool, public_key_of(cloud.identity.certificate), lambda: None)
    where = Broker("127.0.0.1", front.port, None, Path(), Path())
    uplink = Uplink(where, Address("town", "gw-1"), cloud.gateway, spool, downlink, clock)
    spool.append([detection_fact(number) for number in range(3)])
    thread = threading.Thread(target=uplink.run, daemon=True)
    thread.start()
    until(lambda: spool.depth()["detection"] == 0, "delivered and acknowledged over 3.1.1")
    uplink.stop()
    thread.join(60)
    assert front.versions[0] == 5
    assert front.versions[-1] == 4
    assert len(cloud.records) == 3
    spool.close()


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 50_000), max_size=60), step_s=st.floats(0.01, 5))
def test_the_backlog_never_takes_more_than_its_allowance(sizes: list[int], step_s: float) -> None:
    allowance, now_s, sent, biggest = Allowance(1000.0, most=4000.0, _left=4000.0), 0.0, 0, 0
    for size in sizes:
        if allowance.is_open(now_s):
            allowance.spend(size)
            sent, biggest = sent + size, max(biggest, size)
        now_s += step_s
    assert sent <= 4000 + 1000 * now_s + biggest
    assert allowance.wait_s() >= 0
