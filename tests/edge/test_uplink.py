"""The transport's proof: a real broker, a cloud that acknowledges, and what happens when either goes away."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from edge.clockwatch import WatchedClock
from edge.downlink import Downlink
from edge.facts import Fact
from edge.spool import Spool
from edge.uplink import Broker as BrokerAddress
from edge.uplink import Uplink
from edge.window import LIMITS
from smokesentry.clock import SystemClock, from_unix, to_wire
from smokesentry.identity import Identity, public_key_of
from smokesentry.messages.control import Ack, Command
from smokesentry.messages.topics import Address

pytestmark = pytest.mark.mosquitto
FactOf = Callable[..., Fact]
Until = Callable[..., None]


class Running:
    """An uplink in its thread, over a spool in a folder."""

    def __init__(self, folder: Path, cloud: Any, clock: SystemClock) -> None:
        self.spool = Spool(folder)
        self.pings = 0
        self.downlink = Downlink("gw-1", self.spool, public_key_of(cloud.identity.certificate), self._ping)
        where = BrokerAddress("127.0.0.1", cloud.port, None, Path(), Path())
        self.uplink = Uplink(where, Address("town", "gw-1"), cloud.gateway, self.spool, self.downlink, clock)
        self.thread = threading.Thread(target=self.uplink.run, daemon=True)
        self.thread.start()

    def _ping(self) -> None:
        self.pings += 1

    def add(self, *facts: Fact) -> list[int]:
        numbers = self.spool.append(facts)
        self.uplink.wake()
        return numbers

    def stop(self) -> None:
        self.uplink.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()
        self.spool.close()


@pytest.fixture
def start(tmp_path: Path, cloud: Any, clock: SystemClock) -> Iterator[Callable[[], Running]]:
    running: list[Running] = []

    def make() -> Running:
        running.append(Running(tmp_path / "gateway", cloud, clock))
        return running[-1]

    yield make
    for one in running:
        if one.thread.is_alive():
            one.stop()


def command(kind: str, counter: int, clock: SystemClock, valid_s: float = 60.0, **args: object) -> Command:
    now = clock.now().unix_s
    return Command(
        command_id=uuid4().hex,
        gateway="gw-1",
        counter=counter,
        issued_at=to_wire(from_unix(now - 120)),
        expires_at=to_wire(from_unix(now + valid_s)),
        kind=kind,
        args=args,
    )


def test_records_arrive_and_leave_the_spool_on_acknowledgement(
    start: Callable[[], Running], cloud: Any, until: Until, telemetry_fact: FactOf, detection_fact: FactOf
) -> None:
    gateway = start()
    gateway.add(telemetry_fact(), telemetry_fact(), detection_fact())
    until(lambda: sum(gateway.spool.depth().values()) == 0, "everything acknowledged")
    assert set(cloud.records) == {("telemetry", 1), ("telemetry", 2), ("detection", 1)}
    assert gateway.spool.resend("detection", 1, 1) == 1, "an acknowledged detection is kept"


def test_after_an_outage_detections_go_first(
    start: Callable[[], Running], cloud: Any, broker: Any, until: Until, telemetry_fact: FactOf, detection_fact: FactOf
) -> None:
    broker.stop()
    gateway = start()
    gateway.add(*[telemetry_fact() for _ in range(1200)])
    gateway.add(*[detection_fact(number) for number in range(3)])
    broker.start()
    until(lambda: sum(gateway.spool.depth().values()) == 0, "everything acknowledged")
    assert cloud.batches[0].lane == "detection"
    assert len(cloud.records) == 1203


def test_a_new_detection_leaves_at_once(
    start: Callable[[], Running], cloud: Any, until: Until, detection_fact: FactOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No timer of the uplink rings within the test: what arrives was woken, however slow the machine is.
    monkeypatch.setattr("edge.uplink._LOOK_AGAIN_S", 3600.0)
    monkeypatch.setitem(LIMITS, "detection", replace(LIMITS["detection"], timeout_s=3600.0))
    gateway = start()
    until(lambda: gateway.uplink.state.connected, "connected")
    for number in range(1, 21):
        gateway.add(detection_fact(number))
        batch = cloud.arrivals.get(timeout=60)
        assert [record.seq for record in batch.records] == [number]


def test_another_client_that_takes_the_gateways_name_does_not_end_its_connection(
    start: Callable[[], Running], cloud: Any, until: Until, detection_fact: FactOf
) -> None:
    gateway = start()
    until(lambda: gateway.uplink.state.connected, "connected")
    stranger, let_in = Client(CallbackAPIVersion.VERSION2, client_id="gw-1", protocol=MQTTv5), threading.Event()
    stranger.on_connect = lambda *_: let_in.set()
    stranger.connect("127.0.0.1", cloud.port)
    stranger.loop_start()
    try:
        assert let_in.wait(60)
        gateway.add(detection_fact(0))
        until(lambda: sum(gateway.spool.depth().values()) == 0, "everything acknowledged")
        assert gateway.uplink.state.connections == 1
    finally:
        stranger.disconnect()
        stranger.loop_stop()


def test_without_acknowledgement_everything_stays_and_goes_again_after_reconnecting(
    start: Callable[[], Running],
    cloud: Any,
    broker: Any,
    until: Until,
    telemetry_fact: FactOf,
    detection_fact: FactOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A killed broker may forget the cloud's subscription too; what it swallows before the cloud is back goes again.
    monkeypatch.setitem(LIMITS, "telemetry", replace(LIMITS["telemetry"], timeout_s=2.0))
    cloud.acknowledges = False
    gateway = start()
    gateway.add(detection_fact(), telemetry_fact())
    until(lambda: len(cloud.records) == 2, "first delivery")
    broker.stop(signal.SIGKILL)
    until(lambda: not gateway.uplink.state.connected, "noticed that the broker died")
    assert sum(gateway.spool.depth().values()) == 2
    cloud.acknowledges = True
    broker.start()
    until(lambda: sum(gateway.spool.depth().values()) == 0, "delivered again and acknowledged")
    assert len(cloud.batches) >= 4


def test_an_acknowledgement_that_comes_late_makes_it_go_again(
    start: Callable[[], Running], cloud: Any, until: Until, detection_fact: FactOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "detection", replace(LIMITS["detection"], timeout_s=0.3))
    cloud.acknowledges = False
    gateway = start()
    gateway.add(detection_fact())
    until(lambda: len(cloud.batches) >= 3, "sent three times")
    cloud.acknowledge(gateway.spool.spool_id, "detection")
    until(lambda: gateway.spool.depth()["detection"] == 0, "acknowledged at last")


def test_unsigned_and_wrongly_signed_acknowledgements_are_counted_and_ignored(
    start: Callable[[], Running],
    cloud: Any,
    until: Until,
    detection_fact: FactOf,
    identity_of: Callable[[str], Identity],
) -> None:
    cloud.acknowledges = False
    gateway = start()
    gateway.add(detection_fact())
    until(lambda: len(cloud.records) == 1, "delivered")
    spool = gateway.spool.spool_id
    cloud.acknowledge(spool, "detection", signer=identity_of("stranger"))
    cloud.publish(cloud.address.ack, b'{"v":1,"gateway":"gw-1","lane":"detection","contiguous":1}')
    cloud.publish(cloud.address.ack, b"\xff\x00 garbage")
    cloud.send_ack(Ack(gateway="gw-1", spool="f" * 16, lane="detection", contiguous=1))
    cloud.send_ack(Ack(gateway="gw-2", spool=spool, lane="detection", contiguous=1))
    cloud.send_ack(Ack(gateway="gw-1", spool=spool, lane="detection", contiguous=99))
    counts = gateway.downlink.counts
    until(lambda: sum(counts[name] for name in counts if name.startswith("refused_")) == 6, "six refusals counted")
    assert counts["refused_unknown_key"] == 1
    assert counts["refused_malformed"] == 2
    assert counts["refused_other_spool"] == counts["refused_other_gateway"] == counts["refused_beyond_spool"] == 1
    assert gateway.spool.depth()["detection"] == 1
    cloud.acknowledge(spool, "detection")
    until(lambda: gateway.spool.depth()["detection"] == 0, "the true acknowledgement still counts")


def test_state_is_retained_and_the_last_will_says_offline(
    start: Callable[[], Running], cloud: Any, until: Until
) -> None:
    gateway = start()
    until(lambda: [state.online for state in cloud.states] == [True], "online")
    gateway.stop()
    until(lambda: [state.online for state in cloud.states] == [True, False], "offline after a clean stop")
    killed = subprocess.Popen(
        [sys.executable, "-c", _BARE_GATEWAY, str(cloud.port), str(gateway.spool.path.parent), *_files(cloud)]
    )
    until(lambda: len(cloud.states) == 3, "online again")
    killed.kill()
    killed.wait()
    until(lambda: len(cloud.states) == 4, "the broker speaks the last will")
    assert [state.online for state in cloud.states] == [True, False, True, False]


def _files(cloud: Any) -> list[str]:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    raw = cloud.gateway.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return [raw, cloud.gateway.certificate.public_bytes(Encoding.PEM).decode()]


_BARE_GATEWAY = """
import sys
from pathlib import Path
from edge.clockwatch import WatchedClock
from edge.downlink import Downlink
from edge.spool import Spool
from edge.uplink import Broker, Uplink
from smokesentry.clock import SystemClock
from smokesentry.identity import load_identity
from smokesentry.messages.topics import Address
port, folder, key, certificate = sys.argv[1:]
files = Path(folder) / "k.pem", Path(folder) / "c.pem"
files[0].write_text(key), files[1].write_text(certificate)
me = load_identity(*files)
spool = Spool(Path(folder))
down = Downlink("gw-1", spool, me.key.public_key(), lambda: None)
Uplink(Broker("127.0.0.1", int(port), None, *files), Address("town", "gw-1"), me, spool, down, SystemClock()).run()
"""


def test_commands_are_obeyed_once_and_the_unknown_refused(
    start: Callable[[], Running],
    cloud: Any,
    until: Until,
    detection_fact: FactOf,
    clock: SystemClock,
    identity_of: Callable[[str], Identity],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nothing goes again by itself within the test: what arrives is what was asked for, however slow the machine is.
    monkeypatch.setitem(LIMITS, "detection", replace(LIMITS["detection"], timeout_s=3600.0))
    gateway = start()
    gateway.add(*[detection_fact(number) for number in range(4)])
    until(lambda: gateway.spool.depth()["detection"] == 0, "acknowledged")
    cloud.batches.clear()
    cloud.send_command(command("ping", 3, clock))
    until(lambda: gateway.pings == 1, "ping")
    cloud.send_command(command("ping", 3, clock))
    cloud.send_command(command("ping", 2, clock))
    cloud.send_command(command("ping", 9, clock), signer=identity_of("stranger"))
    cloud.send_command(command("ping", 4, clock, valid_s=-30))
    cloud.send_command(command("reboot", 5, clock))
    cloud.send_command(command("resend", 6, clock, lane="detection", from_seq=2, to_seq="all"))
    cloud.send_command(command("resend", 7, clock, lane="detection", from_seq=2, to_seq=3))
    until(lambda: bool(cloud.batches), "kept records again")
    assert [record.seq for batch in cloud.batches for record in batch.records] == [2, 3]
    counts = gateway.downlink.counts
    assert gateway.pings == 1
    assert counts["refused_old_counter"] == 2
    assert counts["refused_unknown_key"] == 1
    assert counts["refused_expired"] == 1
    assert counts["refused_unknown_command"] == 1
    assert counts["refused_bad_arguments"] == 1
    assert any("'reboot' is not known" in notice for notice in gateway.downlink.notices)
    assert gateway.spool.counter("command") == 7


@pytest.fixture
def left_behind(
    start: Callable[[], Running], cloud: Any, until: Until, detection_fact: FactOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A detection that the cloud took from a process that ended before it was acknowledged; nothing goes twice."""
    monkeypatch.setitem(LIMITS, "detection", replace(LIMITS["detection"], timeout_s=3600.0))
    cloud.acknowledges = False
    first = start()
    first.add(detection_fact())
    until(lambda: len(cloud.batches) == 1, "delivered once")
    first.stop()


@pytest.mark.usefixtures("left_behind")
def test_a_restarted_process_delivers_what_the_killed_one_left(
    start: Callable[[], Running], cloud: Any, until: Until
) -> None:
    cloud.acknowledges = True
    second = start()
    until(lambda: second.spool.depth()["detection"] == 0, "delivered again and acknowledged")
    assert len(cloud.records) == 1


@pytest.mark.usefixtures("left_behind")
def test_an_acknowledgement_that_the_broker_kept_does_not_set_the_time(
    start: Callable[[], Running], cloud: Any, clock: WatchedClock, until: Until, detection_fact: FactOf
) -> None:
    """A gateway that comes back sends again what the cloud has long answered, and is then told when that was."""
    second = start()
    until(lambda: len(cloud.batches) == 2, "delivered again")
    spool, hours_ago = second.spool.spool_id, to_wire(from_unix(clock.now().unix_s - 7 * 3600))
    cloud.send_ack(Ack(gateway="gw-1", spool=spool, lane="detection", contiguous=1, at=hours_ago))
    until(lambda: second.spool.depth()["detection"] == 0, "acknowledged")
    until(lambda: second.uplink.state.last_ack_unix_s is not None, "the answer was looked at")
    assert clock.offset_s() is None
    # What was never sent before does date its answer.
    second.add(detection_fact(1))
    until(lambda: len(cloud.batches) == 3, "the new one delivered")
    ahead = to_wire(from_unix(clock.now().unix_s - 60))
    cloud.send_ack(Ack(gateway="gw-1", spool=spool, lane="detection", contiguous=2, at=ahead))
    until(lambda: clock.offset_s() is not None, "the clock is known to be a minute ahead")
    assert clock.offset_s() == pytest.approx(60, abs=3.1)
