"""Serial sensors: decode raw bytes, and everything else one does with a sensor on a table."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from firmware_bridge.driver import Reply
from firmware_bridge.models import UnknownModel, driver_for
from firmware_bridge.reading import Reading
from firmware_bridge.stream import FrameHunter, StreamCounts

_CHUNK = 1 << 16


def main(argv: list[str]) -> int:
    """decode serial sensors' bytes into readings (smokesentry sensors --help)"""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except (UnknownModel, OSError) as error:
        print(f"smokesentry sensors: {_in_words(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smokesentry sensors", description=main.__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    decode = actions.add_parser("decode", help="raw bytes of one sensor in, one line a reading out")
    decode.add_argument("model", metavar="MODEL", help="the sensor's model, e.g. PMS5003 or SDS011")
    decode.add_argument("file", metavar="FILE", help="raw bytes as the sensor sent them; - for standard input")
    decode.add_argument("--json", action="store_true", help="one JSON object a line, the last one with the counts")
    decode.set_defaults(run=_decode)
    return parser


def _decode(options: argparse.Namespace) -> int:
    hunter = FrameHunter(driver_for(options.model))
    show = _show_json if options.json else _show_words
    with sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb") as source:
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


def reading_as_json(reading: Reading) -> dict[str, object]:
    """One reading as the commands print it: model, quality, mark, reason, then its values under names with units."""
    head: dict[str, object] = {"model": reading.model, "quality": reading.quality, "mark": reading.mark}
    if reading.reason is not None:
        head["reason"] = reading.reason
    return head | dict(reading.values)


def counts_as_json(counts: StreamCounts) -> dict[str, object]:
    """The last line of ``decode --json``."""
    return {
        "frames": counts.frames,
        "rejected": counts.rejected,
        "skipped_bytes": counts.skipped_bytes,
        "causes": dict(sorted(counts.causes.items())),
    }


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
