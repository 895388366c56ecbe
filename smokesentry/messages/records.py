"""What travels inside a signed batch (WIRE version 1): one struct a kind of record, one union a lane.

Decoding is strict about what is known (types, ranges, lengths) and tolerant of what is not: unknown fields are kept
because the raw envelope is stored as received, unknown versions are set aside by :func:`decode_batch`'s caller.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from smokesentry.clock import ClockState, from_wire
from smokesentry.messages.fields import Digest as Digest
from smokesentry.messages.fields import Lane as Lane
from smokesentry.messages.fields import Name as Name
from smokesentry.messages.fields import NotNegative as NotNegative
from smokesentry.messages.fields import Seq as Seq
from smokesentry.messages.fields import Share as Share
from smokesentry.messages.fields import ShortText as ShortText
from smokesentry.messages.fields import SpoolId as SpoolId
from smokesentry.messages.fields import Text as Text
from smokesentry.messages.fields import UtcTime as UtcTime
from smokesentry.messages.fields import Verdict as Verdict
from smokesentry.messages.health import CameraHealth as CameraHealth
from smokesentry.messages.health import Coverage as Coverage
from smokesentry.messages.health import Displaced as Displaced
from smokesentry.messages.health import Health as Health
from smokesentry.messages.health import Machine as Machine
from smokesentry.messages.health import Maintenance as Maintenance
from smokesentry.messages.health import ManagedHealth as ManagedHealth
from smokesentry.messages.health import SensorHealth as SensorHealth
from smokesentry.place import CameraPose

WIRE_VERSION = 1
MAX_RECORDS_PER_BATCH = 500
LANES = ("detection", "health", "evidence", "telemetry")  # also the order of priority after an outage

Pixel = tuple[Annotated[float, Meta(ge=-16384, le=32768)], Annotated[float, Meta(ge=-16384, le=32768)]]
FrameSize = tuple[Annotated[int, Meta(ge=16, le=16384)], Annotated[int, Meta(ge=16, le=16384)]]

PlumeClass = Literal["smoke", "steam", "exhaust", "open_burning", "fireworks", "fog", "other", "unresolved"]
Phase = Literal["start", "update", "end"]


class Model(msgspec.Struct, frozen=True):
    """Which model decided: its name and the digest over weights, calibration and configuration."""

    name: ShortText
    digest: Digest


class ParticulateCue(msgspec.Struct, frozen=True):
    """A rise of PM2.5 against the site's own background. It confirms; its absence means nothing (DESIGN §2)."""

    sensor: Name
    rise_ug_m3: float
    background_ug_m3: NotNegative
    at: UtcTime

    def __post_init__(self) -> None:
        from_wire(self.at)


class GasCue(msgspec.Struct, frozen=True, kw_only=True):
    """A rise of a combustion gas against the site's own background. Like particulates it confirms and names nobody."""

    sensor: Name
    quantity: Annotated[str, Meta(pattern="^[a-z0-9_]{1,48}$")]  # with its unit: co_ppm
    rise: float
    background: float
    at: UtcTime

    def __post_init__(self) -> None:
        from_wire(self.at)


class Detection(msgspec.Struct, frozen=True, kw_only=True, tag="detection"):
    """One plume event of one camera, as a gateway claims it. Later revisions replace earlier ones."""

    detection_id: Annotated[str, Meta(pattern="^[a-z0-9-]{1,40}/[a-z0-9-]{1,40}/[0-9a-f]{16}$")]
    revision: Annotated[int, Meta(ge=1)]
    phase: Phase
    camera: Name
    pose_version: Annotated[int, Meta(ge=1)]
    frame_size: FrameSize
    origin_px: Pixel
    origin_sigma_px: tuple[NotNegative, NotNegative]
    bbox_px: tuple[float, float, float, float]  # x0, y0, x1, y1
    plume_class: PlumeClass = msgspec.field(name="class")
    class_scores: dict[PlumeClass, Share] = {}
    confidence: Share
    opacity: Share | None = None
    started_at: UtcTime
    alarmed_at: UtcTime  # when the gateway knew; a back-dated start flatters nobody
    last_seen_at: UtcTime
    visible_s: NotNegative
    reasons: Annotated[list[Text], Meta(max_length=20)] = []
    particulates: Annotated[list[ParticulateCue], Meta(max_length=8)] = []
    gases: Annotated[list[GasCue], Meta(max_length=8)] = []
    temp_c: float | None = None
    rh_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    wind_speed_m_s: NotNegative | None = None
    wind_from_deg: Annotated[float, Meta(ge=0, le=360)] | None = None
    displaced: Displaced | None = None  # of its camera, when that no longer stands as its pose says
    model: Model
    evidence_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]

    def __post_init__(self) -> None:
        for moment in (self.started_at, self.alarmed_at, self.last_seen_at):
            from_wire(moment)


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A preview: the frame as it was, or with the detection drawn on it. Masks are already burnt in."""

    role: Literal["frame", "drawn", "before"]
    content_type: Literal["image/jpeg"]
    taken_at: UtcTime
    digest: Digest  # over the decoded bytes of ``data``
    data: bytes  # base64 on the wire

    def __post_init__(self) -> None:
        from_wire(self.taken_at)


class Evidence(msgspec.Struct, frozen=True, kw_only=True, tag="evidence"):
    """Preview pictures of one detection; the clip's signed manifest follows under the same ``evidence_id``."""

    evidence_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    detection_id: Annotated[str, Meta(max_length=120)]
    camera: Name
    pictures: Annotated[list[Picture], Meta(max_length=6)]


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity over the record's interval: mean, least, greatest of the valid readings, and how many there were."""

    mean: float
    low: float
    high: float
    count: Annotated[int, Meta(ge=1)]


class Telemetry(msgspec.Struct, frozen=True, kw_only=True, tag="telemetry"):
    """A sensor's interval. Keys of ``values`` carry their unit (``pm25_atm_ug_m3``); raw seconds stay in the spool."""

    sensor: Name
    model: ShortText
    from_at: UtcTime
    to_at: UtcTime
    values: Annotated[dict[Annotated[str, Meta(pattern="^[a-z0-9_]{1,48}$")], Aggregate], Meta(max_length=40)]
    readings: Annotated[int, Meta(ge=0)]
    marks: dict[ShortText, Annotated[int, Meta(ge=0)]] = {}  # quality -> how many readings carried it

    def __post_init__(self) -> None:
        from_wire(self.from_at)
        from_wire(self.to_at)


class PoseNotice(msgspec.Struct, frozen=True, kw_only=True, tag="camera_pose"):
    """The pose under which a camera's pixels are to be read from now on; detections name its version."""

    pose: CameraPose


class ClockFix(msgspec.Struct, frozen=True, kw_only=True, tag="clock_fix"):
    """A clock later found wrong: add ``offset_ms`` to times of ``boot_id`` between two monotonic moments."""

    fixed_boot_id: ShortText
    from_mono_ns: int
    to_mono_ns: int
    offset_ms: float


class Dropped(msgspec.Struct, frozen=True, kw_only=True, tag="dropped"):
    """Records of this lane given up for space: a closed range of ``seq``, so a gap is never a riddle."""

    first_seq: Seq
    last_seq: Seq
    cause: Text


Body = Detection | Evidence | Telemetry | Health | PoseNotice | ClockFix | Dropped
BODIES_OF_LANE: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "detection": (Detection, Dropped),
    "health": (Health, PoseNotice, ClockFix, Dropped),
    "evidence": (Evidence, Dropped),
    "telemetry": (Telemetry, Dropped),
}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered fact with its time. The spool stores exactly these bytes."""

    seq: Seq
    captured_at: UtcTime
    mono_ns: Annotated[int, Meta(ge=0)]
    boot_id: ShortText
    clock: ClockState
    body: Body

    def __post_init__(self) -> None:
        from_wire(self.captured_at)


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one lane in ascending ``seq``; the payload of one envelope."""

    v: Literal[1] = 1
    tenant: Name
    gateway: Name
    spool: SpoolId
    lane: Lane
    records: Annotated[list[Record], Meta(min_length=1, max_length=MAX_RECORDS_PER_BATCH)]

    def __post_init__(self) -> None:
        allowed = BODIES_OF_LANE[self.lane]
        last = 0
        for record in self.records:
            if not isinstance(record.body, allowed):
                raise ValueError(f"a {type(record.body).__name__} does not belong in lane {self.lane}")
            if record.seq <= last:
                raise ValueError(f"seq must ascend within a batch; {record.seq} came after {last}")
            last = record.seq


class _RawBatch(msgspec.Struct, frozen=True, kw_only=True):
    v: int = 1
    tenant: str
    gateway: str
    spool: str
    lane: str
    records: list[msgspec.Raw]


class _Versioned(msgspec.Struct):
    v: int


class UnknownVersion(ValueError):
    """The payload says a version that this code does not know; set it aside, a newer release may read it."""


_batch_decoder = msgspec.json.Decoder(Batch)
_record_decoder = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()


def encode_record(record: Record) -> bytes:
    """The bytes that the spool keeps and the batch carries unchanged."""
    return _encoder.encode(record)


def decode_record(raw: bytes) -> Record:
    """Raises ``msgspec.DecodeError`` or ``msgspec.ValidationError`` with the path of what was wrong."""
    return _record_decoder.decode(raw)


def encode_batch(*, tenant: str, gateway: str, spool: str, lane: str, records: list[bytes]) -> bytes:
    """A batch around already encoded records, none of them re-serialised."""
    raws = [msgspec.Raw(record) for record in records]
    return _encoder.encode(_RawBatch(tenant=tenant, gateway=gateway, spool=spool, lane=lane, records=raws))


def decode_batch(payload: bytes) -> Batch:
    """Checks version, shape, ranges and order. Raises :class:`UnknownVersion`, ``msgspec.DecodeError`` (not JSON,
    nested too deep) or ``msgspec.ValidationError`` (says where)."""
    try:
        version = msgspec.json.decode(payload, type=_Versioned).v
        if version != WIRE_VERSION:
            raise UnknownVersion(f"wire version {version}; this release reads version {WIRE_VERSION}")
        return _batch_decoder.decode(payload)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def message_id(gateway: str, spool: str, lane: str, seq: int) -> str:
    """``{gateway}/{spool}/{lane}/{seq}``: the id by which every receiver is idempotent."""
    return f"{gateway}/{spool}/{lane}/{seq}"
