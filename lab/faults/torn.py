"""The power goes: every state of the medium that a cut may leave behind, tried one by one.

A real spool is used step by step, a commit or a checkpoint each. Both end with a sync, so what a step changed in the
database and its log is exactly what may be torn while it is under way: any of its 4096-byte pages may have arrived, be
missing, be half there, or hold zeros. Each such state is laid down, opened as a gateway opens it, and compared with the
promises made before that step.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from edge.spool import Spool
from lab.faults.scribe import Book, faults_of, hear, write

_PAGE = 4096
_FILES = ("spool.db", "spool.db-wal")
_CHECKPOINT_EVERY = 5
_LOG_HEADER = 32

Medium = dict[str, bytes]  # file name -> content, as far as it is safely on the medium


@dataclass(frozen=True, slots=True)
class Step:
    """The medium before and after one synced step, and what was promised before it."""

    before: Medium
    after: Medium
    book: Book
    what: str


@dataclass(slots=True)
class TornReport:
    """What came of it; ``wrong`` must be empty."""

    steps: int = 0
    states: int = 0
    wrong: list[str] = field(default_factory=list)


def tear(folder: Path, steps: int, seed: int) -> TornReport:
    """Plays ``steps`` steps and tries every torn state of each."""
    report, rng = TornReport(), random.Random(seed)
    for step in record_steps(folder / "real", steps):
        report.steps += 1
        for name, medium in torn_states(step, rng):
            report.states += 1
            wrong = _open(folder / "torn", medium, step.book)
            report.wrong += [f"step {report.steps} ({step.what}), {name}: {one}" for one in wrong]
    return report


def record_steps(folder: Path, steps: int) -> Iterator[Step]:
    """A real spool in use; checkpoints happen as steps of their own, never hidden within a commit."""
    spool, book = Spool(folder), Book()
    spool._db.execute("PRAGMA wal_autocheckpoint=0")
    work = write(spool, 1, lambda line: hear(book, line))
    before = _read(folder)
    try:
        for number in range(steps):
            promised = book.copy()
            what = "checkpoint" if number % _CHECKPOINT_EVERY == _CHECKPOINT_EVERY - 1 else "commit"
            if what == "checkpoint":
                with closing(sqlite3.connect(spool.path)) as other:
                    other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                after = _read(folder)
                yield Step(before, after, promised, what)
            else:
                next(work)
                # An acknowledgement under way may or may not have happened: what it settles may be there or gone.
                promised.settled = dict(book.settled)
                after = _read(folder)
                begun = _log_begun_anew(before, after)
                if begun is not None:
                    yield Step(before, begun, promised, "the log begins anew")
                yield Step(begun or before, after, promised, what)
            before = after
    finally:
        spool.close()


def _log_begun_anew(before: Medium, after: Medium) -> Medium | None:
    """The medium with the log's new header alone: SQLite syncs it before the first frame under it follows."""
    old, new = before.get(_FILES[1], b""), after[_FILES[1]]
    if not old or old[:_LOG_HEADER] == new[:_LOG_HEADER]:
        return None
    return {**before, _FILES[1]: new[:_LOG_HEADER] + old[_LOG_HEADER:]}


def torn_states(step: Step, rng: random.Random) -> Iterator[tuple[str, Medium]]:
    """For each page that the step changed: everything up to it arrived, it alone arrived, it alone is missing, half of
    it, and zeros in its place; and some random mixtures of arrived and missing pages."""
    changed = [
        (name, page)
        for name in _FILES
        for page in range((len(step.after.get(name, b"")) + _PAGE - 1) // _PAGE)
        if _page(step.before, name, page) != _page(step.after, name, page)
    ]
    for at, (name, page) in enumerate(changed):
        yield f"torn after page {page} of {name}", _mix(step, set(changed[: at + 1]))
        yield f"only page {page} of {name} arrived", _mix(step, {(name, page)})
        yield f"page {page} of {name} is missing", _mix(step, set(changed) - {(name, page)})
        half = _mix(step, set(changed[: at + 1]))
        start = page * _PAGE + _PAGE // 2
        old = step.before.get(name, b"")[start : start + _PAGE // 2]
        half[name] = half[name][:start] + old + half[name][start + len(old) :] if old else half[name][:start]
        yield f"page {page} of {name} is half written", half
        zeros = _mix(step, set(changed[: at + 1]))
        size = len(zeros[name][page * _PAGE : (page + 1) * _PAGE])
        zeros[name] = zeros[name][: page * _PAGE] + bytes(size) + zeros[name][(page + 1) * _PAGE :]
        yield f"page {page} of {name} is zeros", zeros
    for number in range(3 if len(changed) > 2 else 0):
        yield f"mixture {number}", _mix(step, {one for one in changed if rng.random() < 0.5})


def _mix(step: Step, arrived: set[tuple[str, int]]) -> Medium:
    medium: Medium = {}
    for name in _FILES:
        old, new = step.before.get(name, b""), step.after.get(name, b"")
        content = bytearray(old)
        for of, page in sorted(arrived):
            if of != name:
                continue
            piece = new[page * _PAGE : (page + 1) * _PAGE]
            content.extend(bytes(max(0, page * _PAGE + len(piece) - len(content))))
            content[page * _PAGE : page * _PAGE + len(piece)] = piece
        medium[name] = bytes(content)
    return medium


def _page(medium: Medium, name: str, page: int) -> bytes:
    return medium.get(name, b"")[page * _PAGE : (page + 1) * _PAGE]


def _read(folder: Path) -> Medium:
    return {name: (folder / name).read_bytes() for name in _FILES if (folder / name).exists()}


def _open(folder: Path, medium: Medium, book: Book) -> list[str]:
    """The log's index (``-shm``) is never there: a power cut takes it, and SQLite must build it anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in medium.items():
        (folder / name).write_bytes(content)
    try:
        return faults_of(folder, book)
    except RuntimeError as error:
        return [str(error)]
