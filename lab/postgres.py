"""A private PostgreSQL on a free loopback port, started and stopped with what needs it (Debian package postgresql)."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.processes import free_port


def find_postgres() -> Path | None:
    """The folder of the newest server's binaries, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


@contextmanager
def private_postgres(folder: Path, bin_: Path, *options: str) -> Iterator[str]:
    """Gives the SQLAlchemy URL. Default settings but for ``options``, so every commit waits for the disk; ``folder``
    must be new.

    PostgreSQL refuses to run as root: then it runs as ``nobody``, to whom all folders above must be open.
    """
    folder.mkdir(parents=True)
    as_user: list[str] = []
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        as_user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    port, data = free_port(), folder / "data"
    init = [*as_user, str(bin_ / "initdb"), "-D", str(data), "-U", "lab", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(init, check=True, capture_output=True, cwd="/")
    with (folder.parent / "postgres.log").open("ab") as log:
        where = ["-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
        server = subprocess.Popen(
            [*as_user, str(bin_ / "postgres"), *where, *options],
            stdout=log,
            stderr=log,
            cwd="/",
        )
    try:
        ready = [str(bin_ / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        deadline = time.monotonic() + 240
        while subprocess.run(ready, check=False).returncode != 0:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not come up; see {folder.parent / 'postgres.log'}")
            time.sleep(0.1)
        yield f"postgresql+psycopg://lab@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(240)
