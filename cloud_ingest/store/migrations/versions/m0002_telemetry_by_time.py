"""Telemetry by message id and in partitions; aggregates, followers, quality, maintenance, jobs; letters to replay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEPT = "tenant, gateway, sensor, model, from_at, to_at, quantities, readings, marks, time_mark, received_at"


def upgrade() -> None:
    """Rows of telemetry are copied; each of their days becomes one entry of ``telemetry_writes``."""
    op.add_column("dead_letters", sa.Column("spool", sa.String(16)))
    _make_tables()
    for name in ("ix_telemetry_gateway_sensor_from_at", "ix_telemetry_tenant_from_at"):
        op.execute(sa.text(f"DROP INDEX IF EXISTS {name}"))  # an early 0.1 did not have both
    op.rename_table("telemetry", "telemetry_0001")
    _make_telemetry()
    connection = op.get_bind()
    days = connection.execute(
        sa.text("SELECT substr(from_at, 1, 10), count(*), min(from_at), max(from_at) FROM telemetry_0001 GROUP BY 1")
    ).all()
    base = connection.execute(sa.text("SELECT counter FROM changes WHERE subject = 'telemetry'")).scalar() or 0
    for number, (day, rows, first, last) in enumerate(sorted(map(tuple, days)), 1):
        op.execute(
            sa.text(
                f"INSERT INTO telemetry ({_KEPT}, written) SELECT {_KEPT}, {number} FROM telemetry_0001 "
                "WHERE substr(from_at, 1, 10) = :day"
            ).bindparams(day=day)
        )
        op.execute(
            sa.text(
                "INSERT INTO telemetry_writes (change, written, rows, first_from_at, last_from_at) "
                "VALUES (:change, :written, :rows, :first, :last)"
            ).bindparams(change=base + number, written=number, rows=rows, first=first, last=last)
        )
    if days:
        op.execute(
            sa.text("UPDATE changes SET counter = :counter WHERE subject = 'telemetry'").bindparams(
                counter=base + len(days)
            )
        )
    op.drop_table("telemetry_0001")
    op.create_index(
        "ix_telemetry_gateway_spool_seq_from_at", "telemetry", ["gateway", "spool", "seq", "from_at"], unique=True
    )
    op.create_index("ix_telemetry_gateway_sensor_from_at", "telemetry", ["gateway", "sensor", "from_at"])
    op.create_index("ix_telemetry_tenant_from_at", "telemetry", ["tenant", "from_at"])
    op.create_index("ix_telemetry_written", "telemetry", ["written"], postgresql_using="brin")


def _make_telemetry() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "telemetry",
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("gateway", sa.String(40), nullable=False),
        sa.Column("sensor", sa.String(40), nullable=False),
        sa.Column("model", sa.String(80), nullable=False),
        sa.Column("from_at", sa.String(24, collation="C" if on_postgresql else None), nullable=False),
        sa.Column("to_at", sa.String(24), nullable=False),
        sa.Column("quantities", sa.JSON(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("time_mark", sa.String(16)),
        sa.Column("received_at", sa.String(24), nullable=False),
        sa.Column("spool", sa.String(16)),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("written", sa.BigInteger(), nullable=False, server_default="0"),
        postgresql_partition_by="RANGE (from_at)",
    )
    if on_postgresql:
        op.execute(sa.text("CREATE TABLE telemetry_other PARTITION OF telemetry DEFAULT"))


def _make_tables() -> None:
    op.create_table(
        "telemetry_writes",
        sa.Column("change", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("first_from_at", sa.String(24), nullable=False),
        sa.Column("last_from_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("change", name="pk_telemetry_writes"),
    )
    op.create_table(
        "followers",
        sa.Column("follower", sa.String(16), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.String(24), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("follower", name="pk_followers"),
    )
    op.create_table(
        "telemetry_aggregates",
        sa.Column("gateway", sa.String(40), nullable=False),
        sa.Column("sensor", sa.String(40), nullable=False),
        sa.Column("step_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("begins_at", sa.String(24), nullable=False),
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("quantities", sa.JSON(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.Column("intervals", sa.Integer(), nullable=False),
        sa.Column("covered_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "sensor", "step_s", "begins_at", name="pk_telemetry_aggregates"),
    )
    op.create_index(
        "ix_telemetry_aggregates_tenant_step_s_begins_at", "telemetry_aggregates", ["tenant", "step_s", "begins_at"]
    )
    op.create_index("ix_telemetry_aggregates_step_s_begins_at", "telemetry_aggregates", ["step_s", "begins_at"])
    op.create_table(
        "quality_days",
        sa.Column("gateway", sa.String(40), nullable=False),
        sa.Column("sensor", sa.String(40), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "sensor", "day", name="pk_quality_days"),
    )
    op.create_table(
        "maintenance",
        sa.Column("id", _key(), nullable=False),
        sa.Column("gateway", sa.String(40), nullable=False),
        sa.Column("sensor", sa.String(40)),
        sa.Column("from_at", sa.String(24), nullable=False),
        sa.Column("to_at", sa.String(24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance"),
    )
    op.create_index("ix_maintenance_gateway_from_at", "maintenance", ["gateway", "from_at"])
    op.create_table(
        "jobs",
        sa.Column("job", sa.String(24), nullable=False),
        sa.Column("ran_at", sa.String(24), nullable=False),
        sa.Column("said", sa.Text()),
        sa.PrimaryKeyConstraint("job", name="pk_jobs"),
    )
    op.create_table(
        "letters_gone",
        sa.Column("cause", sa.String(24), nullable=False),
        sa.Column("letters", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("cause", name="pk_letters_gone"),
    )


def _key() -> TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
