"""A card that turns read-only: a real read-only mount where the machine allows one, else the same error by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.refuge import come_home, refuge_of, usable_folder
from edge.spool import Spool
from lab.faults.scribe import fact, number_of

_NAME = f"test-{os.getpid()}"

_READ_ONLY = """
import os, sys
from pathlib import Path
from edge.refuge import usable_folder
from lab.faults.disk import Disk, DiskError
os.environ["SMOKESENTRY_FAULTS_NAMESPACE"] = "1"
disk = Disk(Path(sys.argv[1]), 8)
try:
    disk.mount()
except DiskError:
    sys.exit(77)
assert usable_folder(disk.folder, sys.argv[2])[1] is None
disk.fill()
assert usable_folder(disk.folder, sys.argv[2]) == (disk.folder, None), "a full disk is no reason to leave it"
disk.relieve()
disk.read_only(True)
folder, said = usable_folder(disk.folder, sys.argv[2])
assert "read-only" in said and folder != disk.folder, (folder, said)
"""


@pytest.fixture(autouse=True)
def _clean() -> object:
    yield
    import shutil

    shutil.rmtree(refuge_of(_NAME), ignore_errors=True)


def test_a_read_only_disk_sends_the_gateway_into_memory_and_a_full_one_does_not(tmp_path: Path) -> None:
    way = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    done = subprocess.run(
        [*way, sys.executable, "-c", _READ_ONLY, str(tmp_path / "disk"), _NAME], capture_output=True, text=True
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("needs a mount namespace: root, or user namespaces")
    assert done.returncode == 0, done.stderr


def test_what_lived_in_memory_moves_to_the_disk_that_works_again(tmp_path: Path) -> None:
    refuge = refuge_of(_NAME)
    refuge.mkdir(mode=0o700)
    away = Spool(refuge)
    away.append([fact("detection", 1), fact("telemetry", 2), fact("detection", 3)])
    away.acknowledge("detection", 1, [])
    away.close()
    home = Spool(tmp_path)
    home.append([fact("detection", 7)])
    assert "disk takes facts again" in str(come_home(_NAME, home))
    assert [number_of(raw) for _, raw in home.waiting("detection", 0, 9, 10**6)] == [7, 3]
    assert [number_of(raw) for _, raw in home.waiting("telemetry", 0, 9, 10**6)] == [2]
    assert not refuge.exists()
    assert come_home(_NAME, home) is None


def test_a_folder_that_works_is_used(tmp_path: Path) -> None:
    assert usable_folder(tmp_path / "new", _NAME) == (tmp_path / "new", None)
