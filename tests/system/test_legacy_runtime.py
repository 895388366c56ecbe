"""The detector on tflite_runtime, in an environment of its own: boards that cannot move to LiteRT yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.system
@pytest.mark.timeout(1500)
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="tflite_runtime has wheels for Python 3.11 only")
def test_tflite_runtime_sees_what_litert_sees() -> None:
    command = ["sh", "scripts/legacy.sh", sys.executable, sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ai_edge_litert and tflite_runtime: 60 verdicts alike" in done.stdout
