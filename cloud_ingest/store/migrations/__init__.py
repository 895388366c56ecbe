"""Alembic's scripts (docs/cloud_ingest.md, "Changing a table"); ``cloud_ingest.store.migrate`` runs them."""
