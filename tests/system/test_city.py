"""A small city through the real broker and store while workers and broker are killed: sent against stored."""

from __future__ import annotations

import pytest

from lab.city_facts import Author, authors_of, enrol_city
from lab.ingest_run import Plan, run_mosquitto
from lab.mqtt_wire import Parser, connect, puback, publish, subscribe
from smokesentry.messages import records as wire
from smokesentry.messages.envelope import BATCH_TYPE, unseal


@pytest.mark.mosquitto
@pytest.mark.system
@pytest.mark.timeout(1500)
def test_nothing_is_lost_or_doubled_whatever_dies(tmp_path):
    plan = Plan(gateways=50, seconds=16.0, interval_s=2.0, kill_every_s=4.0, postgresql=False, settle_s=900.0)
    outcome = run_mosquitto(tmp_path, plan, print)
    assert outcome.faults["the broker was killed and restarted"] == 1
    assert len(outcome.ledger.sent) > 200
    assert outcome.passed, (outcome.lost, outcome.doubled, outcome.strange, outcome.unacknowledged, outcome.set_aside)


def test_a_simulated_gateway_says_only_what_is_valid_and_names_every_fact_once(tmp_path):
    (name,) = enrol_city(tmp_path, 1, ("localhost",))
    author: Author = authors_of(tmp_path, [name], records=3)[0]
    facts = []
    for _ in range(60):
        parcel = author.next_parcel()
        payload, _ = unseal(parcel.raw, BATCH_TYPE, lambda _: author._key.public_key())
        batch = wire.decode_batch(payload)
        assert (batch.lane, batch.records[-1].seq) == (parcel.lane, parcel.last_seq)
        assert len(batch.records) == len(parcel.facts)
        facts += parcel.facts
    assert len(set(facts)) == len(facts)
    assert {kind for kind, _, _ in facts} == {"telemetry", "health", "detection"}


def test_packets_are_cut_from_any_pieces_of_a_stream():
    stream = connect("gw", clean=True, keepalive_s=30) + subscribe(7, "a/b") + publish("a/b", b"x" * 300, 9) + puback(9)
    for step in (1, 3, 1000):
        parser, packets = Parser(), []
        for at in range(0, len(stream), step):
            packets += parser.feed(stream[at : at + step])
        assert [packet.kind for packet in packets] == [1, 8, 3, 4]
        assert packets[2].published() == ("a/b", 9, b"x" * 300)
        assert packets[3].packet_id == 9
    with pytest.raises(ValueError, match="no MQTT"):
        Parser().feed(b"\x30\xff\xff\xff\xff\x01")
