"""The operational store: one schema for SQLite (embedded default) and PostgreSQL (deployment)."""
