"""Masks drawn on the roof survive the process where the service may write nothing but its own folder, as under the
shipped unit (ProtectSystem=strict); masks that cannot be read keep the camera shut."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.commands import main
from edge.drawn_masks import Drawn, DrawnMasks
from edge.gateway import Gateway
from lab.processes import free_port
from smokesentry.messages.records import Health

pytestmark = pytest.mark.mosquitto
Until = Callable[..., None]
SQUARE = [[100, 100], [300, 100], [300, 250], [100, 250]]

#: What systemd does for ``ProtectSystem=strict`` and ``StateDirectory=``, with the same system calls.
_CONFINED = (
    'mount --bind "$1" "$1"; mount --bind "$1/state" "$1/state"; mount -o remount,bind,ro "$1"; shift; exec "$@"'
)
_GATEWAY = """
import signal, sys
sys.path.insert(0, sys.argv[2])
from conftest import ScriptedDetector
from pathlib import Path
from edge import managing
managing.run_gateway(Path(sys.argv[1]), lambda settings: ScriptedDetector(settings, []))
"""


def confined(folder: Path, *command: str) -> list[str]:
    """The command with ``folder`` read-only and ``folder/state`` writable; skips where no namespace can be had."""
    tool = shutil.which("unshare")
    words = [tool or "", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if tool is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces cannot be had here")
    return [*words, "sh", "-e", "-c", _CONFINED, "sh", str(folder), *command]


def pixels(address: str) -> np.ndarray | None:
    try:
        jpeg = urllib.request.urlopen(f"{address}api/frame/cam-1", timeout=60).read()
    except (urllib.error.URLError, ConnectionError):
        return None
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE))


def first_frame(address: str, until: Until) -> np.ndarray:
    seen: list[np.ndarray | None] = [None]

    def came() -> bool:
        seen[0] = pixels(address)
        return seen[0] is not None

    until(came, "a frame")
    assert seen[0] is not None
    return seen[0]


def hides_the_square(image: np.ndarray | None) -> bool:
    return image is not None and bool(image[105:245, 105:295].max() < 12 and image[260:, 310:].max() > 40)


def draw(address: str, masks: Any) -> Any:
    order = {"Content-Type": "application/json", "X-Smokesentry": "1"}
    request = urllib.request.Request(f"{address}api/masks/cam-1", json.dumps(masks).encode(), order)
    return json.loads(urllib.request.urlopen(request, timeout=60).read())


@pytest.fixture
def service(config: Path, until: Until) -> Iterator[Callable[[], tuple[str, subprocess.Popen[str]]]]:
    """Starts the gateway as the unit would; gives its page's address."""
    running: list[subprocess.Popen[str]] = []
    port = free_port()
    (config.parent / "state").mkdir()
    config.write_text(config.read_text() + f"[installer]\nport = {port}\n")

    def start() -> tuple[str, subprocess.Popen[str]]:
        command = [sys.executable, "-c", _GATEWAY, str(config), str(Path(__file__).parents[1])]
        process = subprocess.Popen(confined(config.parent, *command), text=True)
        running.append(process)
        address = f"http://127.0.0.1:{port}/"

        def answers() -> bool:
            assert process.poll() is None, "it ended"
            try:
                return bool(urllib.request.urlopen(f"{address}api/state", timeout=60).read())
            except (urllib.error.URLError, ConnectionError):
                return False

        until(answers, "the page", 120.0)
        return address, process

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_mask_drawn_under_the_units_restrictions_holds_after_kill_9(
    service: Callable[[], tuple[str, subprocess.Popen[str]]], config: Path, until: Until
) -> None:
    before = config.read_bytes()
    address, process = service()
    assert not hides_the_square(first_frame(address, until))
    assert draw(address, [SQUARE]) == {"saved": True, "masks": [SQUARE]}
    until(lambda: hides_the_square(pixels(address)), "burnt in at once")
    process.send_signal(signal.SIGKILL)
    process.wait()
    address, process = service()
    assert hides_the_square(first_frame(address, until)), "from its first frame on"
    assert config.read_bytes() == before
    process.terminate()
    assert process.wait(60) == 0


def test_masks_that_cannot_be_read_shut_the_camera_until_they_are_drawn_anew(
    start: Callable[..., Gateway], config: Path, cloud: Any, eye: Any, until: Until, bodies: Any
) -> None:
    folder = config.parent / "state"
    DrawnMasks(folder).save(Drawn("cam-1", [[(1.0, 1.0), (9.0, 1.0), (9.0, 9.0)]], [], "2026-11-22T18:04:05.678Z"))
    path = folder / "masks" / "cam-1.json"
    path.write_bytes(path.read_bytes().replace(b"9", b"8"))
    config.write_text(config.read_text() + "[installer]\nport = 0\n")
    assert main(["check", "--config", str(config)]) == 1
    answers = eye.answers
    gateway = start()
    until(lambda: gateway.installer is not None and gateway.installer.address is not None, "the page")
    until(
        lambda: any(h.cameras and "cannot be read" in (h.cameras[0].cause or "") for h in bodies(cloud, Health)), "said"
    )
    assert bodies(cloud, Health)[-1].cameras[0].verdict == "cannot_judge"
    assert any("cam-1.json: is damaged" in note for note in bodies(cloud, Health)[-1].notices)
    assert (eye.answers, gateway.cameras[0].capture.frames) == (answers, 0), "nobody asked the camera for a picture"
    assert not list((folder / "evidence").rglob("*.jpg"))
    address = gateway.installer.address if gateway.installer is not None else None
    assert address is not None
    assert pixels(address) is None
    assert draw(address, [SQUARE])["saved"]
    until(lambda: hides_the_square(pixels(address)), "looks again, masked")


def test_an_order_from_afar_uncovers_nothing_that_was_drawn_on_the_roof(
    start: Callable[..., Gateway], config: Path, until: Until, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration's masks have changed since: both hold, and everybody is told."""
    DrawnMasks(config.parent / "state").save(
        Drawn("cam-1", [[tuple(point) for point in SQUARE]], [], "2026-11-22T18:04:05.678Z")  # type: ignore[misc]
    )
    corner = [[600, 0], [640, 0], [640, 40], [600, 40]]
    config.write_text(config.read_text().replace("fps = 10\n", f"fps = 10\nmasks = [{corner}]\n"))
    assert main(["check", "--config", str(config)]) == 0
    assert "both are burnt in" in capsys.readouterr().out
    camera = start().cameras[0]
    until(lambda: bool(camera.recent), "a frame")
    grey = cv2.imdecode(np.frombuffer(camera.recent[-1].jpeg(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey[105:245, 105:295].max() < 12 and grey[:35, 605:].max() < 12 and grey[260:, 310:].max() > 40


def test_what_the_camera_remembered_of_the_uncovered_picture_goes(
    start: Callable[..., Gateway], config: Path, until: Until
) -> None:
    config.write_text(config.read_text() + "[installer]\nport = 0\n")
    memory = config.parent / "state" / "memory"
    memory.mkdir(parents=True)
    for name in ("cam-1.state.json", "cam-1.reference-1.json", "cam-1.site.toml", "cam-10.state.json"):
        (memory / name).write_text("{}")
    gateway = start()
    until(lambda: gateway.installer is not None and gateway.installer.address is not None, "the page")
    assert gateway.installer is not None and gateway.installer.address is not None
    ring = gateway.recorder._eyes["cam-1"].ring
    until(lambda: len(ring.since(0.0)) > 3, "frames in memory")
    before_s = ring.since(0.0)[-1].t_s
    assert draw(gateway.installer.address, [SQUARE])["saved"]
    assert all(frame.t_s > before_s for frame in ring.since(0.0))
    until(lambda: {p.name for p in memory.iterdir()} == {"cam-1.site.toml", "cam-10.state.json"}, "gone")
