"""What Alembic runs: the scripts, in the transaction that ``cloud_ingest.store.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from cloud_ingest.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
