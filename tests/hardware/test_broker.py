"""The production configuration against the real Mosquitto: who may connect, speak and hear what."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from smokesentry.messages.envelope import MAX_ENVELOPE_BYTES
from smokesentry.messages.records import LANES
from smokesentry.messages.topics import STATE_FILTER, UP_FILTER, Address

pytestmark = pytest.mark.mosquitto

MINE, OTHER = Address("changxin", "gw-1"), Address("changxin", "gw-2")
REFUSED = "Not authorized"
SILENT = "No matching subscribers"


def test_a_gateway_speaks_under_its_own_name_and_town_only(broker, wait) -> None:
    cloud, gateway = broker.connect("cloud", "hears-all"), broker.connect("gw-1")
    cloud.subscribe(UP_FILTER)
    cloud.subscribe(STATE_FILTER)
    mine = [*(MINE.up(lane) for lane in LANES), MINE.state]
    foreign = [OTHER.up("detection"), OTHER.state, Address("elsewhere", "gw-1").up("detection")]
    foreign += [MINE.ack, MINE.command, OTHER.ack, "smokesentry/v1/changxin/gw-1/up/detection/more", "$SYS/x", "any"]
    for topic in foreign:
        assert gateway.publish(topic) == REFUSED, topic
    for topic in mine:
        assert gateway.publish(topic) == "Success", topic
    wait(lambda: len(cloud.got) >= len(mine))
    assert [topic for topic, _ in cloud.got] == mine


def test_a_gateway_hears_its_own_acknowledgements_and_commands_only(broker, wait) -> None:
    cloud, first, second = broker.connect("cloud", "speaks"), broker.connect("gw-1"), broker.connect("gw-2")
    for topic in (MINE.ack, MINE.command):
        first.subscribe(topic)
    # Mosquitto's access list judges deliveries, not subscriptions: a gateway may ask for everything and gets its own.
    for topic in ("#", MINE.ack, MINE.command, UP_FILTER, OTHER.ack):
        second.subscribe(topic)
    for topic in (MINE.ack, MINE.command, OTHER.ack):
        assert cloud.publish(topic) == "Success"
    first.publish(MINE.up("health"))
    assert cloud.publish(OTHER.ack, b"last") == "Success"
    wait(lambda: (OTHER.ack, b"last") in second.got and len(first.got) == 2)
    assert {topic for topic, _ in first.got} == {MINE.ack, MINE.command}
    assert {topic for topic, _ in second.got} == {OTHER.ack}


def test_the_cloud_cannot_pretend_to_be_a_gateway(broker) -> None:
    cloud = broker.connect("cloud", "pretends")
    for topic in (MINE.up("detection"), MINE.state, "smokesentry/v1/changxin/down/ack"):
        assert cloud.publish(topic) == REFUSED


def test_workers_share_what_gateways_send(broker, wait) -> None:
    workers = [broker.connect("cloud", f"worker-{number}") for number in range(2)]
    gateway = broker.connect("gw-1")
    for worker in workers:
        worker.subscribe(f"$share/workers/{UP_FILTER}")
    for number in range(20):
        gateway.publish(MINE.up("telemetry"), b"%d" % number)
    wait(lambda: sum(len(worker.got) for worker in workers) >= 20)
    assert all(worker.got for worker in workers)
    assert sorted(int(payload) for worker in workers for _, payload in worker.got) == list(range(20))


def test_the_last_will_says_offline_and_is_kept_for_those_who_come_later(broker, wait) -> None:
    gateway = broker.connect("gw-2", "short-lived", will=OTHER.state)
    assert gateway.publish(OTHER.state, b"online", retain=True) in ("Success", SILENT)
    socket = gateway.client.socket()
    assert socket is not None
    gateway.client.loop_stop()
    socket.close()
    broker.connect("gw-2", "short-lived").close()  # the takeover of the session makes the broker publish the will
    late = broker.connect("cloud", "late")
    late.subscribe(STATE_FILTER)
    wait(lambda: (OTHER.state, b"gone") in late.got)


@pytest.mark.parametrize("name", [None, "gw-lost", "broker"])
def test_no_certificate_a_revoked_one_or_a_servers_is_not_let_in(broker, name: str | None) -> None:
    peer = broker.connect(name, "nobody")
    assert peer.connected is None
    assert peer.hung_up


def test_another_authority_cannot_make_a_gateway(broker, tmp_path: Path, tls) -> None:
    forger = CaFolder.create(tmp_path / "ca", datetime.now(UTC))
    forger.enrol(Subject("gw-1", "gateway", "changxin"), tmp_path / "forged", datetime.now(UTC))
    ours = broker.ca.folder / "ca.crt"
    assert broker.connect("gw-1", "forged", tls=tls(tmp_path / "forged", "gw-1", ours)).connected is None
    assert broker.connect("gw-1", "true", tls=tls(broker.handed, "gw-1", ours)).connected is not None
    with pytest.raises(ssl.SSLCertVerificationError):  # and a gateway does not talk to a broker it cannot trust
        broker.connect("gw-1", "wary", tls=tls(broker.handed, "gw-1", forger.folder / "ca.crt"))


def test_only_tls_1_3_is_spoken(broker, tls) -> None:
    with pytest.raises((ssl.SSLError, OSError)):
        broker.connect("gw-1", tls=tls(broker.handed, "gw-1", broker.ca.folder / "ca.crt", ssl.TLSVersion.TLSv1_2))


def test_the_largest_envelope_passes_and_a_larger_one_ends_only_its_own_connection(broker, wait) -> None:
    cloud, good, bad = broker.connect("cloud", "large"), broker.connect("gw-1"), broker.connect("gw-2")
    cloud.subscribe(UP_FILTER)
    assert good.publish(MINE.up("evidence"), bytes(MAX_ENVELOPE_BYTES)) == "Success"
    bad.client.publish(OTHER.up("evidence"), bytes(MAX_ENVELOPE_BYTES + 5000), qos=1)
    wait(lambda: bad.hung_up)
    bad.close()
    assert good.publish(MINE.up("health"), b"still here") == "Success"
    wait(lambda: (MINE.up("health"), b"still here") in cloud.got)
    assert [len(payload) for _, payload in cloud.got] == [MAX_ENVELOPE_BYTES, len(b"still here")]


def test_a_reload_shuts_out_and_silences_a_gateway_revoked_while_connected(own_broker, wait) -> None:
    gateway, other, cloud = (own_broker.connect(name) for name in ("gw-1", "gw-2", "cloud"))
    gateway.subscribe(MINE.ack)
    other.subscribe(OTHER.ack)
    assert gateway.publish(MINE.up("health")) == SILENT
    own_broker.ca.revoke("gw-1", "stolen", datetime.now(UTC))
    own_broker.write_acl()
    own_broker.reload()
    assert gateway.publish(MINE.up("health")) == REFUSED
    assert own_broker.connect("gw-1", "again").connected is None
    assert other.publish(OTHER.up("health")) == SILENT
    cloud.publish(MINE.ack)
    cloud.publish(OTHER.ack)
    wait(lambda: len(other.got) == 1)
    assert gateway.got == []


def test_a_reload_lets_a_new_gateway_in(own_broker) -> None:
    own_broker.ca.enrol(Subject("gw-new", "gateway", "changxin"), own_broker.handed, datetime.now(UTC))
    gateway = own_broker.connect("gw-new")
    topic = Address("changxin", "gw-new").up("health")
    assert gateway.publish(topic) == REFUSED
    own_broker.write_acl()
    own_broker.reload()
    assert gateway.publish(topic) == SILENT


def test_backlog_for_an_absent_ingestor_survives_a_restart_of_the_broker(own_broker, wait) -> None:
    count = 2500  # the default limit would silently drop all but about 1000
    ingestor = own_broker.connect("cloud", "ingestor", expiry_s=3600)
    ingestor.subscribe(UP_FILTER)
    ingestor.close()
    gateway = own_broker.connect("gw-1")
    sent = [gateway.client.publish(MINE.up("telemetry"), b"%d" % number, qos=1).mid for number in range(count)]
    wait(lambda: sent[-1] in gateway.answers and len(gateway.answers) >= count)
    gateway.close()
    own_broker.stop()
    own_broker.start()
    back = own_broker.connect("cloud", "ingestor", expiry_s=3600)
    assert back.session_present
    wait(lambda: len(back.got) >= count)
    assert [int(payload) for _, payload in back.got] == list(range(count))
