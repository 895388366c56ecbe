"""Which gateway has uploaded which blob."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own; nothing to carry over."""
    op.create_table(
        "evidence_blobs",
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("gateway", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(32), nullable=False),
        sa.Column("received_at", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("digest", "gateway", name="pk_evidence_blobs"),
    )
    op.create_index("ix_evidence_blobs_tenant_gateway", "evidence_blobs", ["tenant", "gateway"])
