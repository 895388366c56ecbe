"""What a gateway costs: two 720p cameras at 2 frames/s and four sensors on the real road; a network stream apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from lab.figures import Figure
from lab.processes import Processes
from lab.rtsp_server import RtspServer
from lab.town import Town

Say = Callable[[str], None]
_SEED = 101
_WARM_S, _WATCH_S = 30.0, 90.0
_STREAM_S = 20.0
_LIMIT_CPU_PERCENT, _LIMIT_RSS_MB, _LIMIT_START_S = 15.0, 300.0, 5.0


def gateway_cost(folder: Path, say: Say) -> list[Figure]:
    """One gateway process that has the cameras and sensors of two, on a quiet night, delivering over TLS."""
    with Processes(folder / "log") as processes:
        town = Town(folder, processes)
        town.start_street("quiet", _SEED)
        town.start_cloud(console=False)
        both = _both_in_one(town.street.offer()["gateways"])
        name, log = both["gateway"], folder / "log" / f"{both['gateway']}.log"
        config = town.configure_gateway(both)
        processes.smokesentry(name, "gateway", "run", "--config", str(config))
        process = psutil.Process(processes.pid(name))
        processes.wait_for("the first frame judged", lambda: "first frame judged" in _text(log), 60)
        start_s = time.time() - process.create_time()
        say(f"first frame judged after {start_s:.1f} s; {_WARM_S:.0f} s to settle, then {_WATCH_S:.0f} s watched")
        time.sleep(_WARM_S)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(_WATCH_S)
        after = process.cpu_times()
        used = (after.user + after.system - before.user - before.system) / (time.monotonic() - began)
        peak = _peak_rss_kib(process.pid)
        start_cpu_s = before.user + before.system
        say(f"processor time up to the watched part: {start_cpu_s:.1f} s")
    what = f"gateway with {len(both['cameras'])} 720p cameras at 2 frames/s and {len(both['sensors'])} sensors"
    return [
        _against_limit(f"{what}: share of one core", used * 100, "%", _LIMIT_CPU_PERCENT),
        _against_limit(f"{what}: peak resident memory", peak / 1024, "MB", _LIMIT_RSS_MB),
        _against_limit(f"{what}: start to first frame judged", start_s, "s", _LIMIT_START_S),
    ]


def stream_cost(folder: Path, say: Say) -> list[Figure]:
    """Decoding a network camera's H.264, of which two frames a second are then judged: 720p, and a sub-stream."""
    from edge.sources import VideoSource

    figures = []
    for width, height in ((1280, 720), (640, 360)):
        name = f"RTSP, H.264 {width}x{height} at 25 frames/s drained to 2 a second: share of one core"
        if not RtspServer.is_installed():
            say("GStreamer's RTSP server is not installed; its row stays empty")
            figures.append(Figure(name, None, "%"))
            continue
        server = RtspServer(width, height)
        server.start()
        try:
            source = VideoSource(server.address, 2.0)
            source.read()
            used, began, frames = time.process_time(), time.monotonic(), 0
            while time.monotonic() - began < _STREAM_S:
                source.read()
                frames += 1
            share = (time.process_time() - used) / (time.monotonic() - began)
            source.close()
        finally:
            server.stop()
        say(f"{width}x{height}: {frames} frames given")
        figures.append(Figure(name, share * 100, "%"))
    return figures


def _both_in_one(gateways: list[dict[str, Any]]) -> dict[str, Any]:
    """The first gateway with everything that the first two have."""
    first, second = gateways[:2]
    cameras = [*first["cameras"], *second["cameras"]]
    named = [{**camera, "camera": f"cam-{number}"} for number, camera in enumerate(cameras, 1)]
    sensors = [*first["sensors"], *second["sensors"]]
    apart = [{**sensor, "sensor": f"sensor-{number}"} for number, sensor in enumerate(sensors, 1)]
    return {**first, "cameras": named, "sensors": apart}


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _against_limit(name: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(name, value, unit, limit, "the limit", limit)


def _peak_rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise ValueError(f"the kernel does not tell the peak memory of process {pid}")
