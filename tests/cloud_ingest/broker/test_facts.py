"""The worker as a process of its own against a real Mosquitto: acknowledged after the commit, safe from kill -9."""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from collections import Counter

import msgspec
import pytest
from sqlalchemy import func, select

from cloud_ingest.store.schema import (
    alert_detections,
    dead_letters,
    detections,
    envelopes,
    gateways,
    lane_progress,
    telemetry,
)
from smokesentry.messages.records import LANES

pytestmark = pytest.mark.mosquitto


def test_what_is_acknowledged_is_stored_and_a_duplicate_is_acknowledged_again(bench, east):
    bench.worker()
    bench.worker_connected()
    message = east.batch("telemetry", east.telemetry(0), east.telemetry(10))
    bench.publish(*message)
    ack = bench.next_ack()
    assert (ack.gateway, ack.spool, ack.lane, ack.contiguous, ack.ranges) == ("gw-east", east.spool, "telemetry", 2, [])
    assert bench.read(select(func.count()).select_from(telemetry)) == [(2,)]
    bench.publish(*message)
    again = bench.next_ack()
    assert again == msgspec.structs.replace(ack, at=again.at)
    assert bench.read(select(func.count()).select_from(telemetry)) == [(2,)]
    assert bench.read(select(func.count()).select_from(envelopes)) == [(1,)]


def test_poison_is_set_aside_and_stops_nobody(bench, east, south, eventually):
    bench.worker()
    bench.worker_connected()
    topic, raw = east.batch("telemetry", east.telemetry(0))
    forged = raw.replace(b'"payload":"', b'"payload":"AAAA', 1)
    bench.publish(topic, b"\x00not an envelope")
    bench.publish(topic, forged)
    bench.publish("smokesentry/v1/lab/gw-south/up/telemetry", raw)  # somebody else's topic
    bench.publish("smokesentry/v1/Lab!/gw-east/up/telemetry", raw)  # no name of a town
    bench.publish(topic, b"x" * (3 * 1024 * 1024))
    bench.publish(*south.batch("telemetry", south.telemetry(0)))
    ack = bench.next_ack()
    assert (ack.gateway, ack.contiguous) == ("gw-south", 1)
    letters = select(dead_letters.c.cause)
    eventually(lambda: len(bench.read(letters)) >= 5)
    causes = [row.cause for row in bench.read(letters)]
    assert sorted(causes) == ["bad_signature", "bad_topic", "malformed", "oversized", "wrong_name"]
    listed = bench.run("dead-letters", "--json")
    assert sorted(json.loads(line)["cause"] for line in listed.stdout.splitlines()) == sorted(causes)


def test_a_flood_of_poison_holds_up_no_neighbour_and_all_of_it_is_set_aside(bench, east, south, poison, eventually):
    """Forty times each kind of poison, shuffled among good messages, half of them twice, wait at the broker.

    Held up is who is stored later than something behind it in the queue: order is compared, not seconds.
    """
    bench.worker()
    bench.worker_connected()
    bench.kill("worker")  # its sessions stay: the broker queues
    bad = poison(east)
    times = {name: 3 if len(raw) > 100_000 else 40 for name, (_, raw) in bad.items()}
    good = [south.batch("telemetry", south.telemetry(n)) for n in range(100)]
    flood = good + good[::2] + [message for name, message in bad.items() for _ in range(times[name])]
    random.Random(7).shuffle(flood)
    flood.append(south.batch("detection", south.detection(1, (600.0, 300.0))))
    for sent in [bench.client.publish(*message, qos=1) for message in flood]:
        sent.wait_for_publish(60)
    bench.worker()
    bench.held({("gw-south", "telemetry"): 100, ("gw-south", "detection"): 1}, seconds=240)

    # A refused record's number is held like any other's, so that its repetitions are duplicates.
    wanted = Counter[str]()
    for name, count in times.items():
        wanted[name.split()[0]] += 1 if name.startswith("invalid_record") else count
    causes = select(dead_letters.c.cause, func.count()).group_by(dead_letters.c.cause)
    eventually(lambda: sum(dict(map(tuple, bench.read(causes))).values()) >= wanted.total(), 240)
    assert dict(map(tuple, bench.read(causes))) == wanted
    stored = dict(map(tuple, bench.read(select(telemetry.c.seq, telemetry.c.received_at))))
    assert sorted(stored) == list(range(1, 101))
    assert len(bench.read(select(telemetry.c.seq))) == 100
    ((detected_at,),) = bench.read(select(detections.c.received_at))

    letters = bench.read(select(dead_letters.c.received_at, dead_letters.c.topic))
    bulk = sorted(at for at, topic in letters if topic.endswith("/up/telemetry"))
    seq_of = {raw: seq for seq, (_, raw) in enumerate(good, 1)}
    seen, before = set[int](), 0
    for topic, raw in flood[:-1]:
        seq = seq_of.get(raw)
        if seq is None:
            before += topic.endswith("/up/telemetry")
        elif seq not in seen:
            seen.add(seq)
            first = bisect_left(bulk, stored[seq])
            assert first <= before, f"{first} letters were stored before it, {before} stood before it in the queue"
    assert detected_at < bulk[-1], "sent last of all, the detection waited for the whole flood"
    assert "going one by one" not in bench.worker_log()
    assert bench.processes["worker"].poll() is None


def _night(east, south, origin_of) -> list[tuple[str, bytes]]:
    """Poses, three hundred telemetry batches, and a plume every now and then, seen by both gateways in turn."""
    messages = [gateway.batch("health", gateway.pose_notice()) for gateway in (east, south)]
    for n in range(300):
        gateway = (east, south)[n % 2]
        if n % 15 in (0, 1):
            x = 18.0 * (n // 15 % 3) - 18.0
            plume = gateway.detection(n // 15, origin_of(gateway, x, 0.0, 5.0), start_s=2.0 * (n // 15))
            messages.append(gateway.batch("detection", plume))
        messages.append(gateway.batch("telemetry", gateway.telemetry(n)))
    return messages


def test_nothing_is_lost_or_doubled_when_worker_and_broker_are_killed(bench, east, south, origin_of, eventually):
    bench.worker()
    bench.worker_connected()
    messages = _night(east, south, origin_of)
    wanted = {(g.name, lane): seq for g in (east, south) for lane, seq in g.seqs.items()}
    for n, message in enumerate(messages):
        bench.client.publish(*message, qos=1)
        if n in (90, 230):
            bench.kill("worker")
        if n in (150, 260):
            bench.worker()
    eventually(lambda: bench.read(select(func.count()).select_from(telemetry))[0][0] > 0)
    bench.kill("broker")  # what it had acknowledged may be gone: the gateways send again what the cloud did not confirm
    before = bench.subscriptions()
    bench.broker()
    eventually(bench.client.is_connected)
    # With its file the broker may have lost the sessions, too: until the worker is back, nobody hears what is said.
    eventually(lambda: bench.subscriptions() >= before + len(LANES), 240)
    for message in messages:
        bench.client.publish(*message, qos=1)
    bench.held(wanted)
    assert bench.read(select(func.count()).select_from(telemetry)) == [(300,)]
    plumes = {row.detection_id for row in bench.read(select(detections.c.detection_id))}
    assert len(plumes) == wanted["gw-east", "detection"] + wanted["gw-south", "detection"] == 40
    assert {row.detection_id for row in bench.read(select(alert_detections.c.detection_id))} == plumes
    lanes = bench.read(select(lane_progress.c.gateway, lane_progress.c.lane, lane_progress.c.contiguous))
    assert {(row.gateway, row.lane): row.contiguous for row in lanes} == wanted
    assert bench.read(select(func.count()).select_from(dead_letters)) == [(0,)]


def test_state_and_last_will_are_followed(bench, east, eventually):
    bench.worker()
    bench.worker_connected()
    online = lambda: [tuple(row) for row in bench.read(select(gateways.c.gateway, gateways.c.online))]  # noqa: E731
    bench.client.publish(*east.state(True, 10), qos=1, retain=True)
    eventually(lambda: online() == [("gw-east", True)])
    bench.client.publish(*east.state(False, 10), qos=1, retain=True)
    eventually(lambda: online() == [("gw-east", False)])
    bench.client.publish(*east.state(True, 20), qos=1, retain=True)
    eventually(lambda: online() == [("gw-east", True)])
    bench.client.publish(*east.state(False, 10), qos=1, retain=True)  # the last will of the connection before
    bench.publish(*east.batch("telemetry", east.telemetry(0)))
    bench.next_ack()
    assert online() == [("gw-east", True)]


def test_the_worker_stops_when_told(bench):
    bench.worker()
    bench.worker_connected()
    worker = bench.processes.pop("worker")
    worker.terminate()
    assert worker.wait(60) == 0
