"""The real sequences and captures beside the repository, through `smokesentry replay` and `sensors decode`, as a page.

``python -m lab.real_footage DATA PAGE``: DATA is the folder with ``smoke/index.csv`` and ``sensors/captures.json``.
Reads in place; no picture enters the page, because the footage is not ours.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

_FPS = 0.5  # their true cadence is seconds to minutes; two seconds a frame lets the ten-second start-up end

_NIGHT_FPS = 2.0  # what the composites' frames are meant as
_QUIET_S, _NIGHT_S = 25.0, 70.0

_HEAD = f"""# Real material, run through the product

Made by `python -m lab.real_footage ../shared/data docs/real-footage.md`; change nothing by hand.

**What this can show.** The real sequences were filmed by day, with seconds to minutes between frames; {_FPS}
frames/s is *assumed*, so that the detector's ten-second start-up ends. They test appearance and robustness. A
detector that lives on how smoke moves from one half second to the next cannot be judged by them, and a miss
here is no surprise; it is a miss all the same. Composites are real smoke drawn over real night scenes, ten
frames each, with a smokeless twin. No public footage of chimney smoke at night exists: a town's own clips are
the first real test (`smokesentry replay`).

"""

_NIGHTS = f"""## Composites as nights

Ten frames are five seconds at the {_NIGHT_FPS:.0f} frames/s that they are meant as. Here each composite is played to
and fro at that pace for {_NIGHT_S:.0f} s: behind {_QUIET_S:.0f} s of its smokeless twin, from the first frame on, and
the twin alone. Whoever made them is not who made the training nights; filmed smoke that runs to and fro is still no
real plume.

"""


def main(argv: list[str]) -> int:
    """Runs everything and writes the page."""
    data, page = Path(argv[0]), Path(argv[1])
    lines = ["| sequence | shows | kind | frames | verdict | detections | first alarm |", "|" + " --- |" * 7]
    found = _sequences(data / "smoke" / "index.csv")
    for name, rows in sorted(found.items()):
        print(name, file=sys.stderr)
        result = _replay([data / "smoke" / row["file"] for row in rows])
        kind = "real" if rows[0]["synthetic"] == "no" else "composited"
        alarms = [f"{d['class']} {d['confidence']:.2f}" for d in result["detections"]]
        first = min((d["alarm_s"] for d in result["detections"]), default=None)
        shows = f"{rows[0]['class'].split('/')[-1].split('_')[0]}, {rows[0]['light']}"
        lines.append(
            f"| {name} | {shows} | {kind} | {result['frames']} | {result['verdict']} | {', '.join(alarms) or '–'} "
            f"| {'–' if first is None else f'frame {first * _FPS:.0f}'} |"
        )
    nights = _NIGHTS + "\n".join(_as_nights(data / "smoke", found)) + "\n\n"
    text = _HEAD + "## Footage\n\n" + "\n".join(lines) + "\n\n" + nights + "## Serial captures\n\n" + _captures(data)
    page.write_text(text, encoding="utf-8")
    return 0


def _sequences(index: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with index.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "sequence" and row["synthetic"] != "matte":
                found[row["sequence"]].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: row["file"])
    return found


def _as_nights(smoke: Path, found: dict[str, list[dict[str, str]]]) -> list[str]:
    """A row a composite: seconds from the first smoke to the alarm."""
    lines = ["| composite | begins during the night | there from the start | its twin |", "|" + " --- |" * 4]
    for name, rows in sorted(found.items()):
        twin = found.get(f"{name}_nosmoke")
        if twin is None:
            continue
        print(f"{name} as nights", file=sys.stderr)
        plume, clear = ([smoke / row["file"] for row in some] for some in (rows, twin))
        quiet, whole = int(_QUIET_S * _NIGHT_FPS), int(_NIGHT_S * _NIGHT_FPS)
        cells = []
        for frames, begins_s in (
            (_to_and_fro(clear, quiet) + _to_and_fro(plume, whole - quiet), _QUIET_S),
            (_to_and_fro(plume, whole), 0.0),
            (_to_and_fro(clear, whole), 0.0),
        ):
            alarms = [(one["alarm_s"] - begins_s, one["class"]) for one in _replay(frames, _NIGHT_FPS)["detections"]]
            cells.append(", ".join(f"{after:.0f} s: {kind}" for after, kind in alarms) or "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _to_and_fro(frames: list[Path], count: int) -> list[Path]:
    around = frames + frames[-2:0:-1]
    return [around[number % len(around)] for number in range(count)]


def _replay(frames: list[Path], fps: float = _FPS) -> dict[str, Any]:
    """The product's own answer for these files, in this order."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary) / "frames", Path(temporary) / "out.json"
        folder.mkdir()
        for number, frame in enumerate(frames):
            (folder / f"{number:05d}{frame.suffix}").symlink_to(frame.resolve())
        words = ["replay", "--camera", str(folder), "--fps", str(fps), "--json", str(out)]
        subprocess.run([sys.executable, "-m", "smokesentry", *words], check=True, capture_output=True)
        result: dict[str, Any] = json.loads(out.read_text())
        return result


def _captures(data: Path) -> str:
    captures = json.loads((data / "sensors" / "captures.json").read_text(encoding="utf-8"))
    by_sensor: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for capture in captures:
        by_sensor[capture["sensor"]].append(capture)
    lines = ["| sensor | captures | meant as valid | frames decoded | rejected |", "| --- | --- | --- | --- | --- |"]
    for sensor, group in sorted(by_sensor.items()):
        counts = [_decode(sensor, bytes.fromhex(capture["hex"])) for capture in group]
        good = sum(capture["kind"] == "good" for capture in group)
        frames, rejected = (sum(c[key] for c in counts) for key in ("frames", "rejected"))
        lines.append(f"| {sensor} | {len(group)} | {good} | {frames} | {rejected} |")
    return "\n".join(lines) + "\n"


def _decode(sensor: str, raw: bytes) -> dict[str, Any]:
    command = [sys.executable, "-m", "smokesentry", "sensors", "decode", sensor, "-", "--json"]
    done = subprocess.run(command, input=raw, capture_output=True, check=True)
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return last


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
