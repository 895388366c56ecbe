"""The built wheel outside the checkout: with [edge] alone it is a gateway, with [cloud] alone an ingestor."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from lab.processes import Processes, free_port
from lab.town import toml
from lab.watch import Console

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.system, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("smoke_sentry-*.whl")
    return built


@pytest.fixture(scope="module")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's pins, without hashes: pip cannot mix hashed requirements with a local wheel."""
    text = (ROOT / "requirements.txt").read_text()
    pins = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?(==[^\\\n]*)", text, re.M)
    file = tmp_path_factory.mktemp("pins") / "constraints.txt"
    file.write_text("\n".join(name + rest for name, rest in pins))
    return file


class Installed:
    """An environment with the wheel and one extra, used from a folder outside the checkout."""

    def __init__(self, folder: Path, wheel: Path, extra: str, constraints: Path) -> None:
        self.folder = folder
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
        install = ["install", "--quiet", "--disable-pip-version-check", "-c", str(constraints), f"{wheel}[{extra}]"]
        pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python"), *install]
        done = subprocess.run(pip, capture_output=True, text=True, env=_outside())
        assert done.returncode == 0, done.stderr
        self.bin = venv / "bin"

    def smokesentry(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.bin / "smokesentry"), *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=_outside(), timeout=600)

    def python(self, code: str) -> str:
        command = [str(self.bin / "python"), "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=_outside())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def lacks(self, *modules: str) -> bool:
        found = self.python(f"import importlib.util as u; print([m for m in {modules!r} if u.find_spec(m)])")
        return found == "[]"


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, wheel: Path, constraints: Path) -> Installed:
    return Installed(tmp_path_factory.mktemp("edge"), wheel, "edge", constraints)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, wheel: Path, constraints: Path) -> Installed:
    return Installed(tmp_path_factory.mktemp("cloud"), wheel, "cloud", constraints)


def test_the_wheel_carries_every_room_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if not name.startswith("smoke_sentry-")}
    rooms = {"smokesentry", "firmware_bridge", "detector", "edge", "cloud_ingest", "hardware", "simulator", "lab"}
    assert tops == rooms
    assert any(name.endswith(".tflite") for name in names)
    for folder in ("cloud_ingest/console/templates/", "cloud_ingest/console/static/", "hardware/systemd/"):
        assert any(name.startswith(folder) for name in names), folder


def test_edge_alone_decodes_sensor_bytes(edge: Installed) -> None:
    stream = edge.folder / "line.bin"
    stream.write_bytes(b"\x00garbage" + bytes.fromhex("aac0d4043a0aa1601dab") * 2)
    done = edge.smokesentry("sensors", "decode", "SDS011", str(stream), "--json")
    assert done.returncode == 0, done.stderr
    *readings, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(readings) == 2
    assert last["frames"] == 2
    assert last["skipped_bytes"] == 8


def test_edge_alone_judges_footage(edge: Installed) -> None:
    make = (
        "import cv2, numpy as np, pathlib\n"
        "rng = np.random.default_rng(5); folder = pathlib.Path('frames'); folder.mkdir()\n"
        "still = cv2.GaussianBlur(rng.integers(20, 120, (180, 320)).astype(np.uint8), (9, 9), 3)\n"
        "for n in range(40):\n"
        "    noisy = np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)\n"
        "    cv2.imwrite(str(folder / f'{n:04d}.jpg'), noisy)\n"
    )
    edge.python(make)
    done = edge.smokesentry("replay", "--camera", "frames", "--fps", "2", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((edge.folder / "out.json").read_text())
    assert result["frames"] == 40
    assert result["verdict"] == "not_suspected"


def test_edge_alone_explains_a_wrong_configuration(edge: Installed) -> None:
    (edge.folder / "gateway.toml").write_text('[gateway]\nnmae = "gw-1"\n')
    done = edge.smokesentry("gateway", "check", "--config", "gateway.toml")
    assert done.returncode != 0
    assert "did you mean 'name'?" in done.stdout + done.stderr


def test_edge_alone_says_what_the_cloud_would_need(edge: Installed) -> None:
    _configure_cloud(edge.folder, port=0)
    done = edge.smokesentry("cloud", "console", "--config", "cloud.toml")
    assert done.returncode == 3, done.stderr
    assert "pip install 'smoke-sentry[cloud]'" in done.stderr
    assert (
        edge.python("import importlib.util as u; print(u.find_spec('fastapi'), u.find_spec('shapely'))") == "None None"
    )


def test_cloud_alone_founds_an_authority(cloud: Installed) -> None:
    done = cloud.smokesentry("ca", "init", "authority")
    assert done.returncode == 0, done.stderr
    assert (cloud.folder / "authority" / "ca.crt").exists()
    assert cloud.lacks("cv2", "serial")


def test_cloud_alone_takes_footprints_and_serves_the_page(cloud: Installed) -> None:
    square = [[115.70, 38.30], [115.7001, 38.30], [115.7001, 38.3001], [115.70, 38.3001], [115.70, 38.30]]
    roof = {"kind": "rooftop", "rooftop": "r-1", "height_m": 5.0, "name": "丽景街 1 号"}
    feature = {"type": "Feature", "properties": roof, "geometry": {"type": "Polygon", "coordinates": [square]}}
    (cloud.folder / "roofs.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    port = free_port()
    _configure_cloud(cloud.folder, port)
    imported = cloud.smokesentry("cloud", "import", "--config", "cloud.toml", "footprints")
    assert imported.returncode == 0, imported.stderr
    with Processes(cloud.folder / "log") as processes:
        console = Console(f"http://127.0.0.1:{port}")
        command = [str(cloud.bin / "smokesentry"), "cloud", "console", "--config", str(cloud.folder / "cloud.toml")]
        processes.start("console", command)
        processes.wait_for("the page", console.answers, 300)
        (found,) = console.get("/api/town")["rooftops"]["features"]
        assert found["properties"]["name"] == "丽景街 1 号"
        with urllib.request.urlopen(f"{console.address}/", timeout=60) as page:
            assert "maplibre" in page.read().decode()


def _configure_cloud(folder: Path, port: int) -> None:
    (folder / "cloud.toml").write_text(
        toml(
            {
                "cloud": {"folder": "store", "tenants": ["lijing"]},
                "broker": {"plaintext": True},
                "ca": {"folder": "authority"},
                "signing": {"key": "cloud.key", "certificate": "cloud.crt"},
                "town": {"footprints": "roofs.geojson"},
                "console": {"port": port},
            }
        )
    )
