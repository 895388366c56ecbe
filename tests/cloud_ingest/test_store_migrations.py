"""A store of an earlier release is adopted whole, a newer one refused; partitions come and go by the day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, select, text

from cloud_ingest.store import migrations, partitions, schema, telemetry_schema
from cloud_ingest.store.database import StoreError, open_store, reading, writing

TODAY = date(2026, 11, 22)


def _row(at, **changes):
    return {
        "tenant": "lab", "gateway": "gw-east", "sensor": "pm-1", "model": "pms5003", "from_at": at, "to_at": at,
        "quantities": {"pm25_atm_ug_m3": {"mean": 40.0, "low": 39.0, "high": 41.0, "count": 10}},
        "readings": 10, "marks": {"ok": 10}, "received_at": at,
    } | changes  # fmt: skip


@pytest.fixture
def early(engine):
    """The database as release 0.1 left it: two indexes short, three rows of two days, no word on a version."""
    url = engine.url.render_as_string(hide_password=False)
    engine.dispose()
    if engine.dialect.name == "sqlite":
        Path(engine.url.database).unlink()
    plain = create_engine(url)
    with plain.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("DROP INDEX ix_telemetry_tenant_from_at"))
        connection.execute(text("DROP INDEX ix_evidence_pictures_digest"))
        connection.execute(text("INSERT INTO changes VALUES ('telemetry', 7)"))
        for at in ("2026-11-20T23:59:00.000Z", "2026-11-21T00:00:00.000Z", "2026-11-21T00:01:00.000Z"):
            connection.execute(
                text(
                    "INSERT INTO telemetry (tenant, gateway, sensor, model, from_at, to_at, quantities, readings,"
                    " marks, received_at) VALUES ('lab', 'gw-east', 'pm-1', 'pms5003', :at, :at,"
                    """ '{"pm25_atm_ug_m3": {}}', 10, '{}', :at)"""
                ),
                {"at": at},
            )
    plain.dispose()
    return url


def _differences(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: not (kind == "table" and name.startswith("telemetry_20"))},
        )
        found = compare_metadata(context, schema.metadata)
    return [one for one in found if "telemetry_other" not in str(one)]


def test_the_scripts_make_exactly_the_tables_that_the_code_expects(engine):
    assert _differences(engine) == []


def test_a_store_of_the_first_release_is_adopted_with_all_it_holds(early):
    store = open_store(early)
    try:
        assert _differences(store) == []
        with reading(store) as connection:
            rows = connection.execute(select(schema.telemetry).order_by(schema.telemetry.c.from_at)).all()
            writes = connection.execute(select(telemetry_schema.telemetry_writes).order_by("change")).all()
            counters = dict(connection.execute(select(schema.changes.c.subject, schema.changes.c.counter)).all())
        assert [row.quantities for row in rows] == [{"pm25_atm_ug_m3": {}}] * 3
        assert [(write.change, write.rows, write.first_from_at[:10]) for write in writes] == [
            (8, 1, "2026-11-20"),
            (9, 2, "2026-11-21"),
        ]
        assert {row.written for row in rows} == {write.written for write in writes}
        assert counters["telemetry"] == 9
        assert set(counters) == set(schema.SUBJECTS)
    finally:
        store.dispose()


def test_a_store_of_a_newer_release_is_refused_in_words_and_left_alone(engine):
    url = engine.url.render_as_string(hide_password=False)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="run the newer release"):
        open_store(url)
    with writing(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_message_id_is_a_fact_once_whatever_the_code_does(engine):
    from sqlalchemy.exc import IntegrityError

    row = _row("2026-11-22T10:00:00.000Z", spool="f" * 16, seq=3)
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(schema.telemetry), [row, row])


def test_partitions_are_made_ahead_take_in_what_waits_and_go_when_their_time_is_over(engine):
    table = schema.telemetry
    waiting = ["2026-11-02T10:00:00.000Z", "2026-11-02T11:00:00.000Z", "1970-01-01T00:00:00.000Z"]
    with writing(engine) as connection:
        connection.execute(insert(table), [_row(at) for at in [*waiting, "2026-11-22T10:00:00.000Z"]])
    with writing(engine) as connection:
        made = partitions.prepare(connection, TODAY, keep_days=30)
    with writing(engine) as connection:
        assert partitions.prepare(connection, TODAY, keep_days=30) == []
        days = partitions.days_of(connection)
        assert len(connection.execute(select(table)).all()) == 4
    if engine.dialect.name == "sqlite":
        assert made == days == []
        return
    around = [TODAY + timedelta(days=n) for n in range(-2, 4)]
    assert made == days == [date(2026, 11, 2), *around]
    with writing(engine) as connection:
        other = connection.execute(text("SELECT from_at FROM telemetry_other")).scalars().all()
        assert other == ["1970-01-01T00:00:00.000Z"]
        connection.execute(insert(table), [_row("2026-11-23T10:00:00.000Z", spool="f" * 16, seq=1)])
        assert connection.execute(text("SELECT count(*) FROM telemetry_2026_11_23")).scalar_one() == 1
        plan = connection.execute(
            text("EXPLAIN SELECT * FROM telemetry WHERE tenant = 'lab' AND from_at >= '2026-11-23T00:00:00.000Z'")
        ).scalars()
        assert "telemetry_2026_11_02" not in " ".join(plan)  # a query for a day looks at that day only
        assert partitions.drop_before(connection, date(2026, 11, 3)) == [date(2026, 11, 2)]
        assert len(connection.execute(select(table)).all()) == 3


def test_a_process_starts_beside_one_that_writes_without_a_turn_of_its_own(engine):
    url = engine.url.render_as_string(hide_password=False)
    with writing(engine) as connection:
        connection.execute(schema.changes.update().values(counter=7))
        beside = open_store(url)  # would wait for the writer, here for ever, if it had to write
        with reading(beside) as other:
            assert set(other.scalars(select(schema.changes.c.counter))) == {0}
        beside.dispose()
