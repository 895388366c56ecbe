"""``smokesentry cloud import-register``: a register from the command line, and what is wrong with it in words."""

from __future__ import annotations

import pytest

from cloud_ingest.commands import main
from cloud_ingest.store.database import open_store, reading, writing
from cloud_ingest.store.footprints import import_footprints
from cloud_ingest.store.registers import current_register, load_register

CONFIG = """
[cloud]
folder = "cloud"
tenants = ["lab", "hill"]
[broker]
plaintext = true
[ca]
folder = "ca"
[signing]
key = "own/cloud.key"
certificate = "own/cloud.crt"
"""
LINES = "类型,屋顶,开始日期\n煤改气,r1c1,2025-10-01\n散煤使用点,nowhere,2025-10-01\n"


@pytest.fixture
def run(tmp_path):
    config, file = tmp_path / "cloud.toml", tmp_path / "台账.csv"
    config.write_text(CONFIG)

    def run(text, *options):
        file.write_bytes(text.encode("gb18030"))
        return main(["import-register", "--config", str(config), *options, str(file)])

    return run


def test_a_register_is_put_in_force_and_strange_rooftops_are_named(run, tmp_path, town_text, capsys):
    (tmp_path / "cloud").mkdir()
    engine = open_store(f"sqlite:///{tmp_path / 'cloud' / 'cloud.db'}")
    with writing(engine) as connection:
        import_footprints(connection, "lab", "town.geojson", town_text(), "2026-11-22T19:05:00.000Z")
    assert run(LINES, "--tenant", "lab") == 0
    told = capsys.readouterr().out
    assert "version 1, 2 entries" in told
    assert "1 x gas" in told
    assert "row 3: no footprint has the rooftop 'nowhere'" in told
    with reading(engine) as connection:
        assert current_register(connection, "hill") is None
        assert [entry.kind for entry in load_register(connection, 1).entries] == ["gas", "coal_use"]
    engine.dispose()


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (LINES, (), "--tenant is needed: the file serves lab, hill"),
        (LINES, ("--tenant", "mars"), "not in [cloud] tenants"),
        (LINES + "煤改气,r1c1,soon\n", ("--tenant", "lab"), "row 4: 开始日期 is 'soon'"),
        ("colour,类型\n", ("--tenant", "lab"), "column 'colour' is not known"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_imported(run, tmp_path, text, options, says, capsys):
    assert run(text, *options) == 2
    assert says in capsys.readouterr().err
    engine = open_store(f"sqlite:///{tmp_path / 'cloud' / 'cloud.db'}")
    with reading(engine) as connection:
        assert current_register(connection, "lab") is None
    engine.dispose()


def test_a_workbook_is_put_in_force_once(run, tmp_path, capsys):
    import openpyxl

    run(LINES, "--tenant", "hill")
    book = openpyxl.Workbook()
    for row in (["kind", "rooftop", "from_day"], ["coal_use", "r1c1", "2025-10-01"]):
        book.active.append(row)
    book.save(tmp_path / "register.xlsx")
    for _ in range(2):
        path = str(tmp_path / "register.xlsx")
        assert main(["import-register", "--config", str(tmp_path / "cloud.toml"), "--tenant", "lab", path]) == 0
        assert "version 2, 1 entries" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_said(run, tmp_path, capsys):
    run(LINES, "--tenant", "lab")
    assert main(["import-register", "--config", str(tmp_path / "cloud.toml"), "--tenant", "lab", "none.csv"]) == 2
    assert "none.csv: cannot be read" in capsys.readouterr().err
