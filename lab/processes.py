"""Whole processes as a user would start them: own log file each, killed and restarted by pid, never left behind."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_STOP_SECONDS = 60.0  # a busy machine: nobody waits for as long who ends at once
_PORTS_FROM = 11_000  # browsers refuse 10080
_OUTGOING_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_given: set[int] = set()


class ProcessFailed(RuntimeError):
    """A process ended by itself; the message carries the tail of its log."""


@dataclass
class _Child:
    argv: list[str]
    log: Path
    process: subprocess.Popen[bytes]
    may_end: bool = False


class Processes:
    """A set of named child processes. Use as a context manager: leaving it stops all of them, newest first."""

    def __init__(self, log_folder: Path) -> None:
        self._logs = log_folder
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children: dict[str, _Child] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, argv: list[str]) -> None:
        """Starts a process whose output goes to ``NAME.log``."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._children[name] = _Child(argv, log, process)

    def smokesentry(self, name: str, *words: str) -> None:
        """Starts ``smokesentry WORDS`` with this environment's own interpreter."""
        self.start(name, [sys.executable, "-m", "smokesentry", *words])

    def pid(self, name: str) -> int:
        """The process's id."""
        return self._children[name].process.pid

    def kill(self, name: str) -> None:
        """kill -9, and waits until it is gone."""
        child = self._children[name]
        child.may_end = True
        child.process.send_signal(signal.SIGKILL)
        child.process.wait()

    def terminate(self, name: str) -> None:
        """SIGTERM, and waits until the process has ended in its own way."""
        child = self._children[name]
        child.may_end = True
        child.process.terminate()
        child.process.wait(_STOP_SECONDS)

    def finish(self, name: str, seconds: float) -> None:
        """Waits for a process that ends by itself. Raises :class:`ProcessFailed` or ``subprocess.TimeoutExpired``."""
        child = self._children[name]
        status = child.process.wait(seconds)
        child.may_end = status == 0
        self.check()

    def restart(self, name: str) -> None:
        """Starts a killed process again, as its supervisor would."""
        self.start(name, self._children[name].argv)

    def check(self) -> None:
        """Raises :class:`ProcessFailed` when one has ended that nobody killed."""
        for name, child in self._children.items():
            status = child.process.poll()
            if status is not None and not child.may_end:
                raise ProcessFailed(f"{name} ended with status {status}; the end of {child.log}:\n{tail(child.log)}")

    def wait_for(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until ``ready`` says so. Raises :class:`ProcessFailed` or ``TimeoutError``, in words."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s; the logs are in {self._logs}")
            time.sleep(0.1)

    def stop(self) -> None:
        """SIGTERM to all, newest first; SIGKILL to what has not ended after some seconds."""
        running = [child for child in reversed(self._children.values()) if child.process.poll() is None]
        for child in running:
            child.may_end = True
            child.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in running:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, indented."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join(f"    {line}" for line in text)


def free_port() -> int:
    """A loopback TCP port that nobody listens at, another one at each call.

    It lies below those that the kernel gives to outgoing connections. Out of that range, any connection could take it
    before its server binds it, or while the server is down; even the client that tries to reach it, for TCP lets a
    connection meet itself.
    """
    try:
        below = int(_OUTGOING_PORTS.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        below = 32_768
    while True:
        port = random.SystemRandom().randrange(_PORTS_FROM, max(below, _PORTS_FROM + 10_000))
        with socket.socket() as probe:
            if port not in _given and _binds(probe, port):
                _given.add(port)
                return port


def _binds(probe: socket.socket, port: int) -> bool:
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def port_answers(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find_mosquitto() -> str:
    """Path of the broker's binary (Debian: ``/usr/sbin``). Raises ``FileNotFoundError`` that says what to do."""
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]:
        candidate = Path(folder) / "mosquitto"
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    raise FileNotFoundError("the Mosquitto broker is not installed; on Debian: sudo apt-get install mosquitto")
