"""Tables of what lies where in a town: grids, zones, stations and the like, and its terrain. Each import is a version.

Footprints and chimneys have tables of their own (``schema``): alerts name rooftops by them.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from cloud_ingest.store.columns import metadata, name_column, time_column

# The greatest version of a tenant and kind is in force; older ones stay, because alerts name them.
place_versions = Table(
    "place_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    name_column("tenant"),
    Column("kind", String(16), nullable=False),  # places.kinds.KINDS, without footprints and chimneys
    time_column("imported_at"),
    Column("source", Text, nullable=False),  # file name as given
    Column("digest", String(71), nullable=False),
    Column("crs", Text, nullable=False),  # what the file's coordinates were in; stored ones are WGS-84
    Column("warnings", JSON, nullable=False),  # what was mended or doubted on the way in, texts for people
    Index(None, "tenant", "kind"),
)

places = Table(
    "places",
    metadata,
    Column("version", Integer, ForeignKey("place_versions.version"), primary_key=True),
    Column("place", String(80), primary_key=True),  # the id in the file
    Column("name", String(200), nullable=False),
    Column("geometry", JSON),  # GeoJSON in WGS-84, coordinates [lon, lat]; null where the entry has no place of its own
    time_column("valid_from", nullable=True),  # null: always
    time_column("valid_until", nullable=True),  # from then on no more; null: until further notice
    Column("about", JSON, nullable=False),  # what else is known, by the kind's own names (docs/places.md)
)

# One elevation model a version: rows from north to south, float32 little endian, NaN where unknown, zlib.
terrains = Table(
    "terrains",
    metadata,
    Column("version", Integer, ForeignKey("place_versions.version"), primary_key=True),
    Column("west", Float, nullable=False),  # longitude and latitude of the first sample itself
    Column("north", Float, nullable=False),
    Column("step_lon", Float, nullable=False),  # degrees between samples
    Column("step_lat", Float, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("heights", LargeBinary, nullable=False),
)
