"""The tables, portable between SQLite and PostgreSQL; those of telemetry are in ``telemetry_schema``.

A change here needs a script in ``migrations/versions`` (docs/cloud_ingest.md, "Changing a table"); a test compares.

Conventions. Every time is the wire's text (``2026-11-22T18:04:05.678Z``, UTC), which sorts as time does. ``tenant`` is
the town. Positions are WGS-84 degrees. JSON columns hold plain JSON objects and lists as described beside them.
Texts come from gateways: whoever shows them must escape them.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from cloud_ingest.store.calibration_schema import pose_tickets as pose_tickets
from cloud_ingest.store.columns import KEY, name_column, time_column
from cloud_ingest.store.columns import metadata as metadata
from cloud_ingest.store.evidence_schema import evidence_blobs as evidence_blobs
from cloud_ingest.store.places_schema import place_versions as place_versions
from cloud_ingest.store.register_schema import register_entries as register_entries
from cloud_ingest.store.register_schema import register_versions as register_versions
from cloud_ingest.store.register_schema import roof_nights as roof_nights
from cloud_ingest.store.telemetry_schema import telemetry as telemetry

# One row a gateway that was ever heard with a valid signature.
gateways = Table(
    "gateways",
    metadata,
    name_column("gateway", key=True),
    name_column("tenant"),
    time_column("last_seen_at"),  # cloud time of the newest accepted message of any lane, or of a state message
    Column("online", Boolean, nullable=False),  # what its retained state or last will said last
    time_column("state_since", nullable=True),  # the connection's moment, from that state
    Column("boot_id", String(80)),
    Column("clock", JSON),  # {"source", "state", "error_ms"} of the newest record
    time_column("health_at", nullable=True),  # captured_at of ``health``
    Column("health", JSON),  # newest messages.records.Health as JSON: software, uptime_s, spool_depth, cameras, sensors
)

# Poses as gateways announced them; nothing is rewritten. For one (gateway, camera, pose_version) the greatest id holds;
# a camera's current pose is that of its greatest id.
camera_poses = Table(
    "camera_poses",
    metadata,
    Column("id", KEY, primary_key=True),
    name_column("gateway"),
    name_column("camera"),
    Column("pose_version", BigInteger, nullable=False),
    Column("pose", JSON, nullable=False),  # smokesentry.place.CameraPose as JSON
    time_column("captured_at"),
    time_column("received_at"),
    Index(None, "gateway", "camera", "pose_version"),
)

# Signed batches exactly as they came in. A batch that brought nothing new (a duplicate) is not kept twice.
envelopes = Table(
    "envelopes",
    metadata,
    Column("id", KEY, primary_key=True),
    name_column("tenant"),
    name_column("gateway"),
    Column("spool", String(16), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("key_id", String(16), nullable=False),  # whose signature vouches for it
    time_column("received_at"),
    Column("raw", LargeBinary, nullable=False),
    Index(None, "gateway", "spool", "lane", "first_seq"),
)

# How far each lane of each spool is known. ``ranges`` are closed [first, last] pairs above ``contiguous``; what lies
# between them is a gap. The records' own numbers are the message ids seen: gateway/spool/lane/seq.
lane_progress = Table(
    "lane_progress",
    metadata,
    name_column("gateway", key=True),
    Column("spool", String(16), primary_key=True),
    Column("lane", String(16), primary_key=True),
    Column("contiguous", BigInteger, nullable=False),
    Column("ranges", JSON, nullable=False),
    time_column("updated_at"),
)

# What gateways gave up for space and said so (messages.records.Dropped): a gap that is no riddle.
dropped_ranges = Table(
    "dropped_ranges",
    metadata,
    Column("id", KEY, primary_key=True),
    name_column("gateway"),
    Column("spool", String(16), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
    time_column("received_at"),
)

# A clock later found wrong (messages.records.ClockFix). Stored times stay as they were said.
clock_fixes = Table(
    "clock_fixes",
    metadata,
    Column("id", KEY, primary_key=True),
    name_column("gateway"),
    Column("fixed_boot_id", String(80), nullable=False),
    Column("from_mono_ns", BigInteger, nullable=False),
    Column("to_mono_ns", BigInteger, nullable=False),
    Column("offset_ms", Float, nullable=False),
    time_column("received_at"),
)

# One row a plume event of one camera, holding its newest revision.
detections = Table(
    "detections",
    metadata,
    Column("detection_id", String(120), primary_key=True),
    name_column("tenant"),
    name_column("gateway"),
    name_column("camera"),
    Column("revision", BigInteger, nullable=False),
    Column("phase", String(8), nullable=False),  # start | update | end
    Column("class", String(16), nullable=False),  # WIRE's classes
    Column("confidence", Float, nullable=False),  # 0-1, the gateway's
    Column("pose_version", BigInteger, nullable=False),
    time_column("started_at"),  # as the gateway judged
    time_column("alarmed_at"),  # when the gateway knew
    time_column("last_seen_at"),
    Column("evidence_id", String(32), nullable=False),  # joins evidence_pictures
    Column("body", JSON, nullable=False),  # the whole messages.records.Detection as JSON (wire field names)
    Column("time_mark", String(16)),  # null, or why its times are doubted: "future" | "ancient" | "unsynchronised"
    time_column("received_at"),  # of this revision
    Index(None, "tenant", "last_seen_at"),
    Index(None, "evidence_id"),
)

# Every revision of every detection, as claimed.
detection_revisions = Table(
    "detection_revisions",
    metadata,
    Column("detection_id", String(120), primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("body", JSON, nullable=False),
    time_column("captured_at"),
    time_column("received_at"),
    Column("envelope_id", KEY, ForeignKey("envelopes.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
)

# Health reports over time; the newest of a gateway also stands in ``gateways``.
health = Table(
    "health",
    metadata,
    Column("id", KEY, primary_key=True),
    name_column("gateway"),
    time_column("captured_at"),
    Column("body", JSON, nullable=False),
    time_column("received_at"),
    Index(None, "gateway", "captured_at"),
)

# Picture bytes, once a digest.
pictures = Table(
    "pictures",
    metadata,
    Column("digest", String(71), primary_key=True),  # "sha256:" + 64 hex digits over ``data``, checked on arrival
    Column("content_type", String(32), nullable=False),  # image/jpeg
    Column("data", LargeBinary, nullable=False),
)

# Which pictures belong to which evidence and detection; one row a picture and role.
evidence_pictures = Table(
    "evidence_pictures",
    metadata,
    Column("evidence_id", String(32), primary_key=True),
    Column("role", String(8), primary_key=True),  # frame (as it was) | drawn (detection drawn on it) | before
    Column("digest", String(71), ForeignKey("pictures.digest"), primary_key=True),
    Column("detection_id", String(120), nullable=False),
    name_column("gateway"),
    name_column("camera"),
    time_column("taken_at"),
    time_column("received_at"),
    Index(None, "detection_id"),
    Index(None, "digest"),
)

# What was set aside, with the reason in words. Unsigned bytes are kept up to a bound; signed ones whole.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", KEY, primary_key=True),
    time_column("received_at"),
    Column("topic", Text, nullable=False),
    Column("cause", String(24), nullable=False),  # a short word for counting, see ingest.accept.Cause
    Column("reason", Text, nullable=False),  # for people; quotes hostile text, escape it
    Column("gateway", String(40)),  # null when nobody we know signed it
    Column("spool", String(16)),  # with ``seq``: the one record set aside out of an otherwise good batch ...
    Column("seq", BigInteger),  # ... null: the whole message
    Column("size", Integer, nullable=False),  # bytes as received, also where ``raw`` is cut
    Column("raw", LargeBinary, nullable=False),
    Index(None, "cause"),
)

# Each import of footprints makes a version; the greatest of a tenant is in force, older ones stay for old alerts.
footprint_versions = Table(
    "footprint_versions",
    metadata,
    Column("version", Integer, primary_key=True),
    name_column("tenant"),
    time_column("imported_at"),
    Column("source", Text, nullable=False),  # file name as given
    Column("digest", String(71), nullable=False),
    # The version whose rows in ``rooftops`` it uses: its own, or an earlier one's where only chimneys were imported.
    Column("roofs_version", Integer, nullable=False),
)

rooftops = Table(
    "rooftops",
    metadata,
    Column("version", Integer, ForeignKey("footprint_versions.version"), primary_key=True),
    Column("rooftop", String(80), primary_key=True),  # the id in the footprint file
    Column("name", String(200), nullable=False),  # address or name for people; the id where the file has none
    Column("polygon", JSON, nullable=False),  # GeoJSON Polygon geometry, coordinates [lon, lat]
    Column("height_m", Float, nullable=False),  # of its top (ridge or flat roof) above ground
    Column("height_known", Boolean, nullable=False),  # False: ``height_m`` is the import's assumption
    Column("lat", Float, nullable=False),  # a point inside the roof, for labels
    Column("lon", Float, nullable=False),
)

chimneys = Table(
    "chimneys",
    metadata,
    Column("version", Integer, ForeignKey("footprint_versions.version"), primary_key=True),
    Column("chimney", String(80), primary_key=True),
    Column("rooftop", String(80), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("height_m", Float, nullable=False),  # of the mouth above ground
)

# One burning event as the cloud sees it. The id is opaque: it says nothing about a roof.
alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", String(32), primary_key=True),
    name_column("tenant"),
    Column(
        "state", String(12), nullable=False
    ),  # open | closed (it ended) | withdrawn (found to be no smoke; stays visible)
    time_column("first_at"),  # earliest start of its detections, as far as their clocks can be believed
    time_column("raised_at"),  # cloud time at which it was first made
    time_column("last_at"),  # newest last_seen_at
    # smoke | unresolved | open_burning, or what it was revised to when withdrawn
    Column("class", String(16), nullable=False),
    Column("confidence", Float, nullable=False),  # 0-1 that it is smoke; of open_burning: that something burns
    Column("version", Integer, nullable=False),  # newest row in alert_versions
    Column("changed", BigInteger, nullable=False),  # value of changes['alerts'] when this row last changed
    Index(None, "tenant", "first_at"),
    Index(None, "changed"),
)

# Candidate lists are never edited: each change of mind is a new version with its reason.
alert_versions = Table(
    "alert_versions",
    metadata,
    Column("alert_id", String(32), ForeignKey("alerts.alert_id"), primary_key=True),
    Column("version", Integer, primary_key=True),  # from 1
    time_column("made_at"),
    Column("state", String(12), nullable=False),
    Column("class", String(16), nullable=False),
    Column("confidence", Float, nullable=False),
    # [{"rooftop", "name", "probability", "lat", "lon"}], best first; probabilities and ``elsewhere`` sum to 1
    Column("candidates", JSON, nullable=False),
    Column("elsewhere", Float, nullable=False),  # probability that it is none of the listed roofs
    # [{"factor": short word, "weight": number, "text": for people, ...}]: geotag.factors.Factor
    Column("factors", JSON, nullable=False),
    # raised | joined | split | merged | sharper | class | confidence | reopened | closed | withdrawn, to be translated
    Column("reason", String(24), nullable=False),
    Column("reason_text", Text, nullable=False),  # English, for people
    Column("footprint_version", Integer),  # null: no footprints were imported
    # Where the candidates lie, by the layers in force: geotag.lies says its form; null before that was worked out
    Column("lies", JSON),
    # The next four are null in versions of a release before 0.2, and where there is nothing to say.
    Column("coal", JSON),  # geotag.coal.Coal: whether coal is the fuel, apart from whether it is smoke
    Column("suggestions", JSON),  # [{"class", "text"}]: what else it may be, by date, place and register
    Column("region", JSON),  # GeoJSON feature, WGS-84: geotag.region, or geotag.open_fire of a fire in the open
    Column("register_version", Integer),
)

# A detection belongs to at most one alert.
alert_detections = Table(
    "alert_detections",
    metadata,
    Column("detection_id", String(120), ForeignKey("detections.detection_id"), primary_key=True),
    Column("alert_id", String(32), ForeignKey("alerts.alert_id"), nullable=False),
    Index(None, "alert_id"),
)

# What the console's live stream polls: one row a subject, whose counter rises in the same transaction as the change.
# Subjects: "alerts", "gateways", "detections", "telemetry", "evidence", "dead_letters", "footprints".
# The row lock orders the commits, so a reader that saw n misses nothing at or below n.
changes = Table(
    "changes",
    metadata,
    Column("subject", String(16), primary_key=True),
    Column("counter", BigInteger, nullable=False),
)

SUBJECTS = ("alerts", "gateways", "detections", "telemetry", "evidence", "dead_letters", "footprints")
