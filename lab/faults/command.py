"""``smokesentry faults``: the soak, the kills, the torn media, the volumes; one ledger, one page."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.faults.soak import Soaked
    from lab.figures import Figure

    Say = Callable[[str], None]

_PARTS = ("soak", "kills", "torn", "volume")


def main(argv: list[str]) -> int:
    """Faults to order: everything breaks on a timetable, and every detection must arrive exactly once."""
    parser = argparse.ArgumentParser(prog="smokesentry faults", description=main.__doc__)
    parser.add_argument("parts", nargs="*", help=f"default: {' '.join(_PARTS)}")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="length of the soak (10)")
    parser.add_argument("--orders", type=Path, metavar="FILE", help="another timetable than the soak's own")
    parser.add_argument("--kills", type=int, default=2000, metavar="N", help="how often a spool's process dies (2000)")
    parser.add_argument("--steps", type=int, default=60, metavar="N", help="steps whose media are torn (60)")
    parser.add_argument("--out", type=Path, default=Path("build"), help="where faults.json and faults.md go")
    options = parser.parse_args(argv)
    if unknown := set(options.parts) - set(_PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}")

    from lab.faults.disk import enter_namespace

    enter_namespace()
    from lab.faults.orders import OrdersError, read_orders, write_orders
    from lab.faults.soak import plan

    try:
        timetable = plan(options.minutes) if options.orders is None else read_orders(options.orders)
    except OrdersError as error:
        print(error, file=sys.stderr)
        return 2
    folder: Path = options.out / "faults-work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "orders.toml").write_text(write_orders(timetable), encoding="utf-8")
    return _run(options, folder, _sayer())


def _run(options: argparse.Namespace, folder: Path, say: Say) -> int:
    from lab.faults.orders import read_orders
    from lab.figures import page, write_figures

    parts = options.parts or list(_PARTS)
    figures: list[Figure] = []
    report: list[str] = []
    wrong = 0
    # The forks of `kills` come first, while this process has no threads.
    if "kills" in parts:
        wrong += _kills(folder, options.kills, figures, report, say)
    if "torn" in parts:
        wrong += _torn(folder, options.steps, figures, report, say)
    if "soak" in parts:
        from lab.faults.soak import soak

        soaked = soak(read_orders(folder / "orders.toml"), folder / "soak", say)
        wrong += _account(soaked, figures, report)
    if "volume" in parts:
        from lab.faults.volume import durable_rate, night_and_outage

        figures += durable_rate(folder / "rate", 5.0)
        figures += night_and_outage(folder / "volume", 120.0, say)
    write_figures(figures, options.out, "faults", "Faults to order")
    text = page(figures, "Faults to order") + "\n```\n" + "\n".join(report) + "\n```\n"
    (options.out / "faults.md").write_text(text, encoding="utf-8")
    print(text)
    print("every promise was kept" if not wrong else f"{wrong} promises were broken", flush=True)
    return 1 if wrong else 0


def _kills(folder: Path, count: int, figures: list[Figure], report: list[str], say: Say) -> int:
    from lab.faults.kills import kill_often
    from lab.figures import Figure

    say(f"kill -9, {count} times")
    killed = kill_often(folder / "kills", count, seed=1)
    figures.append(Figure("spool: lives ended by kill -9", killed.kills, "kills"))
    figures.append(Figure("spool: promises made in them", killed.promised, "records"))
    figures.append(Figure("spool: promises broken by kill -9", len(killed.wrong), "records", 0))
    report += [f"kill -9: {one}" for one in killed.wrong]
    return len(killed.wrong)


def _torn(folder: Path, steps: int, figures: list[Figure], report: list[str], say: Say) -> int:
    from lab.faults.torn import tear
    from lab.figures import Figure

    say(f"power cuts: every torn state of {steps} steps")
    torn = tear(folder / "torn", steps, seed=1)
    figures.append(Figure("spool: torn states of the medium opened", torn.states, "states"))
    figures.append(Figure("spool: promises broken by a torn medium", len(torn.wrong), "records", 0))
    report += [f"torn: {one}" for one in torn.wrong[:50]]
    return len(torn.wrong)


def _account(soaked: Soaked, figures: list[Figure], report: list[str]) -> int:
    from lab.figures import Figure

    done = [one for one in soaked.happened if one.skipped is None]
    wrong = sum(len(ledger.wrong) for ledger in soaked.ledgers)
    times = {kind: sum(ledger.times[kind] for ledger in soaked.ledgers) for kind in ("honest", "corrected", "marked")}
    rows = (
        ("faults carried out", len(done), "faults", None),
        ("faults that this machine does not allow", len(soaked.happened) - len(done), "faults", 0),
        ("detections decided", sum(ledger.decided for ledger in soaked.ledgers), "records", None),
        ("detections in the cloud, each exactly once", sum(one.detections for one in soaked.ledgers), "records", None),
        ("cut off by kill -9 before they were stored", sum(one.cut_off for one in soaked.ledgers), "records", None),
        ("times right", times["honest"], "records", None),
        ("times wrong and corrected by a clock fix", times["corrected"], "records", None),
        ("times wrong, said to be unvouched for", times["marked"], "records", 0),
        ("delivered after the last fault", soaked.drained_s, "s", None),
        ("broken promises (lost, double, changed, out of order, a false time)", wrong, "records", 0),
    )
    figures += [Figure(f"soak: {name}", value, unit, target) for name, value, unit, target in rows]
    report += ["What broke:", *(one.line() for one in soaked.happened), "", "What was decided, stored and received:"]
    for ledger in soaked.ledgers:
        report += ledger.lines()
    return wrong


def _sayer() -> Say:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    return say
