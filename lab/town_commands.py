"""What a town does with its own clips: label, footage, fine-tune; and soak, steady, cues and stages, for the lab. Words
of ``smokesentry lab``, each with its options."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

WORDS = ("label", "footage", "fine-tune", "soak", "steady", "cues", "stages")


def add_words(words: Any) -> None:
    """Adds the words to ``smokesentry lab``'s parser."""
    label = words.add_parser("label", help="a small page on this computer to mark what a town's own clips show")
    label.add_argument("folder", type=Path, help="a folder of clips: folders of pictures, or video files")
    label.add_argument(
        "--fps", type=float, default=2.0, help="the pace of the pictures, or how many of a video's to see"
    )
    label.add_argument("--port", type=int, default=8765)
    footage = words.add_parser("footage", help="judge the detector on labelled clips: recall, false alerts an hour")
    footage.add_argument("folder", type=Path)
    footage.add_argument("--json", type=Path, help="every clip, for looking")
    tune = words.add_parser(
        "fine-tune", help="adapt the detector to labelled clips; refused where held-out clips suffer"
    )
    tune.add_argument("folder", type=Path)
    tune.add_argument("--out", type=Path, default=Path("build/fine-tuned"))
    tune.add_argument("--calibration-only", action="store_true", help="leave the network's last layer as it is")
    tune.add_argument("--ship", action="store_true", help="put it into the installed package if nothing became worse")
    soak = words.add_parser("soak", help="does the detector grow? resident memory over very many frames")
    soak.add_argument("--frames", type=int, default=100_000)
    soak.add_argument("--cameras", type=int, default=2)
    soak.add_argument("--json", type=Path)
    steady = words.add_parser("steady", help="is a plume that burns on and on taken into the background?")
    steady.add_argument("--nights", type=int, default=6)
    steady.add_argument("--minutes", type=float, default=45.0)
    steady.add_argument("--docs", type=Path, help="a page whose table between the marks is replaced")
    cues = words.add_parser("cues", help="what each cue of a plume's course is worth, with it and without it")
    cues.add_argument("--nights", type=int, default=24, help="of each kind: smoke, steam, look-alikes")
    cues.add_argument("--json", type=Path)
    stages = words.add_parser("stages", help="what each stage of the detector is worth: nights without it")
    stages.add_argument("--scale", type=float, default=0.1)
    stages.add_argument("--processes", type=int, default=2)
    stages.add_argument("--data", type=Path, default=Path("../shared/data"))
    stages.add_argument("--docs", type=Path, help="a page whose table between the marks is replaced")


def run(options: argparse.Namespace) -> int:
    """Runs one of :data:`WORDS`."""
    from detector.clip import ClipError
    from detector.model import ModelError
    from lab.labels import LabelsError

    try:
        return _RUN[options.word](options)
    except (LabelsError, ClipError, ModelError, OSError) as error:
        print(f"smokesentry lab {options.word}: {error}", file=sys.stderr)
        return 2


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _label(options: argparse.Namespace) -> int:
    import uvicorn

    from lab.label_app import make_app

    app = make_app(options.folder, options.fps)
    print(f"http://127.0.0.1:{options.port}/ — labels go to {options.folder / 'labels.json'}; Ctrl-C ends", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
    return 0


def _footage(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from lab.footage import evaluate_footage, markdown

    rows = evaluate_footage(options.folder)
    if not rows:
        print(f"{options.folder}: no clip is labelled yet; `smokesentry lab label {options.folder}`", file=sys.stderr)
        return 2
    print(markdown(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    return 0


def _tune(options: argparse.Namespace) -> int:
    from lab.fine_tune import TooFewLabels, fine_tune, ship

    try:
        tuned = fine_tune(options.folder, options.out, not options.calibration_only, _say)
    except TooFewLabels as error:
        print(f"smokesentry lab fine-tune: {error}", file=sys.stderr)
        return 2
    c = tuned.calibration
    print(f"last layer: {tuned.last_layer}")
    print(f"threshold {c.alarm_threshold:.3f}, confidence slope {c.slope:.3f}, intercept {c.intercept:.3f}")
    print(f"held-out clips before: {tuned.before.words()}\nheld-out clips after:  {tuned.after.words()}")
    if tuned.refused is not None:
        print(f"not shipped: on the {len(tuned.held_out_clips)} held-out clips {tuned.refused}")
        return 1
    if options.ship:
        ship(options.out)
        print("shipped into the installed package; the manifest before it is weights/before.json")
    else:
        print(f"{options.out} may be shipped: run again with --ship")
    return 0


def _soak(options: argparse.Namespace) -> int:
    import cv2

    from lab.detector_soak import soak

    cv2.setNumThreads(1)
    told = soak(options.frames, options.cameras, _say).as_json()
    print(json.dumps(told, indent=1))
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def _steady(options: argparse.Namespace) -> int:
    import cv2

    from lab.report import replace_between
    from lab.steady import steady, table

    cv2.setNumThreads(1)
    told = table(steady(options.nights, options.minutes, _say), options.minutes)
    print(told)
    if options.docs:
        replace_between(options.docs, "steady", told)
    return 0


def _cues(options: argparse.Namespace) -> int:
    from lab.cue_ablation import collect, table

    seen = collect(options.nights, _say)
    if options.json:
        options.json.write_text("".join(json.dumps(one.as_json()) + "\n" for one in seen), encoding="utf-8")
    print(table(seen))
    return 0


def _stages(options: argparse.Namespace) -> int:
    from lab.report import replace_between
    from lab.stage_ablation import ablate, suite, table

    nights = suite(options.scale, options.data if options.data.is_dir() else None)
    told = table(ablate(nights, options.processes, _say))
    print(told)
    if options.docs:
        replace_between(options.docs, "stages", told)
    return 0


_RUN = {
    "label": _label,
    "footage": _footage,
    "fine-tune": _tune,
    "soak": _soak,
    "steady": _steady,
    "cues": _cues,
    "stages": _stages,
}
