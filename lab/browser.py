"""The installed Chromium, headless, as every page here is looked at."""

from __future__ import annotations

import shutil
from typing import Any

#: A slow machine may take long; nothing here measures time.
PATIENCE_MS = 120_000
_FLAGS = (  # without a graphics card: WebGL by software
    "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch(playwright: Any) -> Any:
    """A browser of ``sync_playwright()``. Raises Playwright's error when Chromium does not come up."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_FLAGS), timeout=PATIENCE_MS)
