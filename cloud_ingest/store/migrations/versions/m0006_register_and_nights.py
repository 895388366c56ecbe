"""The town's register, the nights of each roof, and what an alert says of fuel, class and region."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AT_ONCE = 500


def upgrade() -> None:
    """Old alerts say nothing of fuel or region; the roofs that they named count as earlier nights."""
    op.create_table(
        "register_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("imported_at", sa.String(24), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_register_versions"),
    )
    op.create_table(
        "register_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("rooftop", sa.String(80), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("radius_m", sa.Float(), nullable=True),
        sa.Column("fuel", sa.String(16), nullable=True),
        sa.Column("from_day", sa.String(10), nullable=False),
        sa.Column("to_day", sa.String(10), nullable=True),
        sa.Column("from_hour", sa.Float(), nullable=True),
        sa.Column("to_hour", sa.Float(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["register_versions.version"], name="fk_register_entries_version"),
        sa.PrimaryKeyConstraint("id", name="pk_register_entries"),
    )
    op.create_index("ix_register_entries_version", "register_entries", ["version"])
    op.create_table(
        "roof_nights",
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("rooftop", sa.String(80), nullable=False),
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("first_at", sa.String(24), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("poses", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.alert_id"], name="fk_roof_nights_alert_id"),
        sa.PrimaryKeyConstraint("alert_id", "rooftop", name="pk_roof_nights"),
    )
    op.create_index("ix_roof_nights_tenant_rooftop_first_at", "roof_nights", ["tenant", "rooftop", "first_at"])
    for column in (
        sa.Column("coal", sa.JSON(), nullable=True),
        sa.Column("suggestions", sa.JSON(), nullable=True),
        sa.Column("region", sa.JSON(), nullable=True),
        sa.Column("register_version", sa.Integer(), nullable=True),
    ):
        op.add_column("alert_versions", column)
    _count_old_nights()


def _count_old_nights() -> None:
    connection = op.get_bind()
    newest = connection.execute(
        sa.text(
            "SELECT a.alert_id, a.tenant, a.first_at, v.candidates FROM alerts a"
            " JOIN alert_versions v ON v.alert_id = a.alert_id AND v.version = a.version"
        )
    )
    rows = []
    for alert_id, tenant, first_at, candidates in newest.all():
        listed = json.loads(candidates) if isinstance(candidates, str) else candidates
        rows += [
            {"a": alert_id, "r": one["rooftop"], "t": tenant, "f": first_at, "p": one["probability"]} for one in listed
        ]
    insert = sa.text(
        "INSERT INTO roof_nights (alert_id, rooftop, tenant, first_at, probability, poses)"
        " VALUES (:a, :r, :t, :f, :p, '[]')"
    )
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(insert, rows[start : start + _AT_ONCE])
