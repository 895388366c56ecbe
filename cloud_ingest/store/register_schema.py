"""What people told about roofs and dates, and on which nights which roof was seen. Conventions: ``schema``."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from cloud_ingest.store.columns import KEY, metadata, name_column, time_column

# Each import of a register makes a version; the greatest of a tenant is in force, older ones stay for old alerts.
register_versions = Table(
    "register_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    name_column("tenant"),
    time_column("imported_at"),
    Column("source", Text, nullable=False),  # file name as given
    Column("digest", String(71), nullable=False),
)

# One row a line of the file: geotag.register.Entry. Either ``rooftop`` or a circle says where; neither: everywhere.
register_entries = Table(
    "register_entries",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("version", Integer, ForeignKey("register_versions.version"), nullable=False),
    Column("row", Integer, nullable=False),  # of the file, counted as a spreadsheet does
    Column("kind", String(24), nullable=False),
    Column("rooftop", String(80)),
    Column("lat", Float),
    Column("lon", Float),
    Column("radius_m", Float),
    Column("fuel", String(16)),
    Column("from_day", String(10), nullable=False),  # the town's civil days, both included
    Column("to_day", String(10)),  # null: until further notice
    Column("from_hour", Float),  # 0-24 of the town's clock, null: all day
    Column("to_hour", Float),
    Column("note", Text, nullable=False),
    Index(None, "version"),
)

# Which roofs an alert points to by geometry alone, without what earlier nights or the register say: what a later night
# may count. Made anew with every version of the alert.
roof_nights = Table(
    "roof_nights",
    metadata,
    Column("alert_id", String(32), ForeignKey("alerts.alert_id"), primary_key=True),
    Column("rooftop", String(80), primary_key=True),
    name_column("tenant"),
    time_column("first_at"),  # of the alert
    Column("probability", Float, nullable=False),
    Column("poses", JSON, nullable=False),  # ["gateway/camera/pose_version"], empty: not known
    Index(None, "tenant", "rooftop", "first_at"),
)
