"""A town in a real SQLite file, the console over it under a real uvicorn, a real headless Chromium to look at it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from cloud_ingest.store import schema
from cloud_ingest.store.database import bump, open_store, writing
from lab.browser import PATIENCE_MS, launch
from lab.showcase.alerts import Town
from lab.showcase.serving import settings_for, start


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module's one store lies."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Engine]:
    """A module's one store."""
    engine = open_store(settings_for(folder).database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def town(store: Engine) -> Town:
    """An empty town: tables, no rows, whatever the test before left."""
    with writing(store) as connection:
        for table in reversed(schema.metadata.sorted_tables):
            if table is not schema.changes:  # counters only ever rise
                connection.execute(table.delete())
        for subject in schema.SUBJECTS:
            bump(connection, subject)
    return Town(store)


@pytest.fixture
def street(town: Town) -> Town:
    """A street with two gateways and a quiet evening behind it."""
    town.add_street()
    town.add_gateway("gw-west", -95, 0, 90)
    town.add_gateway("gw-north", 30, 75, 195)
    town.add_telemetry("gw-west", "pm-1", lambda minutes: 38 + 4 * math.sin(minutes / 9))
    return town


@pytest.fixture(scope="module")
def served(store: Engine, folder: Path) -> Iterator[str]:
    """The address of a module's one console."""
    server, thread, address = start(folder)
    yield address
    server.should_exit = True
    thread.join(timeout=60)
    assert not thread.is_alive(), "uvicorn did not stop"


@pytest.fixture
def console(town: Town, served: str) -> str:
    """The console's address, over the test's own town."""
    return served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One headless Chromium with software WebGL. Ends with its module: while it lives, an event loop runs in this
    thread, and no other test could start one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context_of(chromium: Any) -> Iterator[Any]:
    """One browser profile a way of looking, so that scripts are fetched and compiled once."""
    contexts: dict[str, Any] = {}

    def find(webgl: bool, options: dict[str, Any]) -> Any:
        key = repr((webgl, sorted(options.items())))
        if key not in contexts:
            contexts[key] = chromium.new_context(reduced_motion="reduce", **options)
            if not webgl:  # where the map is not the matter: software WebGL is the slowest part of the page
                contexts[key].add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        return contexts[key]

    yield find
    for context in contexts.values():
        context.close()


@pytest.fixture
def browse(context_of: Any, console: str) -> Iterator[Any]:
    """Opens the console for a reader who was never here; any script error or refused load fails the test at its end."""
    pages, troubles, hosts = [], [], set()

    def open_page(
        query: str = "?lang=en", *, webgl: bool = True, width: int = 1280, height: int = 720, **options: Any
    ) -> Any:
        context = context_of(webgl, {"viewport": {"width": width, "height": height}, **options})
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("console", lambda message: message.type == "error" and troubles.append(f"console: {message.text}"))
        page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]*).*", r"\1", request.url)))
        page.goto(f"{console}/{query}")
        page.wait_for_selector("#link.live", state="attached")
        page.wait_for_selector("body:not([data-busy])", state="attached")  # everything that it shows at first is there
        return page

    yield open_page
    for page in pages:
        page.evaluate("localStorage.clear()")
        page.context.clear_cookies()
        page.close()
    assert troubles == []
    assert {host for host in hosts if not host.startswith(("blob:", "data:"))} <= {console}
