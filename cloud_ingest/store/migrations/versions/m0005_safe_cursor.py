"""Followers remember what is surely safe with the other side, beside what was handed over last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is known to be safe yet: a follower of another system hands over again what is still listed."""
    op.add_column("followers", sa.Column("safe", sa.BigInteger(), nullable=False, server_default="0"))
