"""``smokesentry replay``: what would the gateway have said about this recording?"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.replay import Replayed, SerialBytes

_VERDICTS = {
    "suspected": "SUSPECTED: a plume that may be solid-fuel smoke was seen. A lead, not a proof. 疑似烟气（线索）",
    "not_suspected": "not suspected: no smoke was seen. That is no proof that nothing burned. 未见烟气",
    "cannot_judge": "cannot judge: for most of the time the material did not allow a judgement. 无法判断",
}


class _Usage(ValueError):
    """Something on the command line cannot be used."""


def main(argv: list[str]) -> int:
    """run recorded frames and sensor bytes through the gateway's code (smokesentry replay --help)"""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    from detector.model import ModelError
    from edge.taken import SourceError
    from firmware_bridge.models import UnknownModel
    from smokesentry.settings import SettingsError

    try:
        return _replay(options)
    except (SourceError, ModelError, UnknownModel, SettingsError, _Usage, OSError) as error:
        print(f"smokesentry replay: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smokesentry replay", description=main.__doc__)
    parser.add_argument("--camera", required=True, type=Path, metavar="FOLDER_OR_VIDEO")
    parser.add_argument(
        "--fps", type=float, default=2.0, metavar="N",
        help="folder: frames a second (2); video: how many of its frames a second are judged (2)",
    )  # fmt: skip
    parser.add_argument(
        "--serial", action="append", default=[], metavar="MODEL:FILE",
        help="a sensor's raw bytes, recorded over the same time; may be given several times",
    )  # fmt: skip
    parser.add_argument("--site", type=Path, metavar="SITE.toml", help="pose, chimneys, masks, weather")
    parser.add_argument("--picture", type=Path, metavar="OUT.png", help="the strongest detection drawn on its frame")
    parser.add_argument("--publish", type=Path, metavar="GATEWAY.toml", help="send what was decided as this gateway")
    parser.add_argument("--json", required=True, type=Path, metavar="OUT", help="where the result goes; - for stdout")
    return parser


def _replay(options: argparse.Namespace) -> int:
    import cv2

    from edge.replay import open_material, replay
    from edge.settings import load_gateway_settings
    from edge.site import Site
    from smokesentry.settings import load_settings

    cv2.setNumThreads(1)
    if not 0 < options.fps <= 1000:
        raise _Usage(f"--fps {options.fps:g}: expected more than 0 and at most 1000 frames a second")
    site = load_settings(options.site, Site) if options.site is not None else Site()
    target = load_gateway_settings(options.publish) if options.publish is not None else None
    serials = [_serial(text, at) for at, text in enumerate(options.serial)]
    source, length_s = open_material(options.camera, options.fps)
    say = _Progress(length_s)
    done = replay(
        source,
        options.fps,
        length_s,
        gateway=target.gateway.name if target is not None else "replay",
        site=site,
        serials=serials,
        began_unix_s=float(int(time.time() - length_s)),  # the material ends now, so that nothing lies in the future
        progress=say.step,
    )
    source.close()
    _tell(done, serials)
    text = json.dumps(done.as_json(), ensure_ascii=False, indent=1)
    if str(options.json) == "-":
        print(text)
    else:
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.picture is not None:
        _draw(done, options.picture)
    if target is not None:
        from edge.publish import publish

        return publish(target, done, site, say.line)
    return 0


def _serial(text: str, at: int) -> SerialBytes:
    from edge.replay import SerialBytes
    from firmware_bridge.models import driver_for

    model, colon, file = text.partition(":")
    if not colon or not model or not file:
        raise _Usage(f"--serial {text!r}: expected MODEL:FILE, for example PMS7003:night.bin")
    return SerialBytes(f"sensor-{at + 1}", driver_for(model).model, Path(file).read_bytes())


def _tell(done: Replayed, serials: list[SerialBytes]) -> None:
    out = sys.stderr
    print(_VERDICTS[done.verdict], file=out)
    minutes = f"judged {done.judged_s:.0f} s, not judged {done.not_judged_s:.0f} s"
    print(f"{done.frames} frames, {done.unreadable} unreadable; {minutes}", file=out)
    for cause, count in sorted(done.causes.items(), key=lambda item: -item[1]):
        print(f"  {count} frames could not be judged: {cause}", file=out)
    for serial in serials:
        print(serial.words(), file=out)
    for detection in done.detections.values():
        x, y = detection.origin_px
        print(
            f"{detection.plume_class} at ({x:.0f}, {y:.0f}) from {done.seconds(detection.started_at):.1f} s"
            f" to {done.seconds(detection.last_seen_at):.1f} s, known at {done.seconds(detection.alarmed_at):.1f} s,"
            f" confidence {detection.confidence:.2f}",
            file=out,
        )
        for reason in detection.reasons:
            print(f"  - {reason}", file=out)


def _draw(done: Replayed, path: Path) -> None:
    import cv2

    from edge.frames import decode_image
    from edge.previews import mark

    if done.best_frame is None:
        print(f"{path}: not drawn, there was no readable frame", file=sys.stderr)
        return
    image = decode_image(done.best_frame.jpeg())
    seconds = f"{done.best_frame.t_s:.1f} s"
    if done.strongest is None:
        image = mark(image, None, None, "", f"{done.verdict.replace('_', ' ')}, last frame, {seconds}")
    else:
        found = done.strongest
        label = f"{found.plume_class} {found.confidence:.0%}"
        image = mark(image, found.origin_px, found.bbox_px, label, f"{done.verdict.replace('_', ' ')}, {seconds}")
    if not cv2.imwrite(str(path), image):
        raise _Usage(
            f"--picture {path}: cannot be written; give a name that ends in .png or .jpg in a folder that exists"
        )


class _Progress:
    """A line every two seconds, on standard error."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._said_s = time.monotonic()

    def step(self, frames: int, share: float) -> None:
        """So far."""
        if time.monotonic() - self._said_s >= 2.0:
            self._said_s = time.monotonic()
            self.line(f"{frames} frames" + (f", {share:.0%} of {self._length_s:.0f} s" if self._length_s else ""))

    def line(self, text: str) -> None:
        """One line."""
        print(text, file=sys.stderr, flush=True)
