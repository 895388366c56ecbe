"""How a gateway is, in words, from the status file that its process writes."""

from __future__ import annotations

import json
import os
from typing import Any

from edge.housekeeping import STATUS_FILE
from edge.settings import GatewaySettings

_FRESH_S = 30.0


def describe(settings: GatewaySettings) -> tuple[list[str], bool]:
    """Lines for people, and whether the process runs and everything works."""
    path = settings.gateway.folder / STATUS_FILE
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return [f"{settings.gateway.name}: has not run yet here (no {path})"], False
    except json.JSONDecodeError:
        return [f"{path}: is damaged; the running gateway writes it anew within seconds"], False
    running = _runs(int(status["pid"]))
    lines = [
        f"{status['gateway']} in {status['tenant']}: {'runs' if running else 'does not run'}"
        f" (status of {status['written_at']}), clock {status['clock']['state']}"
    ]
    good = running & _uplink(status["uplink"], lines)
    depth = ", ".join(f"{lane} {count}" for lane, count in status["health"]["spool_depth"].items())
    lines.append(f"  waiting for the cloud: {depth}; spool {status['spool_bytes'] / 1e6:.1f} MB")
    for camera in status["health"]["cameras"]:
        good &= camera.get("frame_age_s") is not None and camera["frame_age_s"] < _FRESH_S
        cause = f" ({camera['cause']})" if camera.get("cause") else ""
        seen_s = camera["judged_s"] + camera["not_judged_s"]
        share = f", judged {camera['judged_s'] / seen_s:.0%} of {seen_s / 3600:.1f} h" if seen_s else ""
        lines.append(
            f"  camera {camera['camera']}: {camera['verdict']}{cause}; {camera['frames']} frames,"
            f" {camera['unreadable']} unreadable{share}"
        )
    for sensor in status["health"]["sensors"]:
        good &= sensor["connected"]
        how = "connected" if sensor["connected"] else "not connected"
        lines.append(
            f"  sensor {sensor['sensor']} ({sensor['model']}): {how};"
            f" {sensor['frames']} frames, {sensor['rejected']} rejected"
        )
    lines += [f"  {name}: {count}" for name, count in sorted(status["health"]["counts"].items())]
    lines += [f"  note: {notice}" for notice in status["health"]["notices"]]
    return lines, good


def _uplink(uplink: dict[str, Any], lines: list[str]) -> bool:
    problem = f": {uplink['last_problem']}" if uplink["last_problem"] else ""
    how = "connected to" if uplink["connected"] else "not connected to"
    lines.append(f"  {how} {uplink['broker']}{problem}")
    return bool(uplink["connected"])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
