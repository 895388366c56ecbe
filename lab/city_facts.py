"""What a simulated gateway says: who they are (enrolled in one authority), and numbered, signed, valid messages."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cloud_ingest.identity.authority import Subject, issue
from cloud_ingest.identity.ca_folder import CaFolder
from cloud_ingest.identity.ledger import Entry, read_ledger, write_ledger
from smokesentry.clock import ClockState, to_wire
from smokesentry.identity import load_identity
from smokesentry.messages import records as wire
from smokesentry.messages.envelope import BATCH_TYPE, key_id, seal
from smokesentry.messages.topics import Address

TENANT = "city"
CLOUD, BROKER = "cloud-1", "broker"
Fact = tuple[str, str, str]  # kind, gateway, and what tells it from the gateway's others

_CLOCK = ClockState("ntp", "synchronised", 5.0)
_QUANTITIES = (
    "pm1_atm_ug_m3", "pm25_atm_ug_m3", "pm10_atm_ug_m3", "pm1_cf1_ug_m3", "pm25_cf1_ug_m3", "pm10_cf1_ug_m3",
    "count_03_per_l", "count_05_per_l", "temp_c", "rh_percent",
)  # fmt: skip
_INTERVAL = timedelta(seconds=10)
_DETECTION_EVERY, _HEALTH_EVERY = 20, 10  # messages


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message with the facts in it."""

    topic: str
    raw: bytes
    lane: str
    last_seq: int
    facts: tuple[Fact, ...]


class Author:
    """Writes one gateway's messages; intervals follow each other without overlap, so that every fact is unique."""

    def __init__(self, name: str, key: Ed25519PrivateKey, start: datetime, records: int, seed: int) -> None:
        self.address = Address(TENANT, name)
        self.spool = hashlib.sha256(f"{name}{start}".encode()).hexdigest()[:16]
        self.client_id = f"{name}-{self.spool}"
        self._key = key
        self._start = start
        self._records = records
        self._random = random.Random(seed)
        self._seqs = dict.fromkeys(wire.LANES, 0)
        self._written = self._random.randrange(_DETECTION_EVERY)  # not all gateways see smoke at once

    def next_parcel(self) -> Parcel:
        """Telemetry mostly; now and then a health report or a detection."""
        self._written += 1
        if self._written % _DETECTION_EVERY == 0:
            return self._parcel("detection", [self._detection()])
        if self._written % _HEALTH_EVERY == 5:
            return self._parcel("health", [self._health()])
        return self.telemetry()

    def telemetry(self) -> Parcel:
        """``records`` intervals of ten readings each."""
        return self._parcel("telemetry", [self._telemetry(number) for number in range(self._records)])

    def _parcel(self, lane: str, facts: list[tuple[wire.Body, str]]) -> Parcel:
        encoded: list[bytes] = []
        for body, _ in facts:
            self._seqs[lane] += 1
            record = wire.Record(
                seq=self._seqs[lane], captured_at=to_wire(datetime.now(UTC)), mono_ns=self._seqs[lane] * 10**9,
                boot_id="simulated", clock=_CLOCK, body=body,
            )  # fmt: skip
            encoded.append(wire.encode_record(record))
        name = self.address.gateway
        payload = wire.encode_batch(tenant=TENANT, gateway=name, spool=self.spool, lane=lane, records=encoded)
        raw = seal(payload, BATCH_TYPE, self._key)
        keys = tuple((lane, name, key) for _, key in facts)
        return Parcel(self.address.up(lane), raw, lane, self._seqs[lane], keys)

    def _telemetry(self, ahead: int) -> tuple[wire.Body, str]:
        begin = self._start + _INTERVAL * (self._seqs["telemetry"] + ahead)
        values = {}
        for quantity in _QUANTITIES:
            mean = round(self._random.uniform(5, 80), 1)
            values[quantity] = wire.Aggregate(mean=mean, low=mean - 2, high=mean + 2, count=10)
        body = wire.Telemetry(
            sensor="pm-1", model="PMS5003T", from_at=to_wire(begin), to_at=to_wire(begin + _INTERVAL),
            values=values, readings=10, marks={"ok": 10},
        )  # fmt: skip
        return body, body.from_at

    def _health(self) -> tuple[wire.Body, str]:
        uptime_s = float(self._seqs["health"] + 1)
        return wire.Health(software="simulated", uptime_s=uptime_s, spool_depth={"telemetry": 0}), f"{uptime_s:.0f}"

    def _detection(self) -> tuple[wire.Body, str]:
        number = self._seqs["detection"]
        event = number // 3  # an event has three revisions
        at = to_wire(self._start + timedelta(minutes=30 * event))
        name = f"{self.address.gateway}/cam-1/{event:016x}"
        body = wire.Detection(
            detection_id=name, revision=number % 3 + 1, phase=("start", "update", "end")[number % 3],  # type: ignore[arg-type]
            camera="cam-1", pose_version=1, frame_size=(1280, 720), origin_px=(640.0, 360.0),
            origin_sigma_px=(5.0, 5.0), bbox_px=(600.0, 300.0, 680.0, 360.0), plume_class="smoke", confidence=0.8,
            started_at=at, alarmed_at=at, last_seen_at=at, visible_s=20.0,
            model=wire.Model("simulated", "sha256:" + "0" * 64), evidence_id=hashlib.md5(name.encode()).hexdigest(),
        )  # fmt: skip
        return body, f"{name}#{body.revision}"


def enrol_city(folder: Path, gateways: int, hosts: tuple[str, ...]) -> list[str]:
    """An authority in ``folder/ca``, broker and cloud in folders of their own, all gateways' pairs in ``folder/gw``.

    The gateways are entered in the ledger at once: one by one, each entry would rewrite and flush the whole file.
    """
    now = datetime.now(UTC)
    authority = CaFolder.create(folder / "ca", now)
    authority.enrol(Subject(name=BROKER, role="broker", hosts=hosts), folder / BROKER, now)
    authority.enrol(Subject(name=CLOUD, role="cloud"), folder / CLOUD, now)
    root = load_identity(folder / "ca" / "ca.key", folder / "ca" / "ca.crt")
    names = [f"gw-{number:05d}" for number in range(gateways)]
    (folder / "gw").mkdir()
    entries: list[Entry] = []
    for serial, name in enumerate(names, start=1 << 62):
        key = Ed25519PrivateKey.generate()
        certificate = issue(root, Subject(name=name, role="gateway", tenant=TENANT), key.public_key(), serial, now)
        pem = certificate.public_bytes(Encoding.PEM)
        entry = Entry(
            name=name, role="gateway", tenant=TENANT, serial=f"{serial:016x}", key_id=key_id(key.public_key()),
            issued_at=to_wire(now), expires_at=to_wire(certificate.not_valid_after_utc),
        )  # fmt: skip
        (folder / "ca" / entry.certificate).write_bytes(pem)
        (folder / "gw" / f"{name}.crt").write_bytes(pem)
        (folder / "gw" / f"{name}.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        entries.append(entry)
    ledger = read_ledger(folder / "ca")
    write_ledger(folder / "ca", msgspec.structs.replace(ledger, entries=[*ledger.entries, *entries]))
    return names


def authors_of(folder: Path, names: list[str], records: int) -> list[Author]:
    """One author a gateway, with the key that :func:`enrol_city` made."""
    start = datetime.now(UTC) - timedelta(days=20)
    return [
        Author(
            name, load_identity(folder / "gw" / f"{name}.key", folder / "gw" / f"{name}.crt").key, start, records, seed
        )
        for seed, name in enumerate(names)
    ]
