"""From one loop to the next without waiting: the newest frame wins, what it pushed out is counted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Newest(Generic[T]):
    """A place for one item. The giver never waits; the taker gets the newest."""

    dropped: int = 0
    _item: T | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, item: T) -> None:
        """Lays the item down; one that still lay there is dropped and counted."""
        with self._changed:
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify()

    def take(self, patience_s: float) -> T | None:
        """The item, or None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None, patience_s)
            item, self._item = self._item, None
            return item
