"""``smokesentry cloud import-register``: a town's register of households, places and dates, put in force."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from smokesentry.settings import SettingsError

if TYPE_CHECKING:
    from cloud_ingest.settings import CloudSettings

WORD = "import-register"


def add(words: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to ``smokesentry cloud``."""
    text = "put a register (CSV or workbook) of households, places and dates in force, in the last one's place"
    command = words.add_parser(WORD, help=text, description=text)
    command.add_argument("--config", type=Path, required=True, help="the cloud's TOML file (docs/cloud_ingest.md)")
    command.add_argument("--tenant", help="the town; may be left out when the file names only one")
    command.add_argument("--layer", help="sheet of a workbook, where several are filled")
    command.add_argument("file", type=Path, help="CSV, XLSX, XLS or ODS (docs/fusion.md)")


def run(arguments: argparse.Namespace, settings: CloudSettings) -> int:
    """Imports the file whole or, with an error that names row and column, not at all."""
    from cloud_ingest.geotag.register import KINDS
    from cloud_ingest.geotag.register_file import read_register
    from cloud_ingest.places.table import PlaceError
    from cloud_ingest.store.database import open_store, reading, writing
    from cloud_ingest.store.imports import Wish, digest_of
    from cloud_ingest.store.registers import store_register, unknown_rooftops
    from smokesentry.clock import SystemClock

    tenants, tenant = settings.cloud.tenants, arguments.tenant
    if tenant is None and len(tenants) > 1:
        raise SettingsError(f"--tenant is needed: the file serves {', '.join(tenants)}")
    if tenant is not None and tenant not in tenants:
        raise SettingsError(f"--tenant {tenant}: not in [cloud] tenants ({', '.join(tenants)})")
    tenant = tenant or tenants[0]
    try:
        entries = read_register(arguments.file, arguments.layer)
        digest = digest_of(Wish("register", arguments.file, layer=arguments.layer))
    except OSError as error:
        raise SettingsError(f"{arguments.file}: cannot be read ({error.strerror})") from error
    except PlaceError as error:
        raise SettingsError(f"{arguments.file}: {error}; nothing was imported") from error
    engine = open_store(settings.database_url)
    with writing(engine) as connection:
        at = SystemClock().now().captured_at
        register = store_register(connection, tenant, arguments.file.name, digest, entries, at)
    with reading(engine) as connection:
        strange = unknown_rooftops(connection, tenant, register)
    engine.dispose()
    print(f"register of {tenant}: version {register.version}, {len(register.entries)} entries")
    for kind, count in sorted(Counter(entry.kind for entry in register.entries).items()):
        print(f"  {count} x {kind}: {KINDS[kind]}")
    for entry in strange[:20]:
        print(f"  row {entry.row}: no footprint has the rooftop {entry.rooftop!r}: it will say nothing")
    if len(strange) > 20:
        print(f"  and {len(strange) - 20} more rooftops that no footprint has")
    return 0
