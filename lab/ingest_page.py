"""``python -m lab.ingest_page``: the proofs and the speed of ingest in one run, as a page."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from lab.bench_ingest import ingest_rates
from lab.cluster import find_rabbitmq
from lab.cluster_run import run_cluster
from lab.figures import Figure, page, write_figures
from lab.ingest_run import Outcome, Plan, run_mosquitto
from lab.soak import soak


def main() -> int:
    """A city through Mosquitto, another through the cluster, speed, a soak. Exit status 1 when a fact is missing."""
    parser = argparse.ArgumentParser(prog="python -m lab.ingest_page", description=main.__doc__)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180, help="of the run through Mosquitto")
    parser.add_argument("--cluster-gateways", type=int, default=100, help="0 leaves the cluster out")
    parser.add_argument("--soak-minutes", type=float, default=60, help="0 leaves the soak out")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--page", type=Path, help="the page once more, for docs/")
    options = parser.parse_args()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    def folder(name: str) -> Path:
        path: Path = (options.out / "ingest-work" / name).resolve()
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    outcomes: dict[str, Outcome] = {}
    figures: list[Figure] = []
    load = psutil.getloadavg()[0]

    def write() -> str:
        """After each part, so that a run that is broken off leaves what it has."""
        write_figures(figures, options.out, "ingest", "Ingest")
        rows = {name: _row(outcome) for name, outcome in outcomes.items()}
        (options.out / "ingest-runs.json").write_text(json.dumps(rows, indent=1) + "\n")
        text = _page(outcomes, figures, (load, psutil.getloadavg()[0]))
        if options.page is not None:
            options.page.write_text(text, encoding="utf-8")
        return text

    plan = Plan(gateways=options.gateways, seconds=options.seconds)
    outcomes["One machine: Mosquitto"] = run_mosquitto(folder("city"), plan, say)
    write()
    if options.cluster_gateways and find_rabbitmq() is not None:
        cluster = Plan(gateways=options.cluster_gateways, seconds=20.0, interval_s=2.0)
        outcomes["Three nodes: RabbitMQ"], sizes = run_cluster(folder("cluster"), cluster, say)
        figures += sizes
        write()
    if not options.no_speed:
        figures += ingest_rates(folder("speed"), say)
        write()
    if options.soak_minutes:
        figures += soak(folder("soak"), options.soak_minutes, say)
    print(write())
    return 0 if all(outcome.passed for outcome in outcomes.values()) else 1


def _row(outcome: Outcome) -> dict[str, object]:
    counts = outcome.ledger.counts
    return {
        "gateways": outcome.plan.gateways, "store": outcome.store, "messages": counts["messages"],
        "facts sent": len(outcome.ledger.sent), "lost": len(outcome.lost), "stored twice": len(outcome.doubled),
        "never sent": len(outcome.strange), "set aside": outcome.set_aside,
        "not acknowledged": outcome.unacknowledged, "sent again by gateways": counts["sent again"],
        "connections lost": counts["connections lost"], **dict(outcome.faults),
        "first sending to signed acknowledgement, median s": round(outcome.latency_s(0.5), 2),
        "the same, p99 s": round(outcome.latency_s(0.99), 2),
    }  # fmt: skip


def _page(outcomes: dict[str, Outcome], figures: list[Figure], load: tuple[float, float]) -> str:
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    lines = [
        "# Ingest: what was proven and measured",
        "",
        f"Made by `make ingest-page` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {psutil.cpu_count()} cores "
        f"({processor}), Python {platform.python_version()}. Load of the machine before and after: "
        f"{load[0]:.1f} and {load[1]:.1f}; above the number of cores, other work shared it, and rates and "
        "latencies are worse than they need be.",
        "Gateways are simulated (`lab/city.py`); broker, cluster, workers and store are real. Every message is signed "
        "and checked. Facts are compared one by one: what was sent against what is stored.",
        "",
    ]
    for name, outcome in outcomes.items():
        lines += [f"## {name}", "", "| what | result |", "| --- | --: |"]
        lines += [f"| {what} | {value} |" for what, value in _row(outcome).items()]
        lines += ["", "**Passed.**" if outcome.passed else "**Failed.**", ""]
    lines += [
        "Speed is compared with two limits on the same broker and messages in the same run: `mosquitto_sub` (C), and "
        "an empty loop of the workers' own client that only receives and acknowledges. The peer that a user might "
        "pick, a generic agent from MQTT to InfluxDB such as Telegraf, is not in Debian's packages and was not "
        "measured; such an agent checks no signatures. One worker misses 0.6 of the empty loop for that reason: one "
        "Ed25519 verification costs more than the whole loop ([decision 9](decisions/0009-paho-v5-in-the-workers.md)).",
        "",
    ]
    return "\n".join(lines) + "\n" + page(figures, "Speed and size").replace("# Speed", "## Speed", 1)


if __name__ == "__main__":
    sys.exit(main())
