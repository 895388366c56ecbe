"""The worker without a broker: what it acknowledges when the store, a record or our own code fails."""

from __future__ import annotations

import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

import cloud_ingest.ingest.worker as worker_module
from cloud_ingest.ingest.source import Message
from cloud_ingest.ingest.worker import Worker
from cloud_ingest.store.database import reading
from cloud_ingest.store.schema import alerts, dead_letters, detections, envelopes, lane_progress, telemetry


class FakeLink:
    """Hands out given rounds of messages, then tells the worker to stop; remembers what was said in which order."""

    def __init__(self, rounds, stop):
        self.rounds, self.stop_event, self.said, self.dropped = list(rounds), stop, [], 0

    def start(self):
        pass

    def stop(self):
        pass

    def gather(self, *_):
        if not self.rounds:
            self.stop_event.set()
            return []
        return [Message(topic, raw, n + 1, 1) for n, (topic, raw) in enumerate(self.rounds.pop(0))]

    def acknowledge(self, messages):
        self.said.append(("broker", len(messages)))

    def publish(self, topic, _payload):
        self.said.append(("gateway", topic))


class Signer:
    key = Ed25519PrivateKey.generate()


@pytest.fixture
def run(engine, keys):
    def run(*rounds):
        stop = threading.Event()
        link = FakeLink(rounds, stop)
        Worker(engine, link, keys, Signer(), frozenset({"lab"})).run(stop)
        return link.said

    return run


def test_the_broker_is_told_first_and_each_lane_once(run, east, south):
    said = run([east.batch("telemetry", east.telemetry(n)) for n in range(3)] + [south.batch("health", south.health())])
    assert said == [("broker", 1), ("gateway", south.address.ack), ("broker", 3), ("gateway", east.address.ack)]


def test_a_detection_is_committed_before_the_telemetry_of_the_same_handful_is_looked_at(run, east, south, monkeypatch):
    order = []
    real = worker_module.accept

    def accept(topic, *rest):
        order.append(topic.rpartition("/")[2])
        return real(topic, *rest)

    monkeypatch.setattr(worker_module, "accept", accept)
    backlog = [east.batch("telemetry", east.telemetry(n)) for n in range(5)]
    said = run([*backlog, south.batch("detection", south.detection(1, (600.0, 300.0)))])
    assert order == ["detection"] + ["telemetry"] * 5
    assert said[:2] == [("broker", 1), ("gateway", south.address.ack)]


def test_a_worker_that_was_overtaken_with_the_same_message_does_it_again_and_stores_it_once(
    run, engine, east, monkeypatch, number_of
):
    """Another worker commits between this one's look at the lane and its own write (possible on PostgreSQL only)."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    message = east.batch("telemetry", east.telemetry(0), east.telemetry(10))
    real, others = worker_module.Writer._write_rows, iter([True])

    def write_rows(self):
        if next(others, False):
            run([message])
        real(self)

    monkeypatch.setattr(worker_module.Writer, "_write_rows", write_rows)
    said = run([message])
    assert said.count(("gateway", east.address.ack)) == 1
    assert number_of(telemetry) == 2
    assert number_of(envelopes) == 1


def test_workers_that_hold_different_messages_of_one_lane_both_store_theirs(run, engine, east, monkeypatch, number_of):
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    first, second = (east.batch("telemetry", east.telemetry(n)) for n in (0, 10))
    real, others = worker_module.Writer._write_rows, iter([True])

    def write_rows(self):
        if next(others, False):
            run([second])
        real(self)

    monkeypatch.setattr(worker_module.Writer, "_write_rows", write_rows)
    run([first])
    with reading(engine) as connection:
        lane = connection.execute(select(lane_progress)).one()
    assert (lane.contiguous, lane.ranges) == (2, [])
    assert number_of(telemetry) == 2


def test_nothing_is_acknowledged_while_the_store_is_away(run, engine, east, monkeypatch, number_of):
    failures = iter([True, True, False])
    real, told = worker_module.writing, []

    def writing(engine):
        told.append(number_of(telemetry))
        if next(failures):
            raise OperationalError("BEGIN", {}, Exception("disk full"))
        return real(engine)

    monkeypatch.setattr(worker_module, "writing", writing)
    monkeypatch.setattr(worker_module, "_RETRY_S", 0.01)
    said = run([east.batch("telemetry", east.telemetry(0))])
    assert told == [0, 0, 0]
    assert said == [("broker", 1), ("gateway", east.address.ack)]
    assert number_of(telemetry) == 1


def test_what_only_the_database_refuses_is_set_aside_alone(run, east, south, monkeypatch, number_of):
    real = worker_module.Writer.add

    def add(self, message):
        if getattr(message, "address", None) == south.address:
            raise OverflowError("Python int too large")
        real(self, message)

    monkeypatch.setattr(worker_module.Writer, "add", add)
    said = run([east.batch("telemetry", east.telemetry(0)), south.batch("telemetry", south.telemetry(0))])
    assert ("broker", 2) in said
    assert number_of(telemetry) == 1
    assert number_of(dead_letters) == 1


def test_a_fault_of_ours_in_judging_one_message_stops_no_other(run, east, south, monkeypatch, number_of):
    real = worker_module.accept

    def accept(topic, raw, keys, tenants):
        if "gw-south" in topic:
            raise KeyError("a bug")
        return real(topic, raw, keys, tenants)

    monkeypatch.setattr(worker_module, "accept", accept)
    run([east.batch("telemetry", east.telemetry(0)), south.batch("telemetry", south.telemetry(0))])
    assert (number_of(telemetry), number_of(dead_letters)) == (1, 1)


def test_a_fault_of_ours_in_alert_building_costs_no_detection(run, east, monkeypatch, number_of):
    calls = iter([True, False])
    real = worker_module.AlertBuilder.update

    def update(self, *arguments):
        if next(calls):
            raise ZeroDivisionError("a bug")
        real(self, *arguments)

    monkeypatch.setattr(worker_module.AlertBuilder, "update", update)
    first = east.batch("detection", east.detection(1, (600.0, 300.0)))
    second = east.batch("detection", east.detection(1, (600.0, 300.0), revision=2))
    said = run([first])
    assert said[-1] == ("gateway", east.address.ack)
    assert (number_of(detections), number_of(alerts)) == (1, 0)
    run([second])
    assert (number_of(detections), number_of(alerts)) == (1, 1)
