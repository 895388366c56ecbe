"""A missing service: a skip by name; a failure where SMOKESENTRY_SERVICES_REQUIRED is set, as CI does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers

# Loaded here, before any test module: what a test sets itself (`@settings(max_examples=...)`) is laid over it.
# The same examples at every run, for a change is judged by what it changed; `make properties` draws new ones. A loaded
# machine is slow now and then: how long one example took proves nothing.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("same", derandomize=True, **_PATIENT)  # type: ignore[arg-type]
hypothesis.settings.register_profile("random", max_examples=500, print_blob=True, **_PATIENT)  # type: ignore[arg-type]
if os.environ.get("SMOKESENTRY_PROPERTIES") == "random":
    hypothesis.settings.load_profile("random")
else:
    hypothesis.settings.load_profile("same")
    # Hypothesis mixes literals of every module that is loaded so far into what it draws: a constant changed anywhere,
    # or another selection of tests, would change the examples.
    assert callable(providers._get_local_constants), "how does this version of hypothesis find them?"
    providers._get_local_constants = lambda: providers._local_constants  # nothing is ever added

# Debian keeps PostgreSQL's server binaries and RabbitMQ's scripts out of the usual PATH.
_POSTGRESQL = sorted(str(path) for path in Path("/usr/lib/postgresql").glob("*/bin"))
_PATH = ":".join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin", *_POSTGRESQL, "/usr/lib/rabbitmq/bin"]
)
_BINARY_OF_MARK = {
    "mosquitto": ("mosquitto", "mosquitto"),
    "chromium": ("chromium", "chromium"),
    "systemd": ("systemd-analyze", "systemd"),
    "postgresql": ("postgres", "postgresql"),
    "victoriametrics": ("victoria-metrics", "victoria-metrics"),
    "rabbitmq": ("rabbitmq-server", "rabbitmq-server"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, (binary, package) in _BINARY_OF_MARK.items():
        if item.get_closest_marker(mark) is None or shutil.which(binary, path=_PATH) is not None:
            continue
        message = f"needs {binary}, which is not installed (Debian package {package})"
        if os.environ.get("SMOKESENTRY_SERVICES_REQUIRED"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
