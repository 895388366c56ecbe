"""Blobs that gateways have uploaded. Conventions: ``schema``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table

from cloud_ingest.store.columns import metadata, name_column, time_column

# One row a blob and gateway. The bytes lie in the blob store under the digest (``cloud_ingest.evidence.blobs``).
evidence_blobs = Table(
    "evidence_blobs",
    metadata,
    Column("digest", String(71), primary_key=True),  # "sha256:" + 64 hex digits, verified before the row was written
    name_column("gateway", key=True),
    name_column("tenant"),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("content_type", String(32), nullable=False),  # what the bytes are, not what they were called
    time_column("received_at"),
    Index(None, "tenant", "gateway"),
)
