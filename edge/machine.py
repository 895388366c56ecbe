"""How the computer is: heat, what holds it back, disk, memory. Everything is null where the machine does not tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from smokesentry.messages.records import Machine

_SYS = Path("/sys")
_PROC = Path("/proc")
_THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"
#: Bits of the Raspberry Pi firmware's word (raspberrypi.com documentation, "vcgencmd get_throttled").
_BITS = {
    0: "under-voltage now",
    1: "slowed down now",
    2: "throttled now",
    3: "at its heat limit now",
    16: "under-voltage since the start",
    17: "slowed down since the start",
    18: "throttled since the start",
    19: "at its heat limit since the start",
}


def look_at_machine(
    folder: Path, clock_offset_s: float | None, *, sys: Path = _SYS, proc: Path = _PROC, ask_firmware: bool = True
) -> Machine:
    """As it is now; ``folder`` is on the disk that counts."""
    free_mb = total_mb = None
    with suppress(OSError):
        usage = shutil.disk_usage(folder)
        free_mb, total_mb = round(usage.free / 1e6, 1), round(usage.total / 1e6, 1)
    return Machine(
        temperature_c=_temperature_c(sys),
        throttled=_throttled(sys, ask_firmware),
        disk_free_mb=free_mb,
        disk_total_mb=total_mb,
        memory_mb=_memory_mb(proc),
        load=round(os.getloadavg()[0], 2),
        clock_offset_ms=None if clock_offset_s is None else round(clock_offset_s * 1000, 1),
    )


def throttled_words(word: int) -> list[str]:
    """The firmware's bits for people."""
    return [text for bit, text in _BITS.items() if word >> bit & 1]


def _temperature_c(sys: Path) -> float | None:
    """The hottest of the kernel's thermal zones."""
    found = []
    for zone in sys.glob("class/thermal/thermal_zone*/temp"):
        with suppress(OSError, ValueError):
            found.append(int(zone.read_text()) / 1000)
    return round(max(found), 1) if found else None


def _throttled(sys: Path, ask_firmware: bool) -> list[str]:
    with suppress(OSError, ValueError):
        return throttled_words(int((sys / _THROTTLED).read_text().strip(), 16))
    tool = shutil.which("vcgencmd") if ask_firmware else None
    if tool is not None:
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            done = subprocess.run([tool, "get_throttled"], capture_output=True, text=True, timeout=2, check=True)
            return throttled_words(int(done.stdout.partition("=")[2], 16))
    return []


def _memory_mb(proc: Path) -> float | None:
    with suppress(OSError, ValueError, StopIteration):
        lines = (proc / "self/status").read_text().splitlines()
        return round(int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1000, 1)
    return None
