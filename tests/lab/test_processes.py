from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.processes import Processes, ProcessFailed, free_port, port_answers
from lab.town import toml


def test_a_process_that_ends_by_itself_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("short", [sys.executable, "-c", "print('no disk left'); raise SystemExit(3)"])
        with pytest.raises(ProcessFailed, match=r"short ended with status 3(.|\n)*no disk left"):
            processes.wait_for("never", lambda: False, 240)


def test_a_killed_process_is_no_failure_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with Processes(tmp_path) as processes:
        processes.start("server", serve)
        processes.wait_for("server", lambda: port_answers(port), 240)
        first = processes.pid("server")
        processes.kill("server")
        processes.check()
        assert not port_answers(port)
        processes.restart("server")
        processes.wait_for("server again", lambda: port_answers(port), 240)
        assert processes.pid("server") != first
    assert not port_answers(port), "leaving the context stops everything"


def test_waiting_ends_with_words(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(TimeoutError, match="the moon: not within"):
        processes.wait_for("the moon", lambda: False, 0.2)


_keys = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
_scalars = (
    st.booleans() | st.integers(-(2**40), 2**40) | st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
)
_tables = st.dictionaries(
    _keys, _scalars | st.lists(_scalars, max_size=3) | st.dictionaries(_keys, _scalars, max_size=3)
)


@given(st.dictionaries(_keys, _tables | st.lists(_tables, min_size=1, max_size=3), max_size=4))
def test_written_configurations_read_back(document: dict[str, object]) -> None:
    assert tomllib.loads(toml(document)) == document


def test_leaving_by_any_exception_leaves_no_process_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Processes(tmp_path) as processes:
        processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
        pid = processes.pid("sleeper")
        raise KeyboardInterrupt
    assert not Path(f"/proc/{pid}").exists()
