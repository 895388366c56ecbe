"""How a gateway is, in words, from the status file that its process writes."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any

from edge.housekeeping import STATUS_FILE
from edge.refuge import refuge_of
from edge.schedule import OFF_DUTY
from edge.settings import GatewaySettings

_FRESH_S = 30.0
_VIEW_EVERY_S = 2.0


def read_status(settings: GatewaySettings) -> dict[str, Any] | str:
    """The newest status document of this gateway, or a sentence why there is none. A gateway whose disk is broken
    writes it into its refuge in memory."""
    name = settings.gateway.name
    paths = [folder / STATUS_FILE for folder in (settings.gateway.folder, refuge_of(name))]
    found = sorted((path for path in paths if path.is_file()), key=lambda path: path.stat().st_mtime)
    if not found:
        return f"{name}: has not run yet here (no {paths[0]})"
    try:
        status: dict[str, Any] = json.loads(found[-1].read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return f"{found[-1]}: is damaged; the running gateway writes it anew within seconds"
    return status


def show(settings: GatewaySettings, *, once: bool, as_json: bool) -> int:
    """Prints how the gateway is: once, or again and again until Ctrl-C; exit status 0 when all is well."""
    if as_json:
        status = read_status(settings)
        print(json.dumps(status, ensure_ascii=False, indent=1) if isinstance(status, dict) else status)
        return 0 if describe(settings)[1] else 1
    while True:
        lines, good = describe(settings)
        if once:
            print("\n".join(lines))
            return 0 if good else 1
        width, height = shutil.get_terminal_size()
        shown = [line[:width] for line in lines[: height - 2]]
        colour = "\x1b[32m" if good else "\x1b[31m"
        print(f"\x1b[H\x1b[2J{colour}{shown[0]}\x1b[0m", *shown[1:], "Ctrl-C ends this view", sep="\n", flush=True)
        try:
            time.sleep(_VIEW_EVERY_S)
        except KeyboardInterrupt:
            print()
            return 0 if good else 1


def describe(settings: GatewaySettings) -> tuple[list[str], bool]:
    """Lines for people, and whether the process runs and everything works."""
    status = read_status(settings)
    if isinstance(status, str):
        return [status], False
    running = _runs(int(status["pid"]))
    lines = [
        f"{status['gateway']} in {status['tenant']}: {'runs' if running else 'does not run'}"
        f" (status of {status['written_at']}), clock {status['clock']['state']}"
    ]
    good = running & _uplink(status["uplink"], lines)
    depth = ", ".join(f"{lane} {count}" for lane, count in status["health"]["spool_depth"].items())
    lines.append(f"  waiting for the cloud: {depth}; spool {status['spool_bytes'] / 1e6:.1f} MB")
    lines += _site(status["health"])
    for loop in status.get("loops", []):
        if loop["stalled"]:
            good = False
            lines.append(f"  {loop['name']} has not moved for {loop['age_s']:.0f} s")
    for camera in status["health"]["cameras"]:
        fresh = camera.get("frame_age_s") is not None and camera["frame_age_s"] < _FRESH_S
        good &= fresh or camera.get("cause") == OFF_DUTY
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
    lines += _machine(status["health"].get("machine") or {}, status["health"].get("managed") or {})
    lines += [f"  {name}: {count}" for name, count in sorted(status["health"]["counts"].items())]
    lines += [f"  note: {notice}" for notice in status["health"]["notices"]]
    return lines, good


def _site(health: dict[str, Any]) -> list[str]:
    """The site's verdict, maintenance, and the newest nights' coverage."""
    lines = []
    if health.get("verdict"):
        lines.append(f"  the site: {health['verdict']}; {'; '.join(health['verdict_reasons'][:2])}")
    if health.get("maintenance"):
        lines.append(f"  maintenance until {health['maintenance']['until']}: {health['maintenance']['reason']}")
    for row in health.get("coverage", []):
        hours = f"{row['judged_s'] / 3600:.1f} of {row['scheduled_s'] / 3600:.1f} h"
        lines.append(f"  camera {row['camera']}, night of {row['night']}: could judge {hours}")
    return lines


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


def _machine(machine: dict[str, Any], managed: dict[str, dict[str, int]]) -> list[str]:
    parts = [
        (machine.get("temperature_c"), "{:.0f} °C"),
        (machine.get("disk_free_mb"), "{:.0f} MB of disk free"),
        (machine.get("memory_mb"), "{:.0f} MB of memory used"),
        (machine.get("clock_offset_ms"), "clock {:+.0f} ms against the cloud's"),
    ]
    told = [form.format(value) for value, form in parts if value is not None] + list(machine.get("throttled", []))
    lines = [f"  machine: {', '.join(told)}"] if told else []
    words = {"confirmed": "in force", "trial": "on trial", "failed": "taken back"}
    return lines + [
        f"  {kind} {version}: {words[what]}" for what in words for kind, version in managed.get(what, {}).items()
    ]
