"""How many dead letters are kept and how large they are, so that their bounds cost no look at each of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Counts once what is there."""
    op.create_table(
        "letters_kept",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("letters", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_letters_kept"),
    )
    for kind, condition in (("signed", "IS NOT NULL"), ("unsigned", "IS NULL")):
        op.execute(
            sa.text(
                f"INSERT INTO letters_kept SELECT '{kind}', count(*), coalesce(sum(length(raw)), 0) "
                f"FROM dead_letters WHERE gateway {condition}"
            )
        )
