"""The house's own rules: format, lint, types, import table. The same commands as `make check`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"], ["lint-imports"]],
    ids=["format", "lint", "types", "imports"],
)
def test_tool_is_content(command: list[str]) -> None:
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _tracked_text_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    suffixes = {".py", ".md", ".toml", ".txt", ".sh", ".yaml", ".conf", ".json", ".js", ".css", ".html", ".service"}
    return [ROOT / name for name in listed.split("\0") if Path(name).suffix in suffixes and (ROOT / name).exists()]


def test_no_registry_address_in_any_file() -> None:
    address = re.compile(
        r"https?://[^\s\"')]*(?:pypi|pythonhosted|simple/|registry\.npm)|--(?:extra-)?index-url|^-f ", re.M
    )
    found = [str(path.relative_to(ROOT)) for path in _tracked_text_files() if address.search(path.read_text())]
    assert found in ([], ["tests/test_house.py"])


def test_requirements_pin_and_hash_everything() -> None:
    text = (ROOT / "requirements.txt").read_text()
    pins = re.findall(r"^[A-Za-z0-9_.-]+(?:\[[a-z,]+\])?==\S+.*?(?=^[A-Za-z0-9]|\Z)", text, re.M | re.S)
    assert len(pins) > 50
    assert [pin.split("==")[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert not re.search(r"^(?![A-Za-z0-9_.-]+(?:\[[a-z,]+\])?==|    --hash=|#|$)", text, re.M)
