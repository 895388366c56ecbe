from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.commands import main
from firmware_bridge.models import driver_for

_SDS = driver_for("SDS011")
_GOOD = _SDS.encode({"pm25_ug_m3": 12.5, "pm10_ug_m3": 20, "sensor_id": 1})
_CEILING = _SDS.encode({"pm25_ug_m3": 12.5, "pm10_ug_m3": 999.9, "sensor_id": 1})
_STREAM = b"junk" + _GOOD + _GOOD[:-3] + _CEILING


def test_decode_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = tmp_path / "raw.bin"
    raw.write_bytes(_STREAM)
    assert main(["decode", "sds011", str(raw), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {
        "model": "SDS011", "quality": "ok", "mark": "N", "pm25_ug_m3": 12.5, "pm10_ug_m3": 20.0, "sensor_id": 1,
    }  # fmt: skip
    assert (lines[1]["quality"], lines[1]["mark"]) == ("ceiling", "T")
    assert "999.9" in lines[1]["reason"]
    assert lines[2] == {"frames": 2, "rejected": 1, "skipped_bytes": 11, "causes": {"no end byte": 1, "noise": 1}}
    assert len(lines) == 3


def test_decode_from_standard_input_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(_STREAM + bytes.fromhex("aac506000000a16007ab"))))
    assert main(["decode", "SDS011", "-"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("ok") and "pm25_ug_m3 12.5" in out[0]
    assert out[2].startswith("reply") and "power" in out[2]
    assert out[3] == "3 frames, 1 rejected, 11 bytes skipped; no end byte: 1; noise: 1"


def test_info_asks_the_unit_on_the_port(
    adapter: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_bridge.live_commands._ANSWERS_WITHIN_S", 600.0)  # it ends with the last answer

    def answer() -> None:
        heard = b""
        while not heard.endswith(_SDS.commands["firmware"]):
            try:
                heard += adapter.sent_by_host()
            except OSError:  # nobody has opened it yet
                time.sleep(0.05)
        adapter.send(_GOOD + bytes.fromhex("aac5070f070aa16028ab"))

    answering = threading.Thread(target=answer)
    answering.start()
    assert main(["info", "SDS011", str(adapter.path)]) == 0
    answering.join(60)
    assert capsys.readouterr().out.splitlines()[-1] == "firmware: sensor_id 41312, firmware 2015-07-10"


def test_info_of_a_silent_port(adapter: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "SDS011", str(adapter.path)]) == 1
    assert "no answer within 3 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decode", "SDS0111", "x", "--json"], "did you mean 'SDS011'?"),
        (["decode", "SDS011", "/no/such/file", "--json"], "/no/such/file: No such file or directory"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
