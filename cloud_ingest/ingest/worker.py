"""The ingest process: gather, check, store, alert, commit; only then acknowledge, broker first, then the gateway."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from cloud_ingest.geotag.alerts import FAULTS, ZONE, AlertBuilder
from cloud_ingest.ingest.accept import (
    Accepted,
    AcceptedState,
    DeadLetter,
    Keys,
    RememberedKeys,
    accept,
    dead_letter,
)
from cloud_ingest.ingest.lanes import LaneKey, Raced
from cloud_ingest.ingest.progress import TooManyGaps
from cloud_ingest.ingest.source import Message, Source, is_bulk
from cloud_ingest.ingest.writer import Outcome, Writer
from cloud_ingest.store.database import one_alert_builder, writing
from smokesentry.clock import SystemClock
from smokesentry.identity import Identity
from smokesentry.messages.control import Ack
from smokesentry.messages.envelope import ACK_TYPE, seal

_log = logging.getLogger(__name__)

_MAX_MESSAGES = 500
_MAX_BYTES = 16 * 1024 * 1024
_LINGER_S = 0.01
_WAIT_S = 0.5
_RETRY_S = 1.0
_REPORT_S = 60.0
_MAX_WARNINGS = 20  # between two reports

Checked = Accepted | AcceptedState | DeadLetter


class Worker:
    """One consumer. Several may share the load, each under its own client id. ``zone``: the towns' clock."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        keys: Keys,
        signer: Identity,
        tenants: frozenset[str],
        zone: tzinfo = ZONE,
    ) -> None:
        self._engine = engine
        self._source = source
        self._keys = keys
        self._signer = signer
        self._tenants = tenants
        self._clock = SystemClock()
        self._alerts = AlertBuilder(zone)
        self._counts: Counter[str] = Counter()
        self._warned = 0  # since the last report

    def run(self, stop: threading.Event) -> None:
        """Works until told to stop."""
        self._source.start()
        reported = time.monotonic()
        try:
            while not stop.is_set():
                messages = self._source.gather(_WAIT_S, _LINGER_S, _MAX_MESSAGES, _MAX_BYTES)
                if messages:
                    self._take(messages, stop)
                if time.monotonic() - reported > _REPORT_S:
                    self._look_after_alerts()
                    reported, self._warned = time.monotonic(), 0
                    self._counts["dropped_qos0"] = self._source.dropped
                    _log.info(
                        "since the start: %s", ", ".join(f"{n} {what}" for what, n in sorted(self._counts.items()))
                    )
        finally:
            self._source.stop()

    def _look_after_alerts(self) -> None:
        for look_after in (self._alerts.close_silent, self._alerts.weigh_again):  # what fails holds up no other
            try:
                with writing(self._engine) as connection:
                    one_alert_builder(connection)
                    look_after(connection, self._clock.now().captured_at)
            except (OperationalError, InterfaceError) as error:
                _log.error("the store does not answer: %s", error)
            except Exception:  # a bug here must not end the taking in; nothing of it is lost
                _log.exception("alerts: not looked after, comes again")

    def _take(self, messages: list[Message], stop: threading.Event) -> None:
        """What is urgent is committed by itself first: no telemetry of the same handful is waited for."""
        urgent = [message for message in messages if not is_bulk(message.topic)]
        bulk = [message for message in messages if is_bulk(message.topic)]
        for some in (urgent, bulk):
            if some and not stop.is_set():
                self._take_together(some, stop)

    def _take_together(self, messages: list[Message], stop: threading.Event) -> None:
        keys = RememberedKeys(self._keys)
        checked = [(message, self._check(message, keys)) for message in messages]
        while not stop.is_set():
            try:
                outcomes = self._store(checked)
                break
            except (OperationalError, InterfaceError) as error:
                # The database is away or full: nothing is acknowledged, so nothing is lost; the broker holds the rest.
                _log.error("the store does not answer, trying again in %.0f s: %s", _RETRY_S, error)
                stop.wait(_RETRY_S)
        else:
            return
        self._source.acknowledge(messages)
        for outcome in outcomes:
            self._counts.update(stored=outcome.stored, duplicate=outcome.duplicates, set_aside=outcome.set_aside)
            for key, progress in outcome.acks.items():
                self._source.publish(key[0].ack, self._ack(key, progress.contiguous, progress.ranges))

    def _check(self, message: Message, keys: Keys) -> Checked:
        try:
            checked: Checked = accept(message.topic, message.raw, keys, self._tenants)
        except Exception as error:  # our own fault must not stop the others; kept, to be replayed after a mend
            _log.exception("a message could not be judged")
            checked = dead_letter(
                message.topic, message.raw, "internal_error", f"{type(error).__name__}: {error}", None
            )
        if isinstance(checked, DeadLetter):
            self._warned += 1
            if self._warned <= _MAX_WARNINGS:  # a flood must not fill the log as well; all are counted and listed
                _log.warning("set aside (%s): %s", checked.cause, checked.reason)
        return checked

    def _store(self, checked: Sequence[tuple[Message, Checked]]) -> list[Outcome]:
        """One transaction for all. When the database refuses what every check let through, one for each, so that only
        the refused message is set aside."""
        try:
            return [self._transaction([one for _, one in checked])]
        except (OperationalError, InterfaceError):
            raise
        except (SQLAlchemyError, OverflowError, TooManyGaps) as error:
            _log.warning("a transaction of %d messages was refused, going one by one: %s", len(checked), error)
        return [self._store_alone(message, one) for message, one in checked]

    def _store_alone(self, message: Message, checked: Checked) -> Outcome:
        try:
            return self._transaction([checked])
        except (OperationalError, InterfaceError):
            raise
        except (SQLAlchemyError, OverflowError, TooManyGaps) as error:
            why = f"the database refused it: {error.orig if isinstance(error, DBAPIError) else error}"
            gateway = None if isinstance(checked, DeadLetter) else checked.address.gateway
            return self._transaction([dead_letter(message.topic, message.raw, "store_refused", why, gateway)])

    def _transaction(self, checked: Sequence[Checked]) -> Outcome:
        while True:
            try:
                return self._attempt(checked)
            except Raced:  # another worker has just stored the same; the next attempt sees that
                self._counts["raced"] += 1

    def _attempt(self, checked: Sequence[Checked]) -> Outcome:
        received_at = self._clock.now().captured_at
        with writing(self._engine) as connection:
            writer = Writer(connection, received_at)
            for message in checked:
                writer.add(message)
            outcome = writer.finish()
            if outcome.detections or outcome.poses:
                self._build_alerts(connection, outcome, received_at)
        return outcome

    def _build_alerts(self, connection: Connection, outcome: Outcome, received_at: str) -> None:
        """In the same transaction. A fault of ours in it must not cost a detection: then the alert waits for the
        detection's next revision, and the log says so."""
        try:
            with connection.begin_nested():
                self._alerts.update(connection, outcome.detections, outcome.poses, received_at)
        except FAULTS:
            _log.exception("no alert could be made of %s", ", ".join(outcome.detections) or "a new pose")

    def _ack(self, key: LaneKey, contiguous: int, ranges: Sequence[tuple[int, int]]) -> bytes:
        address, spool, lane = key
        ack = Ack(
            gateway=address.gateway,
            spool=spool,
            lane=lane,  # type: ignore[arg-type]
            contiguous=contiguous,
            ranges=list(ranges),
            at=self._clock.now().captured_at,
        )
        return seal(msgspec.json.encode(ack), ACK_TYPE, self._signer.key)
