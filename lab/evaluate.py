"""Judges the detector on nights that training never saw, and writes what came out as a table."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lab.judge import Row, run
from lab.suites import Case


def _one(job: tuple[Case, float | None]) -> Row:
    cv2.setNumThreads(1)
    case, threshold = job
    return run(case.night(), case.seed, case.name, case.group, case.weather, threshold)


def evaluate(cases: Sequence[Case], processes: int, threshold: float | None = None) -> list[Row]:
    """All rows, in order."""
    os.environ["OMP_NUM_THREADS"] = "1"
    rows, started = [], time.monotonic()
    with Pool(processes) as pool:
        for row in pool.imap(_one, [(case, threshold) for case in cases]):
            rows.append(row)
            if len(rows) % 50 == 0:
                print(
                    f"judged {len(rows)}/{len(cases)}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True
                )
    return rows


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a night with smoke scores above one without."""
    if not positive or not negative:
        return float("nan")
    p, n = np.asarray(positive)[:, None], np.asarray(negative)[None, :]
    return float((p > n).mean() + 0.5 * (p == n).mean())


def summary(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """One entry a group, and one a place for all nights together."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    out: dict[str, dict[str, Any]] = {name: _group(members) for name, members in groups.items()}
    for place in sorted({row.group.split(":")[0] for row in rows}):
        mine = [row for row in rows if row.group.startswith(place)]
        smoky, clean = [r for r in mine if r.visible()], [r for r in mine if not r.smoke and not r.steam]
        out[f"{place}: all"] = {
            "nights": len(mine),
            "auc": auc([r.best_smoke for r in smoky], [r.best for r in clean]),
            "auc_trivial": auc([r.trivial for r in smoky], [r.trivial for r in clean]),
            "recall_at_no_false_alarm": _recall_above(smoky, max((r.best for r in clean), default=1.0)),
            "recall": float(np.mean([any(f["alarm_s"] >= 0 for f in r.visible()) for r in smoky])) if smoky else None,
            "false_nights": sum(bool(r.false_events) for r in clean),
            "clean_nights": len(clean),
        }
    return out


def _recall_above(rows: Sequence[Row], level: float) -> float | None:
    return float(np.mean([r.best_smoke > level for r in rows])) if rows else None


def _group(rows: Sequence[Row]) -> dict[str, Any]:
    facts = [fact for row in rows for fact in row.visible()]
    found = [fact for fact in facts if fact["alarm_s"] >= 0]
    waits = [fact["alarm_s"] - max(fact["from"], 0.0) for fact in found]
    return {
        "nights": len(rows),
        "smokes": len(facts),
        "too_faint": sum(len(row.smoke) for row in rows) - len(facts),
        "found": len(found),
        "wait_median_s": float(np.median(waits)) if waits else None,
        "wait_p95_s": float(np.percentile(waits, 95)) if waits else None,
        "origin_error_px": float(np.median([fact["error_px"] for fact in found])) if found else None,
        "false_nights": sum(bool(row.false_events) for row in rows),
        "smoke_or_unresolved": sum(
            any(e["class"] in ("smoke", "unresolved") for e in row.false_events) for row in rows
        ),
        "cannot_judge": float(np.mean([row.cannot_judge for row in rows])),
        "best_score_median": float(np.median([row.best for row in rows])),
        "best_score_max": float(max(row.best for row in rows)),
    }


def save(rows: Sequence[Row], path: Path) -> None:
    """All rows as JSON lines, for looking at single nights."""
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")


def load_rows(path: Path) -> list[Row]:
    """The inverse of :func:`save`."""
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
