"""The command line and the configuration file: errors that say what to do, and the jobs beside the worker."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from cloud_ingest.commands import main
from cloud_ingest.identity.authority import Subject
from cloud_ingest.identity.ca_folder import CaFolder
from cloud_ingest.settings import load_cloud_settings
from cloud_ingest.store.database import open_store, reading
from cloud_ingest.store.footprints import current_version
from smokesentry.settings import SettingsError

GOOD = """
[cloud]
folder = "cloud"
tenants = ["lab"]
[broker]
plaintext = true
[ca]
folder = "ca"
[signing]
key = "own/cloud.key"
certificate = "own/cloud.crt"
"""


@pytest.fixture
def config(tmp_path):
    def config(text=GOOD):
        path = tmp_path / "cloud.toml"
        path.write_text(text)
        return path

    return config


@pytest.fixture
def authority(tmp_path):
    now = datetime.now(UTC)
    CaFolder.create(tmp_path / "ca", now).enrol(Subject(name="cloud", role="cloud"), tmp_path / "own", now)


def test_paths_are_relative_to_the_file_and_the_folder_is_made(config, tmp_path):
    settings = load_cloud_settings(config())
    assert settings.ca.folder == tmp_path / "ca"
    assert settings.cloud.folder.is_dir()
    assert settings.database_url == f"sqlite:///{tmp_path / 'cloud' / 'cloud.db'}"
    assert (settings.console.host, settings.broker.host) == ("127.0.0.1", "localhost")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("plaintext = true", "plaintxt = true", "broker.plaintxt: no such key; did you mean 'plaintext'"),
        ("plaintext = true", "", "TLS needs ca, certificate and key; missing: ca, certificate, key"),
        ("plaintext = true", 'plaintext = true\nca = "ca.crt"', "plaintext = true does not go with ca"),
        ("plaintext = true", "plaintext = true\nport = 0", "broker.port"),
        ("plaintext = true", 'plaintext = true\n[console]\nzone = "Mars/Base"', "'Mars/Base' is no time zone"),
        ("plaintext = true", 'plaintext = true\n[console]\nzone = "../etc/passwd"', "is no time zone"),
        ("plaintext = true", 'plaintext = true\n[console]\nzone = ""', "is no time zone"),
        ('tenants = ["lab"]', 'tenants = ["Big Town"]', "1 to 40 of a-z"),
        ('tenants = ["lab"]', "tenants = []", "cloud.tenants"),
        ('folder = "cloud"', "", "cloud.folder: is missing"),
        ("[cloud]", "[cloud", "not valid TOML"),
        (
            '[ca]\nfolder = "ca"',
            '[ca]\nfolder = "ca"\n[town]\nfootprints = "x.geojson"\n[cloud2]\n',
            "cloud2: no such key",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named(config, before, after, said):
    assert before in GOOD
    with pytest.raises(SettingsError, match=said.replace("[", r"\[")):
        load_cloud_settings(config(GOOD.replace(before, after)))


def test_footprints_in_the_file_are_for_one_town_only(config):
    text = GOOD.replace('["lab"]', '["lab", "other"]') + '[town]\nfootprints = "x.geojson"\n'
    with pytest.raises(SettingsError, match="exactly one"):
        load_cloud_settings(config(text))


def test_check_says_what_is_there(config, authority, tmp_path, town_text, capsys):
    (tmp_path / "town.geojson").write_text(town_text(with_chimneys=True))
    path = config(GOOD + '[town]\nfootprints = "town.geojson"\n')
    assert main(["check", "--config", str(path)]) == 0
    said = capsys.readouterr().out
    assert "signing as cloud" in said
    assert "9 roofs, 9 chimneys" in said


def test_check_says_what_is_missing(config, authority, tmp_path, capsys):
    path = config(GOOD + '[town]\nfootprints = "town.geojson"\n')
    assert main(["check", "--config", str(path)]) == 2
    assert "town.geojson: cannot be read" in capsys.readouterr().err
    (tmp_path / "own" / "cloud.key").unlink()
    assert main(["check", "--config", str(path)]) == 2
    assert "cloud.key" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["ingest", "check", "dead-letters", "import footprints"])
def test_no_authority_or_no_file_ends_with_words_and_not_with_a_trace(config, word, capsys):
    first, *more = word.split()
    status = main([first, "--config", str(config()), *more])
    output = capsys.readouterr()
    if word == "dead-letters":
        assert (status, output.out) == (0, "nothing was set aside\n")
    else:
        assert status == 2
        assert output.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tenant", "third", "--gateway", "gw-1", "ping"], "--tenant third: not in [cloud] tenants (lab)"),
        (["--tenant", "lab", "--gateway", "GW 1", "ping"], "gateway 'GW 1': names have"),
        (["--tenant", "lab", "--gateway", "gw-1", "resend", "lane"], "argument 'lane': expected key=value"),
        (["--tenant", "lab", "--gateway", "gw-1", "resend", "a=1", "a=2"], "argument 'a=2': expected key=value, each"),
        (["--tenant", "lab", "--gateway", "gw-1", "x" * 1000], "command 'xxx"),
    ],
)
def test_an_order_that_cannot_be_given_is_refused_in_words_and_spends_no_number(
    config, authority, tmp_path, words, said, capsys
):
    assert main(["command", "--config", str(config()), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "cloud" / "command-counters.json").exists()


def test_a_database_that_does_not_answer_is_said(config, authority, capsys):
    path = config(GOOD.replace('folder = "cloud"\n', 'folder = "cloud"\ndatabase = "sqlite:////nowhere/x.db"\n'))
    assert main(["check", "--config", str(path)]) == 1
    assert "database does not answer" in capsys.readouterr().err


def test_footprints_are_imported_for_a_town_and_refused_with_the_files_name(config, tmp_path, town_text, capsys):
    path, town = config(GOOD.replace('["lab"]', '["lab", "other"]')), tmp_path / "t.geojson"
    town.write_text(town_text())
    assert main(["import", "--config", str(path), "footprints", str(town)]) == 2
    assert "--tenant is needed" in capsys.readouterr().err
    assert main(["import", "--config", str(path), "--tenant", "third", "footprints", str(town)]) == 2
    assert main(["import", "--config", str(path), "--tenant", "other", "footprints", str(town)]) == 0
    town.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert main(["import", "--config", str(path), "--tenant", "other", "footprints", str(town)]) == 2
    assert "t.geojson: no footprint" in capsys.readouterr().err
    engine = open_store(load_cloud_settings(path).database_url)
    with reading(engine) as connection:
        assert current_version(connection, "other") == 1
        assert current_version(connection, "lab") is None
    engine.dispose()
