"""What lies where: layers of places, terrain, chimneys imported by themselves, and where an alert's roofs lie."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every version of footprints so far brought its own roofs."""
    op.create_table(
        "place_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("imported_at", sa.String(24), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(71), nullable=False),
        sa.Column("crs", sa.Text(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_place_versions"),
    )
    op.create_index("ix_place_versions_tenant_kind", "place_versions", ["tenant", "kind"])
    op.create_table(
        "places",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(80), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("geometry", sa.JSON(), nullable=True),
        sa.Column("valid_from", sa.String(24), nullable=True),
        sa.Column("valid_until", sa.String(24), nullable=True),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["place_versions.version"], name="fk_places_version"),
        sa.PrimaryKeyConstraint("version", "place", name="pk_places"),
    )
    op.create_table(
        "terrains",
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("west", "north", "step_lon", "step_lat")),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("heights", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["place_versions.version"], name="fk_terrains_version"),
        sa.PrimaryKeyConstraint("version", name="pk_terrains"),
    )
    op.add_column("footprint_versions", sa.Column("roofs_version", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE footprint_versions SET roofs_version = version")
    with op.batch_alter_table("chimneys") as table:
        table.drop_constraint("fk_chimneys_version_rooftop", type_="foreignkey")
        table.create_foreign_key("fk_chimneys_version", "footprint_versions", ["version"], ["version"])
    op.add_column("alert_versions", sa.Column("lies", sa.JSON(), nullable=True))
