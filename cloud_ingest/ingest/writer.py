"""Accepted batches → rows, within the caller's transaction. Idempotent by message id: nothing is stored twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert, select, update

from cloud_ingest.ingest.accept import Accepted, AcceptedState, DeadLetter, dead_letter, time_mark
from cloud_ingest.ingest.letters import keep_letters
from cloud_ingest.ingest.progress import Progress, TooManyGaps, runs
from cloud_ingest.store import schema
from cloud_ingest.store.database import bump, insert_new
from smokesentry.messages import records as wire
from smokesentry.messages.topics import Address

LaneKey = tuple[Address, str, str]  # address, spool, lane


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
    """Collects one transaction's rows; :meth:`finish` writes those that go in bulk."""

    def __init__(self, connection: Connection, received_at: str) -> None:
        self.outcome = Outcome()
        self._connection = connection
        self._received_at = received_at
        self._rows: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._gateways: dict[str, dict[str, Any]] = {}
        self._letters: list[DeadLetter] = []
        self._envelope_id = 0  # of the detection batch being added

    def add(self, message: Accepted | AcceptedState | DeadLetter) -> None:
        """Takes one message of whatever kind it turned out to be."""
        if isinstance(message, Accepted):
            self._add_batch(message)
        elif isinstance(message, AcceptedState):
            self._add_state(message)
        else:
            self._letters.append(message)

    def finish(self) -> Outcome:
        """Writes what was collected, counts the changes and hands out the acknowledgements (valid after the commit)."""
        connection = self._connection
        for table, rows in self._rows.items():
            if table in (schema.pictures, schema.evidence_pictures):
                insert_new(connection, table, rows)
            elif rows:
                connection.execute(insert(table), rows)
        for gateway, values in self._gateways.items():
            self._touch_gateway(gateway, values)
        for (address, spool, lane), progress in self.outcome.acks.items():
            self._write_progress(address.gateway, spool, lane, progress)
        keep_letters(connection, self._letters, self._received_at)
        self.outcome.set_aside = len(self._letters)
        changed = {
            "gateways": bool(self._gateways),
            "detections": bool(self.outcome.detections),
            "telemetry": bool(self._rows.get(schema.telemetry)),
            "evidence": bool(self._rows.get(schema.evidence_pictures)),
            "dead_letters": bool(self._letters),
        }
        for subject in schema.SUBJECTS:  # always in this order, so that two workers never wait for each other
            if changed.get(subject):
                bump(connection, subject)
        return self.outcome

    def _add_batch(self, batch: Accepted) -> None:
        key = (batch.address, batch.spool, batch.lane)
        before = self._progress(key)
        dropped = [
            (record.body.first_seq, record.body.last_seq)
            for record in batch.records
            if isinstance(record.body, wire.Dropped) and not before.holds(record.seq)
        ]
        try:
            after = before.folded([*runs(batch.seqs), *dropped])
        except TooManyGaps as error:
            topic = batch.address.up(batch.lane)
            self._letters.append(dead_letter(topic, batch.raw, "too_many_gaps", str(error), batch.address.gateway))
            return
        self.outcome.acks[key] = after
        self._letters += [letter for letter in batch.set_aside if not before.holds(letter.seq or 0)]
        new = [record for record in batch.records if not before.holds(record.seq)]
        self.outcome.duplicates += len(batch.records) - len(new)
        seen = self._gateways.setdefault(batch.address.gateway, {"tenant": batch.address.tenant})
        if not new:
            return
        self.outcome.stored += len(new)
        seen["clock"] = msgspec.to_builtins(new[-1].clock)
        seen["boot_id"] = new[-1].boot_id
        self._keep_envelope(batch)
        for record in new:
            self._add_record(batch, record)

    def _keep_envelope(self, batch: Accepted) -> None:
        row = {
            "tenant": batch.address.tenant, "gateway": batch.address.gateway, "spool": batch.spool,
            "lane": batch.lane, "first_seq": batch.seqs[0], "last_seq": batch.seqs[-1], "key_id": batch.key_id,
            "received_at": self._received_at, "raw": batch.raw,
        }  # fmt: skip
        if batch.lane != "detection":  # nothing refers to it: it can wait for the others
            self._rows[schema.envelopes].append(row)
            return
        result = self._connection.execute(insert(schema.envelopes).values(**row))
        assert result.inserted_primary_key is not None
        self._envelope_id = int(result.inserted_primary_key[0])

    def _add_record(self, batch: Accepted, record: wire.Record) -> None:
        body, address = record.body, batch.address
        match body:
            case wire.Detection():
                self._add_detection(address, record, body)
            case wire.Evidence():
                self._add_evidence(address, body)
            case wire.Telemetry():
                self._put(
                    schema.telemetry, tenant=address.tenant, gateway=address.gateway, sensor=body.sensor,
                    model=body.model, from_at=body.from_at, to_at=body.to_at, readings=body.readings,
                    quantities=msgspec.to_builtins(body.values), marks=body.marks,
                    time_mark=time_mark(record, self._received_at),
                )  # fmt: skip
            case wire.Health():
                report = msgspec.to_builtins(body)
                report.pop("type")
                self._put(schema.health, gateway=address.gateway, captured_at=record.captured_at, body=report)
                self._gateways[address.gateway].update(health=report, health_at=record.captured_at)
            case wire.PoseNotice(pose=pose):
                self.outcome.poses.add((address.gateway, pose.camera))
                self._put(
                    schema.camera_poses, gateway=address.gateway, camera=pose.camera, pose_version=pose.pose_version,
                    pose=msgspec.to_builtins(pose), captured_at=record.captured_at,
                )  # fmt: skip
            case wire.ClockFix():
                self._put(schema.clock_fixes, gateway=address.gateway, **_fields(body))
            case wire.Dropped():
                self._put(
                    schema.dropped_ranges, gateway=address.gateway, spool=batch.spool, lane=batch.lane, **_fields(body)
                )

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
            select(table.c.revision).where(table.c.detection_id == body.detection_id)
        ).scalar_one_or_none()
        if known is not None and known >= body.revision:
            return
        values = {
            "tenant": address.tenant, "gateway": address.gateway, "camera": body.camera, "revision": body.revision,
            "phase": body.phase, "class": body.plume_class, "confidence": body.confidence,
            "pose_version": body.pose_version, "started_at": body.started_at, "alarmed_at": body.alarmed_at,
            "last_seen_at": body.last_seen_at, "evidence_id": body.evidence_id, "body": as_json,
            "time_mark": time_mark(record, self._received_at), "received_at": self._received_at,
        }  # fmt: skip
        if known is None:
            connection.execute(insert(table).values(detection_id=body.detection_id, **values))
        else:
            connection.execute(update(table).where(table.c.detection_id == body.detection_id).values(**values))
        self.outcome.detections.append(body.detection_id)

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

    def _progress(self, key: LaneKey) -> Progress:
        if key in self.outcome.acks:
            return self.outcome.acks[key]
        table, (address, spool, lane) = schema.lane_progress, key
        row = self._connection.execute(
            select(table.c.contiguous, table.c.ranges)
            .where(table.c.gateway == address.gateway, table.c.spool == spool, table.c.lane == lane)
            .with_for_update()
        ).one_or_none()
        if row is None:
            return Progress()
        return Progress(row.contiguous, tuple((first, last) for first, last in row.ranges))

    def _write_progress(self, gateway: str, spool: str, lane: str, progress: Progress) -> None:
        table = schema.lane_progress
        values = {"contiguous": progress.contiguous, "ranges": progress.ranges, "updated_at": self._received_at}
        row = (table.c.gateway == gateway, table.c.spool == spool, table.c.lane == lane)
        if self._connection.execute(update(table).where(*row).values(**values)).rowcount == 0:
            self._connection.execute(insert(table).values(gateway=gateway, spool=spool, lane=lane, **values))

    def _touch_gateway(self, gateway: str, values: dict[str, Any]) -> None:
        table = schema.gateways
        values = {"last_seen_at": self._received_at, **values}
        if self._connection.execute(update(table).where(table.c.gateway == gateway).values(**values)).rowcount == 0:
            self._connection.execute(insert(table).values(gateway=gateway, **{"online": True, **values}))


def _fields(body: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(body, name) for name in body.__struct_fields__}
