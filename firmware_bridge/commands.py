"""``smokesentry sensors``: what one does with a serial sensor on a table or on a roof."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from firmware_bridge.aggregates import MEANS_S
from firmware_bridge.capture import CaptureError
from firmware_bridge.driver import Driver, Reply
from firmware_bridge.emulator import FAULTS
from firmware_bridge.models import DriverConflict, UnknownModel, driver_for, known_models
from firmware_bridge.reading import Reading
from firmware_bridge.render import counts_as_json, reading_as_json
from firmware_bridge.stream import FrameHunter

_CHUNK = 1 << 16
_STABLE_NAMES = Path("/dev/serial/by-id")


def main(argv: list[str]) -> int:
    """serial sensors: list, info, decode, read, capture, replay, emulate"""
    options = _parser().parse_args(argv)
    try:
        if "run" in options:
            return int(options.run(options))
        from firmware_bridge import live_commands  # only these need pyserial

        return int(getattr(live_commands, options.live)(options))
    except (UnknownModel, DriverConflict, CaptureError, OSError) as error:
        print(f"smokesentry sensors: {_in_words(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smokesentry sensors", description=main.__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, summary: str, *arguments: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=summary, description=summary)
        for argument in arguments:
            metavar = "FILE" if argument in ("raw", "capture") else argument.upper()
            one.add_argument(argument, metavar=metavar, help=_ARGUMENT_HELP[argument])
        return one

    action("list", "models that can be read, and the ports of this machine").set_defaults(run=_list)
    info = action(
        "info", "one model's settings, quantities and commands; with a port, the unit that hangs there", "model"
    )
    info.add_argument("port", nargs="?", metavar="PORT", help=_ARGUMENT_HELP["port"])
    info.set_defaults(run=_info)

    decode = action("decode", "raw bytes of one sensor in, one line a reading out", "model", "raw")
    decode.set_defaults(run=_decode)
    read = action("read", "a live table of one sensor", "model", "port")
    read.add_argument("--count", type=int, help="stop after this many readings")
    read.set_defaults(live="read")
    capture = action("capture", "store raw bytes with their times", "model", "port", "capture")
    capture.set_defaults(live="capture")
    replay = action("replay", "readings or means of a capture, as a gateway would have had them", "model", "capture")
    replay.add_argument("--mean", choices=MEANS_S, help="means of this length, not readings")
    replay.set_defaults(live="play_back")
    emulate = action("emulate", "speak any model on a pseudo-terminal", "model")
    emulate.add_argument("--link", metavar="PATH", help="a symbolic link that always points at it")
    emulate.add_argument("--fault", choices=FAULTS, default="none", help="what goes wrong")
    emulate.add_argument("--seed", type=int, default=0, help="of the noise")
    emulate.set_defaults(live="emulate")

    for one in (decode, read, replay):
        one.add_argument("--json", action="store_true", help="one JSON object a line")
    for one in (read, replay):
        one.add_argument(
            "--rh", type=float, metavar="PERCENT", help="humidity for corrections, where the sensor has none"
        )
    for one in (capture, emulate):
        one.add_argument("--seconds", type=float, help="stop after this long")
    return parser


_ARGUMENT_HELP = {
    "model": "the sensor's model, e.g. PMS5003 or SDS011 (see: sensors list)",
    "raw": "a file of raw bytes; - for standard input",
    "capture": "a file as written by `sensors capture`",
    "port": "a device or a pattern, e.g. '/dev/serial/by-id/*CP2102*'",
}


def _list(options: argparse.Namespace) -> int:
    print(f"{'model':<18} {'family':<10} {'baud':>6}  how it is read")
    for model, driver in sorted(known_models().items()):
        print(f"{model:<18} {driver.family:<10} {driver.baud:>6}  {_way(driver)}")
    ports = sorted(_STABLE_NAMES.iterdir()) if _STABLE_NAMES.is_dir() else []
    print("\nports: " + ("\n       ".join(map(str, ports)) or f"none under {_STABLE_NAMES}"))
    return 0


def _way(driver: Driver) -> str:
    if driver.polls:
        return f"asked every {driver.every_s:g} s"
    return "sends by itself" + (f", after {' and '.join(driver.on_open)}" if driver.on_open else "")


def _info(options: argparse.Namespace) -> int:
    driver = driver_for(options.model)
    reading = driver.parse(driver.encode({}))
    names = ", ".join(reading.values) if isinstance(reading, Reading) else "-"
    print(f"model       {driver.model} ({driver.family}; docs/sensors/{driver.family}.md)")
    print(f"line        {driver.baud} baud, 8{driver.parity}1")
    print(f"read        {_way(driver)}")
    print(f"warm-up     {driver.warm_up_s:g} s")
    print(f"gives       {names}")
    for name, message in driver.commands.items():
        print(f"command     {name:<16} {message.hex(' ')}")
    if options.port is None:
        return 0
    from firmware_bridge import live_commands

    return live_commands.ask(options)


def _decode(options: argparse.Namespace) -> int:
    hunter = FrameHunter(driver_for(options.model))
    show = _show_json if options.json else _show_words
    with sys.stdin.buffer if options.raw == "-" else Path(options.raw).open("rb") as source:
        while chunk := source.read(_CHUNK):
            show(hunter.feed(chunk))
    show(hunter.finish())
    counts = hunter.counts
    if options.json:
        print(json.dumps(counts_as_json(counts), ensure_ascii=False))
    else:
        print(f"{counts.frames} frames, {counts.rejected} rejected, {counts.skipped_bytes} bytes skipped", end="")
        print("".join(f"; {cause}: {count}" for cause, count in sorted(counts.causes.items())))
    return 0


def _show_json(found: list[Reading | Reply]) -> None:
    for item in found:
        if isinstance(item, Reading):
            print(json.dumps(reading_as_json(item), ensure_ascii=False))


def _show_words(found: list[Reading | Reply]) -> None:
    for item in found:
        if isinstance(item, Reading):
            values = "  ".join(f"{name} {value:g}" for name, value in item.values.items())
            print(f"{item.quality:<11} {values}" + (f"  ({item.reason})" if item.reason else ""))
        else:
            print(f"reply       {item.kind}: {dict(item.values)}")


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error)
