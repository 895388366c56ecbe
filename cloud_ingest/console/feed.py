"""The live stream: one task looks at the change counters, however many pages listen."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable

from sqlalchemy.exc import SQLAlchemyError

POLL_S = 0.25
#: A line now and then, so that proxies keep the connection and a vanished page is noticed.
HEARTBEAT_S = 15.0
RETRY_MS = 2000

_log = logging.getLogger(__name__)


class ChangeFeed:
    """Shares one poll of the change counters among all listeners. ``read`` may block; it runs in a thread."""

    def __init__(self, read: Callable[[], dict[str, int]]) -> None:
        self._read = read
        self._counters: dict[str, int] = {}
        self._moved = asyncio.Condition()
        self._listeners = 0
        self._somebody = asyncio.Event()

    async def run(self) -> None:
        """Polls while somebody listens, until cancelled. A database that does not answer is logged once and retried."""
        failing = False
        while True:
            await self._somebody.wait()
            try:
                counters = await asyncio.to_thread(self._read)
                failing = False
            except SQLAlchemyError as error:
                if not failing:
                    _log.warning("the live stream cannot read the store, pages stand still until it answers: %s", error)
                failing = True
            else:
                await self._publish(counters)
            await asyncio.sleep(POLL_S)

    async def _publish(self, counters: dict[str, int]) -> None:
        if counters != self._counters:
            async with self._moved:
                self._counters = counters
                self._moved.notify_all()

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events: the counters at once, then again whenever one has moved."""
        self._listeners += 1
        self._somebody.set()
        try:
            yield f"retry: {RETRY_MS}\n\n"
            sent: dict[str, int] = {}
            while True:
                if self._counters != sent:
                    sent = self._counters
                    yield f"event: change\ndata: {json.dumps(sent)}\n\n"
                else:
                    yield ": watching\n\n"
                await self._wait_for_more(sent)
        finally:
            self._listeners -= 1
            if self._listeners == 0:
                self._somebody.clear()

    async def _wait_for_more(self, sent: dict[str, int]) -> None:
        async with self._moved:
            try:
                await asyncio.wait_for(self._moved.wait_for(lambda: self._counters != sent), HEARTBEAT_S)
            except TimeoutError:
                return
