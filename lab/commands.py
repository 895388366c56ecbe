"""Training and judging the detector: make-data, train, evaluate, card (training environment: lab/requirements-
train.txt)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lab.town_commands import WORDS, add_words, run


def main(argv: list[str]) -> int:
    """Training data, training, judging and the model card of the detector."""
    parser = argparse.ArgumentParser(prog="smokesentry lab", description=main.__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    make = words.add_parser("make-data", help="draw nights and keep what the network would see of them")
    make.add_argument("--out", type=Path, required=True, help="a folder of its own")
    make.add_argument("--nights", type=int, default=3000)
    make.add_argument("--first-seed", type=int, default=0)
    make.add_argument("--kind", choices=["any", "start-up"], default="any", help="start-up: smoke there from the start")
    train = words.add_parser("train", help="train and convert; needs the training environment")
    train.add_argument("--data", type=Path, nargs="+", required=True, help="folders that make-data wrote")
    train.add_argument("--check", type=Path, help="a folder of tuning nights, to see how it goes meanwhile")
    train.add_argument("--steps", type=int, default=10000, help="of each member")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--members", type=int, default=2, help="trainings of which the network is the mean")
    train.add_argument("--keep", type=Path, help="a folder: each member goes on from its weights there, and keeps them")
    train.add_argument("--name", default="plume-8")
    train.add_argument("--out", type=Path, default=Path("detector/weights"))
    judge = words.add_parser("evaluate", help="judge the committed model on nights that training never saw")
    judge.add_argument("--scale", type=float, default=1.0, help="1 is the whole table; 0.1 a quick look")
    judge.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="real pictures, judged apart when there"
    )
    judge.add_argument("--json", type=Path, help="one line a night, for looking")
    judge.add_argument("--calibrate", action="store_true", help="tuning seeds instead; sets threshold and confidence")
    judge.add_argument("--docs", type=Path, help="a page whose table between the marks is replaced")
    card = words.add_parser("card", help="write the model card from the manifest and a judged table")
    card.add_argument("--rows", type=Path, required=True, help="what evaluate --json wrote")
    for each in (make, judge):
        each.add_argument("--processes", type=int, default=2)
    add_words(words)
    options = parser.parse_args(argv)
    if options.word in WORDS:
        return run(options)
    return {"make-data": _make, "train": _train, "evaluate": _evaluate, "card": _card}[options.word](options)


def _make(options: argparse.Namespace) -> int:
    import numpy as np

    from lab.make_data import make
    from lab.scenes.night import start_up_recipe
    from lab.scenes.seeds import TRAIN, TUNE

    last = options.first_seed + options.nights - 1
    if not any(options.first_seed in seeds and last in seeds for seeds in (TRAIN, TUNE)):
        print(
            f"training seeds are {TRAIN.start} to {TRAIN.stop - 1}, tuning seeds {TUNE.start} to {TUNE.stop - 1}; "
            f"asked for {options.first_seed} to {last}",
            file=sys.stderr,
        )
        return 2
    seeds = range(options.first_seed, last + 1)
    start_up = options.kind == "start-up"
    jobs = [(seed, start_up_recipe(np.random.default_rng(seed)) if start_up else None) for seed in seeds]
    total = make(jobs, options.out, options.processes)
    print(f"{total} moments of {options.nights} nights in {options.out}")
    return 0


def _train(options: argparse.Namespace) -> int:
    try:
        from lab.train import export, train_members
    except ImportError as error:
        print(
            f"{error}; install lab/requirements-train.txt into an environment of its own and run this there",
            file=sys.stderr,
        )
        return 2
    seeds = range(options.seed, options.seed + options.members)
    models, rounds = train_members(options.data, options.steps, seeds, options.keep, options.check)
    export(models, options.out, options.name, {"seeds": list(seeds), "rounds": rounds})
    print(f"wrote {options.out / options.name}.tflite; now run `smokesentry lab evaluate`")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from lab.calibrate import write
    from lab.evaluate import evaluate, save
    from lab.report import replace_between
    from lab.scenes.seeds import TUNE
    from lab.suites import cases
    from lab.tables import markdown

    data = options.data if (options.data / "smoke" / "index.csv").exists() else None
    if data is None:
        print(f"{options.data}: no real pictures there; judging drawn nights only", file=sys.stderr)
    if options.calibrate:
        tuned = evaluate(list(cases(options.scale, data, TUNE.start)), options.processes)
        if options.json:
            save(tuned, options.json)
        print(f"set {write(tuned, _manifest())}")
        return 0
    rows = evaluate(list(cases(options.scale, data)), options.processes)
    if options.json:
        save(rows, options.json)
    table = markdown(rows)
    print(table)
    if options.docs:
        replace_between(options.docs, "evaluate", table)
    return 0


def _manifest() -> Path:
    from importlib import resources

    return Path(str(resources.files("detector") / "weights" / "manifest.json"))


def _card(options: argparse.Namespace) -> int:
    from lab.report import write_card

    print(f"wrote {write_card(options.rows)}")
    return 0
