"""Accepted batches → rows, within the caller's transaction. Idempotent by message id: nothing is stored twice."""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert, select, update

from cloud_ingest.geotag.calibration.tickets import Moved, drift_of, moved_in_health, note
from cloud_ingest.ingest import lanes
from cloud_ingest.ingest.accept import Accepted, AcceptedState, DeadLetter, dead_letter, time_mark
from cloud_ingest.ingest.lanes import LaneKey
from cloud_ingest.ingest.letters import keep_letters
from cloud_ingest.ingest.progress import Progress, Range, TooManyGaps, runs
from cloud_ingest.store import schema
from cloud_ingest.store.bulk import Row, encoded, insert_rows, upsert
from cloud_ingest.store.database import bump, insert_new, one_alert_builder
from cloud_ingest.store.telemetry_schema import telemetry, telemetry_writes
from smokesentry.clock import from_wire
from smokesentry.messages import records as wire
from smokesentry.messages.topics import Address

_TELEMETRY = (
    "tenant", "gateway", "sensor", "model", "from_at", "to_at", "quantities", "readings", "marks", "time_mark",
    "received_at", "spool", "seq", "written",
)  # fmt: skip
_ENVELOPE = ("tenant", "gateway", "spool", "lane", "first_seq", "last_seq", "key_id", "received_at", "raw")
_FROM_AT = _TELEMETRY.index("from_at")


@dataclass(slots=True)
class Outcome:
    """What one transaction did: lanes to acknowledge, and what alert building must look at."""

    acks: dict[LaneKey, Progress] = field(default_factory=dict)
    detections: list[str] = field(default_factory=list)  # ids with a new newest revision, in order of arrival
    poses: set[tuple[str, str]] = field(default_factory=set)  # (gateway, camera) whose pose was announced
    stored: int = 0  # records
    duplicates: int = 0
    set_aside: int = 0


class Writer:
    """Collects one transaction's messages; :meth:`finish` writes them."""

    def __init__(self, connection: Connection, received_at: str) -> None:
        self.outcome = Outcome()
        self._connection = connection
        self._received_at = received_at
        self._messages: list[Accepted | AcceptedState | DeadLetter] = []
        self._rows: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._telemetry: list[Row] = []
        self._envelopes: list[Row] = []
        self._gateways: dict[str, dict[str, Any]] = {}
        self._letters: list[DeadLetter] = []
        self._moved: list[Moved] = []  # cameras of which a gateway says so
        self._progress: dict[LaneKey, Progress] = {}  # as this transaction will leave it
        self._held: dict[LaneKey, list[Range]] = defaultdict(list)
        self._new: dict[LaneKey, list[Range]] = defaultdict(list)
        self._envelope_id = 0  # of the detection batch being added
        # Rises with time, and no two transactions share it: 2^21 chances a millisecond.
        milliseconds = round(from_wire(received_at).timestamp() * 1000)
        self._written = (milliseconds << 21) + secrets.randbits(21)

    def add(self, message: Accepted | AcceptedState | DeadLetter) -> None:
        """Takes one message of whatever kind it turned out to be."""
        self._messages.append(message)

    def finish(self) -> Outcome:
        """Writes everything, counts the changes and hands out the acknowledgements (valid after the commit).

        Raises :class:`lanes.Raced` when another worker was faster with some of it: do the transaction again.
        """
        connection = self._connection
        batches = [message for message in self._messages if isinstance(message, Accepted)]
        if any(_concerns_alerts(record) for batch in batches for record in batch.records if batch.lane != "telemetry"):
            one_alert_builder(connection)
        before = lanes.load(connection, {_lane_of(batch) for batch in batches}) if batches else {}
        self._progress = dict(before)
        for message in self._messages:
            if isinstance(message, Accepted):
                self._add_batch(message)
            elif isinstance(message, AcceptedState):
                self._add_state(message)
            else:
                self._letters.append(message)
        self._write_rows()
        self._note_moved()
        if self._held:
            self.outcome.acks = lanes.fold(connection, before, self._held, self._new, self._received_at)
        self._touch_gateways()
        keep_letters(connection, self._letters, self._received_at)
        self.outcome.set_aside = len(self._letters)
        self._count_changes()
        return self.outcome

    def put_back(self, address: Address, spool: str, lane: str, record: wire.Record) -> None:
        """Stores, at once, a record that was set aside out of a batch whose number is held already."""
        if _concerns_alerts(record):
            one_alert_builder(self._connection)
        self._gateways.setdefault(address.gateway, {"tenant": address.tenant})
        if lane == "detection":
            self._envelope_id = self._connection.execute(
                select(schema.envelopes.c.id)
                .where(schema.envelopes.c.gateway == address.gateway, schema.envelopes.c.spool == spool)
                .where(schema.envelopes.c.lane == lane)
                .where(schema.envelopes.c.first_seq <= record.seq, schema.envelopes.c.last_seq >= record.seq)
                .order_by(schema.envelopes.c.id.desc())
                .limit(1)
            ).scalar_one()
        self._add_record(address, spool, lane, record)
        self.outcome.stored += 1

    def _write_rows(self) -> None:
        connection = self._connection
        insert_rows(connection, schema.envelopes, _ENVELOPE, self._envelopes)
        insert_rows(connection, telemetry, _TELEMETRY, self._telemetry)
        for table, rows in self._rows.items():
            if table in (schema.pictures, schema.evidence_pictures):
                insert_new(connection, table, rows)
            elif rows:
                connection.execute(insert(table), rows)

    def _note_moved(self) -> None:
        """After the poses are written: a ticket is for the one that was in force, and a newer one closes it."""
        poses = [
            (row["gateway"], row["camera"], row["pose_version"]) for row in self._rows.get(schema.camera_poses, [])
        ]
        note(self._connection, self._moved, poses, self._received_at)

    def _count_changes(self) -> None:
        changed = {
            "gateways": bool(self._gateways),
            "detections": bool(self.outcome.detections),
            "telemetry": bool(self._telemetry),
            "evidence": bool(self._rows.get(schema.evidence_pictures)),
            "dead_letters": bool(self._letters),
        }
        for subject in schema.SUBJECTS:  # always in this order, so that two workers never wait for each other
            if not changed.get(subject):
                continue
            counter = bump(self._connection, subject)
            if subject == "telemetry":
                times = [row[_FROM_AT] for row in self._telemetry]
                self._connection.execute(
                    insert(telemetry_writes).values(
                        change=counter, written=self._written, rows=len(times),
                        first_from_at=min(times), last_from_at=max(times),
                    )
                )  # fmt: skip

    def _add_batch(self, batch: Accepted) -> None:
        key = _lane_of(batch)
        before = self._progress.get(key, Progress())
        new = [record for record in batch.records if not before.holds(record.seq)]
        aside = [letter for letter in batch.set_aside if not before.holds(letter.seq or 0)]
        held = [
            *runs(batch.seqs),
            *((r.body.first_seq, r.body.last_seq) for r in new if isinstance(r.body, wire.Dropped)),
        ]
        try:
            self._progress[key] = before.folded(held)
        except TooManyGaps as error:
            topic = batch.address.up(batch.lane)
            self._letters.append(dead_letter(topic, batch.raw, "too_many_gaps", str(error), batch.address.gateway))
            return
        self._held[key] += held
        self._new[key] += runs(sorted([*(record.seq for record in new), *(letter.seq or 0 for letter in aside)]))
        self._letters += aside
        self.outcome.duplicates += len(batch.records) - len(new)
        seen = self._gateways.setdefault(batch.address.gateway, {"tenant": batch.address.tenant})
        if new or aside:
            self._keep_envelope(batch)
        if not new:
            return
        self.outcome.stored += len(new)
        seen["clock"] = new[-1].clock
        seen["boot_id"] = new[-1].boot_id
        for record in new:
            self._add_record(batch.address, batch.spool, batch.lane, record)

    def _keep_envelope(self, batch: Accepted) -> None:
        row = (
            batch.address.tenant, batch.address.gateway, batch.spool, batch.lane, batch.seqs[0], batch.seqs[-1],
            batch.key_id, self._received_at, batch.raw,
        )  # fmt: skip
        if batch.lane != "detection":  # nothing refers to it: it can wait for the others
            self._envelopes.append(row)
            return
        result = self._connection.execute(insert(schema.envelopes).values(dict(zip(_ENVELOPE, row, strict=True))))
        assert result.inserted_primary_key is not None
        self._envelope_id = int(result.inserted_primary_key[0])

    def _add_record(self, address: Address, spool: str, lane: str, record: wire.Record) -> None:
        body = record.body
        match body:
            case wire.Telemetry():
                self._telemetry.append(
                    (
                        address.tenant, address.gateway, body.sensor, body.model, body.from_at, body.to_at,
                        encoded(body.values), body.readings, encoded(body.marks),
                        time_mark(record, self._received_at), self._received_at, spool, record.seq, self._written,
                    )
                )  # fmt: skip
            case wire.Detection():
                self._add_detection(address, record, body)
            case wire.Evidence():
                self._add_evidence(address, body)
            case wire.Health():
                report = msgspec.to_builtins(body)
                report.pop("type")
                self._put(schema.health, gateway=address.gateway, captured_at=record.captured_at, body=report)
                self._gateways[address.gateway].update(health=report, health_at=record.captured_at)
                self._moved += moved_in_health(address.gateway, report, record.captured_at)
            case wire.PoseNotice(pose=pose):
                self.outcome.poses.add((address.gateway, pose.camera))
                self._put(
                    schema.camera_poses, gateway=address.gateway, camera=pose.camera, pose_version=pose.pose_version,
                    pose=msgspec.to_builtins(pose), captured_at=record.captured_at,
                )  # fmt: skip
            case wire.ClockFix():
                self._put(schema.clock_fixes, gateway=address.gateway, **_fields(body))
            case wire.Dropped():
                self._put(schema.dropped_ranges, gateway=address.gateway, spool=spool, lane=lane, **_fields(body))

    def _add_detection(self, address: Address, record: wire.Record, body: wire.Detection) -> None:
        connection, table = self._connection, schema.detections
        as_json = msgspec.to_builtins(body)
        as_json.pop("type")
        insert_new(
            connection,
            schema.detection_revisions,
            [
                {
                    "detection_id": body.detection_id, "revision": body.revision, "body": as_json, "seq": record.seq,
                    "captured_at": record.captured_at, "received_at": self._received_at,
                    "envelope_id": self._envelope_id,
                }
            ],
        )  # fmt: skip
        known = connection.execute(
            select(table.c.revision, table.c.started_at, table.c.time_mark).where(
                table.c.detection_id == body.detection_id
            )
        ).one_or_none()
        if known is not None and known.revision >= body.revision:
            return
        mark = time_mark(record, self._received_at)
        if mark is None and known is not None and known.started_at == body.started_at:
            mark = known.time_mark  # a clock set since does not make the start sure that it had stamped before
        values = {
            "tenant": address.tenant, "gateway": address.gateway, "camera": body.camera, "revision": body.revision,
            "phase": body.phase, "class": body.plume_class, "confidence": body.confidence,
            "pose_version": body.pose_version, "started_at": body.started_at, "alarmed_at": body.alarmed_at,
            "last_seen_at": body.last_seen_at, "evidence_id": body.evidence_id, "body": as_json,
            "time_mark": mark, "received_at": self._received_at,
        }  # fmt: skip
        if known is None:
            connection.execute(insert(table).values(detection_id=body.detection_id, **values))
        else:
            connection.execute(update(table).where(table.c.detection_id == body.detection_id).values(**values))
        self.outcome.detections.append(body.detection_id)
        if drift := drift_of(as_json):
            where = (address.gateway, body.camera, body.pose_version)
            self._moved.append(Moved(*where, body.last_seen_at, drift))

    def _add_evidence(self, address: Address, body: wire.Evidence) -> None:
        for picture in body.pictures:
            self._rows[schema.pictures].append(
                {"digest": picture.digest, "content_type": picture.content_type, "data": picture.data}
            )
            self._put(
                schema.evidence_pictures, evidence_id=body.evidence_id, detection_id=body.detection_id,
                gateway=address.gateway, camera=body.camera, role=picture.role, digest=picture.digest,
                taken_at=picture.taken_at,
            )  # fmt: skip

    def _add_state(self, message: AcceptedState) -> None:
        gateway, state = message.address.gateway, message.state
        since = self._connection.execute(
            select(schema.gateways.c.state_since).where(schema.gateways.c.gateway == gateway)
        ).scalar_one_or_none()
        seen = self._gateways.setdefault(gateway, {"tenant": message.address.tenant})
        if since is None or state.since >= since:  # an older connection's last will may come late
            seen.update(online=state.online, state_since=state.since, boot_id=state.boot_id)

    def _put(self, table: Table, **values: Any) -> None:
        self._rows[table].append({**values, "received_at": self._received_at})

    def _touch_gateways(self) -> None:
        rows = [
            {"gateway": gateway, "last_seen_at": self._received_at, **values}
            for gateway, values in self._gateways.items()
        ]
        upsert(self._connection, schema.gateways, rows, when_new={"online": True})


def _concerns_alerts(record: wire.Record) -> bool:
    return isinstance(record.body, wire.Detection | wire.PoseNotice)


def _lane_of(batch: Accepted) -> LaneKey:
    return batch.address, batch.spool, batch.lane


def _fields(body: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(body, name) for name in body.__struct_fields__}
