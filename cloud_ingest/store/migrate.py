"""Bringing a store's tables to what this release expects, by Alembic's scripts, inside the caller's transaction."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from cloud_ingest.store import migrations
from cloud_ingest.store.columns import metadata

BASELINE = "0001"  # what release 0.1 made without saying so

_log = logging.getLogger(__name__)
logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)  # it announces itself at every opening


class UnknownTables(ValueError):
    """The store was made by a release that this one does not know."""


def is_up_to_date(connection: Connection) -> bool:
    """Whether the tables are already what the newest script makes; only reads."""
    head = ScriptDirectory.from_config(_config(connection)).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def bring_up_to_date(connection: Connection) -> None:
    """Makes or changes the tables up to the newest script; a store of release 0.1 is adopted. The caller holds a lock.

    Raises :class:`UnknownTables` for a store of a newer release.
    """
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    head, current = scripts.get_current_head(), MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise UnknownTables(
            f"its tables are at {current!r}, this release knows them up to {head!r}: "
            "run the newer release, or restore a backup that this one made"
        )
    adopted = current is None and inspect(connection).has_table("gateways")
    if adopted:
        command.stamp(config, BASELINE)
    command.upgrade(config, "head")
    if adopted:
        _make_missing_indexes(connection)
    _log.info("the store's tables: %s -> %s", BASELINE if adopted else current or "none", head)


def upgraded_to(connection: Connection, revision: str) -> None:
    """Makes the tables of one revision in an empty database. Raises :class:`UnknownTables`."""
    config = _config(connection)
    if revision not in {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}:
        raise UnknownTables(f"tables of revision {revision!r} are not known to this release: run a newer one")
    command.upgrade(config, revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _make_missing_indexes(connection: Connection) -> None:
    """A table that an early 0.1 made may lack an index of a later one."""
    for table in metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
