"""A backup made while workers store is one consistent moment; it comes back row for row, or not at all."""

from __future__ import annotations

import json
import threading

import pytest
from sqlalchemy import select, text

from cloud_ingest.ingest.accept import accept_batch
from cloud_ingest.ingest.writer import Writer
from cloud_ingest.store import schema
from cloud_ingest.store.backup import MANIFEST, BackupError, backup, read_manifest, restore
from cloud_ingest.store.database import open_store, reading, writing

NOW = "2026-11-22T19:05:00.000Z"
JPEG = b"\xff\xd8\xff\xe0 \x00\n\\N\t pretend"


def quiet(_):
    pass


@pytest.fixture
def elsewhere(engine, tmp_path):
    """The URL of an empty database of the same kind."""
    if engine.dialect.name == "sqlite":
        yield f"sqlite:///{tmp_path / 'elsewhere' / 'cloud.db'}"
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE elsewhere"))
    yield engine.url.set(database="elsewhere").render_as_string(hide_password=False)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE elsewhere WITH (FORCE)"))


def _all(engine):
    with reading(engine) as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table)).all()))
            for name, table in schema.metadata.tables.items()
        }


def test_everything_comes_back_and_the_restored_store_goes_on(engine, take, east, keys, tmp_path, elsewhere):
    take(
        east.batch("telemetry", *[east.telemetry(10 * n) for n in range(20)]),
        east.batch("health", east.health(), east.pose_notice()),
        east.batch("detection", east.detection(1, (5.0, 6.0), reasons=["引号 \" ' \\ \t\n 烟"])),
        east.batch("evidence", east.evidence(1, JPEG)),
        (east.address.up("telemetry"), b"junk \x00\xff\n\\."),
    )
    before = _all(engine)
    counters = tmp_path / "command-counters.json"
    counters.write_text("{}")
    manifest = backup(engine, tmp_path / "b", NOW, {"command-counters.json": counters}, quiet)
    assert manifest["tables"]["telemetry"]["rows"] == 20
    assert (tmp_path / "b" / "command-counters.json").read_text() == "{}"
    take(east.batch("telemetry", east.telemetry(500)))
    restore(tmp_path / "b", elsewhere, quiet)
    store = open_store(elsewhere)
    try:
        assert _all(store) == before
        with writing(store) as connection:  # what was stored is known, what came after the backup is new
            writer = Writer(connection, NOW)
            east.seqs.clear()
            for n in range(21):
                message = east.batch("telemetry", east.telemetry(10 * n))
                writer.add(accept_batch(*message, keys, frozenset({"lab"})))
            writer.add(accept_batch(*east.batch("health", east.health()), keys, frozenset({"lab"})))
            outcome = writer.finish()
        assert (outcome.stored, outcome.duplicates) == (1, 21)
    finally:
        store.dispose()


def test_a_backup_under_load_is_one_moment(engine, take, east, tmp_path, elsewhere):
    """Each transaction writes one envelope and ten rows; a backup with half of one would have other proportions."""
    stop, failures = threading.Event(), []

    def load():
        try:
            for n in range(400):
                if stop.is_set():
                    return
                take(east.batch("telemetry", *[east.telemetry(100 * n + 10 * k) for k in range(10)]))
        except Exception as error:
            failures.append(error)

    take(east.batch("telemetry", *[east.telemetry(10 * k - 1000) for k in range(10)]))
    thread = threading.Thread(target=load)
    thread.start()
    try:
        counts = [backup(engine, tmp_path / f"b{n}", NOW, {}, quiet)["tables"] for n in range(3)]
    finally:
        stop.set()
        thread.join()
    assert not failures
    for tables in counts:
        assert tables["telemetry"]["rows"] == 10 * tables["envelopes"]["rows"] > 0
        assert tables["telemetry_writes"]["rows"] == tables["envelopes"]["rows"]
    restore(tmp_path / "b2", elsewhere, quiet)


def test_a_target_that_holds_something_is_left_alone(engine, take, east, tmp_path):
    take(east.batch("telemetry", east.telemetry(0)))
    backup(engine, tmp_path / "b", NOW, {}, quiet)
    before = _all(engine)
    with pytest.raises(BackupError, match="empty"):
        restore(tmp_path / "b", engine.url.render_as_string(hide_password=False), quiet)
    assert _all(engine) == before
    with pytest.raises(BackupError, match="there already"):
        backup(engine, tmp_path / "b", NOW, {}, quiet)


@pytest.mark.parametrize("how", ["a bit", "cut", "missing", "no manifest", "not json", "other database", "a count"])
def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_left_behind(engine, take, east, tmp_path, elsewhere, how):
    take(east.batch("telemetry", east.telemetry(0)))
    folder = tmp_path / "b"
    backup(engine, folder, NOW, {}, quiet)
    data = folder / ("cloud.db" if engine.dialect.name == "sqlite" else "telemetry.copy.gz")
    manifest = json.loads((folder / MANIFEST).read_text())
    if how == "a bit":
        raw = bytearray(data.read_bytes())
        raw[len(raw) // 2] ^= 1
        data.write_bytes(raw)
    elif how == "cut":
        data.write_bytes(data.read_bytes()[:-10])
    elif how == "missing":
        data.unlink()
    elif how == "no manifest":
        (folder / MANIFEST).unlink()
    elif how == "not json":
        (folder / MANIFEST).write_text("[")
    elif how == "other database":
        (folder / MANIFEST).write_text(json.dumps(manifest | {"database": "oracle"}))
    else:
        manifest["tables"]["telemetry"]["rows"] += 1
        (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BackupError):
        restore(folder, elsewhere, quiet)
    if how not in ("other database", "a count"):
        with pytest.raises(BackupError):
            read_manifest(folder)
    backup(engine, tmp_path / "good", NOW, {}, quiet)
    restore(tmp_path / "good", elsewhere, quiet)  # the target is as empty as before
