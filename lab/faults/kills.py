"""kill -9, thousands of times: a child uses a spool until it is killed at a random moment; the promises are compared.

It proves that a dead process loses and doubles nothing. What a lost power supply does to the medium is ``torn``'s.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from edge.spool import Spool
from lab.faults.scribe import Book, faults_of, hear, write

_MOST_WORDS, _LONGEST_S = 25, 0.004


@dataclass(slots=True)
class KillReport:
    """What came of it; ``wrong`` must be empty."""

    kills: int = 0
    promised: int = 0
    wrong: list[str] = field(default_factory=list)


def kill_often(folder: Path, kills: int, seed: int) -> KillReport:
    """``kills`` lives of one spool, each ended by SIGKILL some milliseconds after it
    has said 0 to 24 lines; looked at after every death.

    Forks: call it from a process without threads.
    """
    rng = random.Random(seed)
    report, book, first = KillReport(), Book(), 1
    Spool(folder).close()
    while report.kills < kills and not report.wrong:
        lines = _live_and_die(folder, first, rng.randrange(_MOST_WORDS), rng.uniform(0.0, _LONGEST_S))
        for line in lines:
            hear(book, line)
        first = max([first, *(number + 1 for number in book.told.values())]) + 10
        report.kills += 1
        report.wrong = faults_of(folder, book)
        book = _only_what_waits(book)
        report.promised += sum(line.startswith("s ") for line in lines)
    return report


def _live_and_die(folder: Path, first: int, words: int, after_s: float) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            spool = Spool(folder)
            for _ in write(spool, first, lambda line: _say(writing, line)):
                pass
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        beginning = b"".join(pipe.readline() for _ in range(words))  # with none it dies while it opens the spool
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        rest = pipe.read()
    os.waitpid(child, 0)
    text = (beginning + rest).decode()
    return text[: text.rfind("\n") + 1].splitlines()


def _say(pipe: int, line: str) -> None:
    os.write(pipe, line.encode() + b"\n")


def _only_what_waits(book: Book) -> Book:
    """Old promises that an acknowledgement has settled need no looking at any more."""
    told = {key: number for key, number in book.told.items() if key[1] > book.settled[key[0]]}
    return Book(told, book.settled)
