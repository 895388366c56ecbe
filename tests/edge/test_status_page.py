"""The page and the metrics from a status document, over real HTTP, in both languages; hostile words stay words."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.logs import JournalHandler, journal_fields
from edge.machine import look_at_machine, throttled_words
from edge.status_page.render import is_well, page
from edge.status_page.server import StatusPage

STATUS: dict[str, Any] = {
    "written_at": "2026-11-22T18:04:05.678Z",
    "gateway": "roof-12",
    "tenant": "liuzhen",
    "pid": 1,
    "clock": {"state": "synchronised", "source": "ntp"},
    "uplink": {"broker": "broker.example:8883", "connected": True, "connections": 3, "last_problem": None},
    "spool_bytes": 12_345_678,
    "loops": [{"name": "uplink", "age_s": 0.0, "restarts": 0, "stalled": False}],
    "health": {
        "software": "smoke-sentry 0.1.0",
        "uptime_s": 86_400.0,
        "spool_depth": {"detection": 0, "health": 1, "evidence": 0, "telemetry": 240},
        "verdict": "cannot_judge",
        "verdict_reasons": ["every camera looks into fog"],
        "cameras": [
            {
                "camera": "east", "verdict": "suspected", "frames": 1000, "unreadable": 1, "frame_age_s": 0.4,
                "judged_s": 70_000.0, "not_judged_s": 10_000.0,
            },
            {
                "camera": "west", "verdict": "cannot_judge", "cause": "frost <on> the lens", "frames": 990,
                "sight": ["veiled: fog, frost or an obstruction"],
                "unreadable": 0, "frame_age_s": 0.6, "judged_s": 0.0, "not_judged_s": 80_000.0,
            },
        ],
        "sensors": [
            {"sensor": "pm-1", "model": "PMS5003T", "connected": True, "frames": 5, "rejected": 2, "skipped_bytes": 9}
        ],
        "counts": {"outages east": 2, "refused_unknown_key": 1},
        "notices": ["<script>alert(1)</script>", "configuration 4 is in force"],
        "machine": {
            "temperature_c": 61.2, "throttled": ["under-voltage since the start"], "disk_free_mb": 21_000.0,
            "memory_mb": 180.2, "load": 0.4, "clock_offset_ms": -12.0,
        },
        "managed": {"confirmed": {"configuration": 4}, "trial": {"model": 2}, "failed": {}},
    },
}  # fmt: skip


@pytest.fixture
def port() -> Iterator[int]:
    stop, served = threading.Event(), StatusPage(0, lambda: STATUS)
    thread = threading.Thread(target=served.run, args=(stop,), daemon=True)
    thread.start()
    while served.bound is None:
        time.sleep(0.01)
    yield served.bound
    stop.set()
    thread.join(60)


def fetch(port: int, path: str, **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), answer.headers


def test_both_languages_say_the_same_things(port: int) -> None:
    _, english, headers = fetch(port, "/?lang=en")
    _, chinese, _ = fetch(port, "/", **{"Accept-Language": "zh-CN,zh;q=0.9"})
    assert "smoke suspected" in english
    assert "疑似有烟" in chinese
    assert re.findall(r"\d+", english.split("<body>")[1]) == re.findall(r"\d+", chinese.split("<body>")[1])
    for text, other in (
        ("every camera looks into fog", "every camera looks into fog"),  # of a newer release: shown as it came
        ("veiled: fog, frost or an obstruction", "画面模糊：雾、霜或遮挡"),
        ("configuration 4 is in force", "配置 4 已生效"),
        ("under-voltage since the start", "启动以来欠压过"),
    ):
        assert text in english
        assert other in chinese
    assert "script-src" not in headers["Content-Security-Policy"]


def test_every_word_is_there_in_both_languages() -> None:
    words = json.loads((files("edge.status_page") / "words.json").read_text(encoding="utf-8"))
    assert all(len(pair) == 2 and all(pair) for pair in words.values())
    used = set(re.findall(r'word\("([a-z_]+)"\)', (Path(str(files("edge.status_page"))) / "render.py").read_text()))
    assert used <= words.keys()


def test_hostile_words_stay_words(port: int) -> None:
    _, body, _ = fetch(port, "/?lang=en")
    assert "<script" not in body
    assert "frost &lt;on&gt; the lens" in body


def test_a_name_that_is_not_the_loopbacks_is_turned_away(port: int) -> None:
    assert fetch(port, "/", Host="evil.example")[0] == 403
    assert fetch(port, "/nothing")[0] == 404


def test_the_metrics_can_be_read_by_prometheus(port: int) -> None:
    _, body, _ = fetch(port, "/metrics")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found["smokesentry_spool_waiting", "telemetry"] == 240
    assert found["smokesentry_camera_can_judge", "west"] == 0
    assert found["smokesentry_temperature_celsius",] == 61.2
    assert found["smokesentry_clock_offset_seconds",] == pytest.approx(-0.012)
    assert found["smokesentry_sensor_rejected_total", "pm-1"] == 2
    helps = [line for line in body.splitlines() if line.startswith("# HELP")]
    assert helps and all(re.search("[a-z] / [^ -~]", line) for line in helps), "in both languages"


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["uplink"].update(connected=False),
        lambda s: s["health"]["cameras"][0].update(frame_age_s=31.0),
        lambda s: s["health"]["cameras"][0].update(frame_age_s=None),
        lambda s: s["health"]["sensors"][0].update(connected=False),
        lambda s: s["loops"][0].update(stalled=True),
    ],
)
def test_whatever_is_not_well_is_said(change: Any) -> None:
    status = json.loads(json.dumps(STATUS))
    assert is_well(status)
    change(status)
    assert not is_well(status)
    assert "Needs a look" in page(status, "en")


def test_the_firmwares_bits_are_words() -> None:
    assert throttled_words(0) == []
    assert throttled_words(0x50005) == [
        "under-voltage now", "throttled now", "under-voltage since the start", "throttled since the start",
    ]  # fmt: skip


def test_the_machine_tells_what_it_knows(tmp_path: Path) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("61234\n")
    firmware = tmp_path / "devices/platform/soc/soc:firmware"
    firmware.mkdir(parents=True)
    (firmware / "get_throttled").write_text("80000\n")
    found = look_at_machine(tmp_path, 1.5, sys=tmp_path)
    assert (found.temperature_c, found.clock_offset_ms) == (61.2, 1500.0)
    assert found.throttled == ["at its heat limit since the start"]
    assert found.disk_free_mb and found.memory_mb
    assert look_at_machine(tmp_path / "gone", None, sys=tmp_path / "x", ask_firmware=False).temperature_c is None


def test_the_journal_gets_fields_and_line_breaks_do_not_forge_one(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "journal"))
    record = logging.LogRecord("edge.uplink", logging.WARNING, "x.py", 7, "gone\nPRIORITY=0", (), None)
    JournalHandler(tmp_path / "journal").emit(record)
    raw = listener.recv(10_000)
    listener.close()
    assert raw == journal_fields(record, "gone\nPRIORITY=0")
    assert b"MESSAGE\n" + (15).to_bytes(8, "little") + b"gone\nPRIORITY=0\n" in raw
    assert b"\nPRIORITY=4\n" in raw
    assert b"\nLOGGER=edge.uplink\n" in raw
