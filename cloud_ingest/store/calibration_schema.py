"""Tables of how cameras stand: tickets for those that were seen to have moved.

Poses themselves are in ``schema.camera_poses``, as gateways announce them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from cloud_ingest.store.columns import metadata, name_column, time_column

# One row a pose that no longer holds. Open until a newer pose of the camera is announced.
pose_tickets = Table(
    "pose_tickets",
    metadata,
    name_column("gateway", key=True),
    name_column("camera", key=True),
    Column("pose_version", BigInteger, primary_key=True, autoincrement=False),
    time_column("since"),  # when the gateway first said so, by its clock
    time_column("last_said_at"),
    Column("said", Text, nullable=False),  # the gateway's sentence that told of the farthest move
    Column("moved_px", Float),  # of ``frame_width``; null: another view, nobody knows how far
    Column("turned_deg", Float),
    Column("frame_width", Integer),  # null: not said, then the pose's own
    time_column("closed_at", nullable=True),  # cloud time
    Index(None, "closed_at"),
)
