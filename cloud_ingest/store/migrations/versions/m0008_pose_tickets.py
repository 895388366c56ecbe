"""Tickets for cameras that moved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing was noted before."""
    op.create_table(
        "pose_tickets",
        sa.Column("gateway", sa.String(40), nullable=False),
        sa.Column("camera", sa.String(40), nullable=False),
        sa.Column("pose_version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.String(24), nullable=False),
        sa.Column("last_said_at", sa.String(24), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("moved_px", sa.Float(), nullable=True),
        sa.Column("turned_deg", sa.Float(), nullable=True),
        sa.Column("frame_width", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.String(24), nullable=True),
        sa.PrimaryKeyConstraint("gateway", "camera", "pose_version", name="pk_pose_tickets"),
    )
    op.create_index("ix_pose_tickets_closed_at", "pose_tickets", ["closed_at"])
