"""Puts units, rules and boot settings in place on a machine. Running it again changes nothing and says so.

It copies and edits files below a root folder and starts nothing; ``provisioning/install.sh`` does the rest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hardware import text_of
from hardware.wiring import Wiring, load_wiring

#: Role of the machine -> package file -> where it goes.
TARGETS = {
    "gateway": {
        "systemd/smokesentry-gateway.service": "etc/systemd/system/smokesentry-gateway.service",
        "systemd/sysusers.conf": "etc/sysusers.d/smokesentry.conf",
        "systemd/watchdog.conf": "etc/systemd/system.conf.d/60-smokesentry.conf",
        "systemd/journald.conf": "etc/systemd/journald.conf.d/60-smokesentry.conf",
        "udev/60-smokesentry.rules": "etc/udev/rules.d/60-smokesentry.rules",
    },
    "cloud": {
        "systemd/smokesentry-ingest.service": "etc/systemd/system/smokesentry-ingest.service",
        "systemd/smokesentry-evidence.service": "etc/systemd/system/smokesentry-evidence.service",
        "systemd/smokesentry-influx.service": "etc/systemd/system/smokesentry-influx.service",
        "systemd/smokesentry-console.service": "etc/systemd/system/smokesentry-console.service",
        "systemd/sysusers.conf": "etc/sysusers.d/smokesentry.conf",
    },
}

_MODEL = "proc/device-tree/model"
_BOOT = ("boot/firmware", "boot")  # Raspberry Pi OS from 12 on, and before
_BEGIN, _END = "# smokesentry begin", "# smokesentry end"


def install(role: str, root: Path) -> list[str]:
    """Brings every file to its place below ``root`` and gives, in words, what was changed. Raises ``OSError``."""
    changes = [_put(root / target, text_of(source)) for source, target in TARGETS[role].items()]
    if role == "gateway":
        changes += _boot(root)
    return [change for change in changes if change]


def pi_generation(model: str) -> str | None:
    """``pi4`` or ``pi5`` from the model's name in the device tree; None for any other machine."""
    for generation, names in (
        ("pi4", ("Raspberry Pi 4", "Raspberry Pi Compute Module 4")),
        ("pi5", ("Raspberry Pi 5", "Raspberry Pi Compute Module 5")),
    ):
        if model.startswith(names):
            return generation
    return None


def boot_lines(generation: str, wiring: Wiring) -> list[str]:
    """The lines of ``config.txt`` that switch on the buses of the wiring table."""
    overlays = [getattr(bus, generation).get("overlay") for bus in wiring.buses.values()]
    return ["enable_uart=1", "dtparam=i2c_arm=on", *(f"dtoverlay={overlay}" for overlay in overlays if overlay)]


def with_block(text: str, lines: Sequence[str]) -> str:
    """``config.txt`` with our marked block at its end, replacing an earlier one; the rest stays as it is."""
    before, _, rest = text.partition(f"{_BEGIN}\n")
    after = rest.partition(f"{_END}\n")[2] if rest else ""
    kept = (before + after).rstrip("\n")
    # [all] because the lines before may be inside a section for one model.
    return "\n".join([*([kept, ""] if kept else []), _BEGIN, "[all]", *lines, _END, ""])


def without_serial_console(command_line: str) -> str:
    """``cmdline.txt`` without a login console on the header's UART, which would talk to the sensor."""
    words = [
        w for w in command_line.split() if not w.startswith(("console=serial0", "console=ttyAMA0", "console=ttyS0"))
    ]
    return " ".join(words) + "\n"


def _boot(root: Path) -> list[str]:
    model_file = root / _MODEL
    generation = pi_generation(model_file.read_text().rstrip("\0")) if model_file.exists() else None
    boot = next((root / place for place in _BOOT if (root / place / "config.txt").exists()), None)
    if generation is None or boot is None:
        return ["not a Raspberry Pi 4 or 5: boot settings left alone; use USB adapters"]
    config, command_line = boot / "config.txt", boot / "cmdline.txt"
    changes = [_put(config, with_block(config.read_text(), boot_lines(generation, load_wiring())))]
    if command_line.exists():
        changes.append(_put(command_line, without_serial_console(command_line.read_text())))
    return changes


def _put(path: Path, text: str) -> str:
    """Writes only what differs, so that a reader or a power cut sees the old file or the new; says what it did."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return ""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.chmod(0o644)
    fresh.replace(path)
    return f"{path}: written"
