"""The way of a window's messages: signed batches through the cloud's own checks and transaction into alerts, no broker.

Everything runs in one process and one SQLite file; the clock is the window's, not the machine's. Transport is left out:
it is measured by ``make bench`` and tortured by ``make faults``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, select

from cloud_ingest.geotag.alerts import AlertBuilder
from cloud_ingest.ingest.accept import Accepted, accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store.database import open_store, reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.schema import alert_detections, alert_versions, alerts
from smokesentry.clock import ClockState, Stamp
from smokesentry.messages.envelope import BATCH_TYPE, key_id, seal
from smokesentry.messages.records import Body, PoseNotice, Record, encode_batch, encode_record
from smokesentry.messages.topics import Address
from smokesentry.place import CameraPose

_BOOT_ID = "judge"
_CLOCK = ClockState("ntp", "synchronised", 5.0)


@dataclass(frozen=True, slots=True)
class AlertSeen:
    """One alert as it stood at the window's end."""

    alert: str
    state: str
    confidence: float
    plume_class: str
    candidates: tuple[tuple[str, float], ...]  # rooftop, probability, best first
    raised_at: str
    detections: tuple[str, ...]


@dataclass(slots=True)
class Cloud:
    """One store for many towns: each window is a town of its own, so that windows know nothing of each other."""

    folder: Path
    _key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    _builder: AlertBuilder = field(default_factory=AlertBuilder)
    _seqs: dict[tuple[str, str], int] = field(default_factory=dict)
    _members: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of an alert merged into another, the last
    _engine: Any = None
    _signer: Address | None = None

    def __post_init__(self) -> None:
        """Opens the store in ``folder``."""
        self._engine = open_store(f"sqlite:///{self.folder / 'cloud.db'}")

    # What ``accept_batch`` asks of a registry: one key serves all gateways, its holder is whoever speaks now.

    def find_key(self, key: str) -> Ed25519PublicKey | None:
        """The only key there is."""
        return self._key.public_key() if key == key_id(self._key.public_key()) else None

    def name_of(self, key: str) -> str | None:
        """Its holder's name."""
        return None if self._signer is None else self._signer.gateway

    def tenant_of(self, key: str) -> str | None:
        """Its holder's town."""
        return None if self._signer is None else self._signer.tenant

    def open_town(self, tenant: str, footprints: dict[str, Any], at: str) -> None:
        """Imports a town's ledger of roofs and chimneys."""
        with writing(self._engine) as connection:
            import_footprints(connection, tenant, "simulator", json.dumps(footprints), at)

    def announce(self, address: Address, pose: CameraPose, stamp: Stamp) -> None:
        """A gateway says how its camera stands."""
        self.take(address, "health", [PoseNotice(pose=pose)], stamp)

    def take(self, address: Address, lane: str, bodies: list[Body], stamp: Stamp) -> None:
        """One batch all the way: numbered, encoded, signed, checked, stored and made into alerts in one transaction.

        Raises ``ValueError`` when the cloud refuses what the product's own code made: then a figure would mean nothing.
        """
        raws = []
        for body in bodies:
            seq = self._seqs[address.gateway, lane] = self._seqs.get((address.gateway, lane), 0) + 1
            record = Record(
                seq=seq, captured_at=stamp.captured_at, mono_ns=stamp.mono_ns, boot_id=_BOOT_ID, clock=_CLOCK, body=body
            )
            raws.append(encode_record(record))
        payload = encode_batch(tenant=address.tenant, gateway=address.gateway, spool="0" * 16, lane=lane, records=raws)
        self._signer = address
        topic, raw = address.up(lane), seal(payload, BATCH_TYPE, self._key)
        accepted = accept_batch(topic, raw, self, frozenset({address.tenant}))
        if not isinstance(accepted, Accepted) or accepted.set_aside:
            raise ValueError(f"the cloud set aside what a gateway said: {accepted}")
        with writing(self._engine) as connection:
            writer = Writer(connection, stamp.captured_at)
            writer.add(accepted)
            outcome = writer.finish()
            self._builder.update(connection, outcome.detections, outcome.poses, stamp.captured_at)
            self._members |= _members(connection)

    def alerts(self, tenant: str) -> list[AlertSeen]:
        """All alerts of a town, in their newest version, oldest first."""
        newest = (alerts.c.alert_id == alert_versions.c.alert_id) & (alerts.c.version == alert_versions.c.version)
        query = (
            select(alert_versions, alerts.c.raised_at)
            .select_from(alerts.join(alert_versions, newest))
            .where(alerts.c.tenant == tenant)
            .order_by(alerts.c.raised_at, alerts.c.alert_id)
        )
        with reading(self._engine) as connection:
            return [
                AlertSeen(
                    row["alert_id"], row["state"], row["confidence"], row["class"],
                    tuple((c["rooftop"], c["probability"]) for c in row["candidates"]),
                    row["raised_at"], self._members.get(row["alert_id"], ()),
                )
                for row in connection.execute(query).mappings()
            ]  # fmt: skip

    def close(self) -> None:
        """Lets go of the file."""
        self._engine.dispose()


def _members(connection: Connection) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(select(alert_detections.c.alert_id, alert_detections.c.detection_id)):
        found[row.alert_id] = (*found.get(row.alert_id, ()), row.detection_id)
    return found
