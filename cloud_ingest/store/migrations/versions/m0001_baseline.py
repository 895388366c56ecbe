"""The tables of release 0.1.0, as `create_all` made them then: where every store begins. Frozen: never edit it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _key() -> TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes every table of the baseline."""
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("first_at", sa.String(length=24), nullable=False),
        sa.Column("raised_at", sa.String(length=24), nullable=False),
        sa.Column("last_at", sa.String(length=24), nullable=False),
        sa.Column("class", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_changed"), "alerts", ["changed"])
    op.create_index(op.f("ix_alerts_tenant_first_at"), "alerts", ["tenant", "first_at"])
    op.create_table(
        "camera_poses",
        sa.Column("id", _key(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("camera", sa.String(length=40), nullable=False),
        sa.Column("pose_version", sa.BigInteger(), nullable=False),
        sa.Column("pose", sa.JSON(), nullable=False),
        sa.Column("captured_at", sa.String(length=24), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera_poses")),
    )
    op.create_index(
        op.f("ix_camera_poses_gateway_camera_pose_version"), "camera_poses", ["gateway", "camera", "pose_version"]
    )
    op.create_table(
        "changes",
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_changes")),
    )
    op.create_table(
        "clock_fixes",
        sa.Column("id", _key(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("fixed_boot_id", sa.String(length=80), nullable=False),
        sa.Column("from_mono_ns", sa.BigInteger(), nullable=False),
        sa.Column("to_mono_ns", sa.BigInteger(), nullable=False),
        sa.Column("offset_ms", sa.Float(), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_fixes")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", _key(), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_cause"), "dead_letters", ["cause"])
    op.create_table(
        "detections",
        sa.Column("detection_id", sa.String(length=120), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("camera", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.String(length=8), nullable=False),
        sa.Column("class", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("pose_version", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.String(length=24), nullable=False),
        sa.Column("alarmed_at", sa.String(length=24), nullable=False),
        sa.Column("last_seen_at", sa.String(length=24), nullable=False),
        sa.Column("evidence_id", sa.String(length=32), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("time_mark", sa.String(length=16), nullable=True),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("detection_id", name=op.f("pk_detections")),
    )
    op.create_index(op.f("ix_detections_evidence_id"), "detections", ["evidence_id"])
    op.create_index(op.f("ix_detections_tenant_last_seen_at"), "detections", ["tenant", "last_seen_at"])
    op.create_table(
        "dropped_ranges",
        sa.Column("id", _key(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("spool", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dropped_ranges")),
    )
    op.create_table(
        "envelopes",
        sa.Column("id", _key(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("spool", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelopes")),
    )
    op.create_index(
        op.f("ix_envelopes_gateway_spool_lane_first_seq"), "envelopes", ["gateway", "spool", "lane", "first_seq"]
    )
    op.create_table(
        "footprint_versions",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("imported_at", sa.String(length=24), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_footprint_versions")),
    )
    op.create_table(
        "gateways",
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("last_seen_at", sa.String(length=24), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("state_since", sa.String(length=24), nullable=True),
        sa.Column("boot_id", sa.String(length=80), nullable=True),
        sa.Column("clock", sa.JSON(), nullable=True),
        sa.Column("health_at", sa.String(length=24), nullable=True),
        sa.Column("health", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateways")),
    )
    op.create_table(
        "health",
        sa.Column("id", _key(), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("captured_at", sa.String(length=24), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health")),
    )
    op.create_index(op.f("ix_health_gateway_captured_at"), "health", ["gateway", "captured_at"])
    op.create_table(
        "lane_progress",
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("spool", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("contiguous", sa.BigInteger(), nullable=False),
        sa.Column("ranges", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "spool", "lane", name=op.f("pk_lane_progress")),
    )
    op.create_table(
        "pictures",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("content_type", sa.String(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pictures")),
    )
    op.create_table(
        "telemetry",
        sa.Column("id", _key(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("sensor", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("from_at", sa.String(length=24), nullable=False),
        sa.Column("to_at", sa.String(length=24), nullable=False),
        sa.Column("quantities", sa.JSON(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("time_mark", sa.String(length=16), nullable=True),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telemetry")),
    )
    op.create_index(op.f("ix_telemetry_gateway_sensor_from_at"), "telemetry", ["gateway", "sensor", "from_at"])
    op.create_index(op.f("ix_telemetry_tenant_from_at"), "telemetry", ["tenant", "from_at"])
    op.create_table(
        "alert_detections",
        sa.Column("detection_id", sa.String(length=120), nullable=False),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.alert_id"], name=op.f("fk_alert_detections_alert_id")),
        sa.ForeignKeyConstraint(
            ["detection_id"], ["detections.detection_id"], name=op.f("fk_alert_detections_detection_id")
        ),
        sa.PrimaryKeyConstraint("detection_id", name=op.f("pk_alert_detections")),
    )
    op.create_index(op.f("ix_alert_detections_alert_id"), "alert_detections", ["alert_id"])
    op.create_table(
        "alert_versions",
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("class", sa.String(length=16), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("elsewhere", sa.Float(), nullable=False),
        sa.Column("factors", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("footprint_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.alert_id"], name=op.f("fk_alert_versions_alert_id")),
        sa.PrimaryKeyConstraint("alert_id", "version", name=op.f("pk_alert_versions")),
    )
    op.create_table(
        "detection_revisions",
        sa.Column("detection_id", sa.String(length=120), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("captured_at", sa.String(length=24), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.Column("envelope_id", _key(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelopes.id"], name=op.f("fk_detection_revisions_envelope_id")),
        sa.PrimaryKeyConstraint("detection_id", "revision", name=op.f("pk_detection_revisions")),
    )
    op.create_table(
        "evidence_pictures",
        sa.Column("evidence_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("detection_id", sa.String(length=120), nullable=False),
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("camera", sa.String(length=40), nullable=False),
        sa.Column("taken_at", sa.String(length=24), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["pictures.digest"], name=op.f("fk_evidence_pictures_digest")),
        sa.PrimaryKeyConstraint("evidence_id", "role", "digest", name=op.f("pk_evidence_pictures")),
    )
    op.create_index(op.f("ix_evidence_pictures_detection_id"), "evidence_pictures", ["detection_id"])
    op.create_index(op.f("ix_evidence_pictures_digest"), "evidence_pictures", ["digest"])
    op.create_table(
        "rooftops",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rooftop", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("polygon", sa.JSON(), nullable=False),
        sa.Column("height_m", sa.Float(), nullable=False),
        sa.Column("height_known", sa.Boolean(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["footprint_versions.version"], name=op.f("fk_rooftops_version")),
        sa.PrimaryKeyConstraint("version", "rooftop", name=op.f("pk_rooftops")),
    )
    op.create_table(
        "chimneys",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("chimney", sa.String(length=80), nullable=False),
        sa.Column("rooftop", sa.String(length=80), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("height_m", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version", "rooftop"], ["rooftops.version", "rooftops.rooftop"], name=op.f("fk_chimneys_version_rooftop")
        ),
        sa.PrimaryKeyConstraint("version", "chimney", name=op.f("pk_chimneys")),
    )
