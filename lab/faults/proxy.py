"""A stretch of bad network: a TCP proxy on the loopback that delays, loses, silences or cuts, and counts the bytes."""

from __future__ import annotations

import random
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

_PIECE = 16_384
_MOST_HELD = 1 << 20
_TICK_S = 0.05


@dataclass(slots=True, eq=False)
class _Way:
    """One direction of a connection: what was read and is to be written when its moment has come."""

    source: socket.socket
    target: socket.socket
    held: deque[tuple[float, bytes]] = field(default_factory=deque)
    ended: bool = False

    @property
    def held_bytes(self) -> int:
        return sum(len(piece) for _, piece in self.held)


class Proxy:
    """Listens on ``port`` and passes everything on to ``target_port``. The faults may be set at any time."""

    def __init__(self, target_port: int, seed: int = 1) -> None:
        self.target_port = target_port
        self.is_cut = False
        self.is_silent = False
        self.delay_s = 0.0
        self.loss = 0.0
        self.up_bytes = 0  # towards the target
        self.down_bytes = 0
        self._rng = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[_Way, _Way]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy {self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it and everything that passes through it."""
        self._stop.set()
        self._thread.join(5)
        self._listener.close()

    def heal(self) -> None:
        """A good network again."""
        self.is_cut = self.is_silent = False
        self.delay_s = self.loss = 0.0

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            while not self._stop.is_set():
                self._turn(selector)
        for pair in list(self._pairs):
            self._close(pair)

    def _turn(self, selector: selectors.BaseSelector) -> None:
        if self.is_cut:
            for pair in list(self._pairs):
                self._close(pair)
        for key in list(selector.get_map().values()):
            selector.unregister(key.fileobj)
        selector.register(self._listener, selectors.EVENT_READ)
        if not self.is_silent:
            for pair in self._pairs:
                for way in pair:
                    if not way.ended and way.held_bytes < _MOST_HELD:
                        selector.register(way.source, selectors.EVENT_READ, way)
        ready = selector.select(self._patience_s())
        for key, _ in ready:
            if key.fileobj is self._listener:
                self._accept()
            else:
                self._read(key.data)
        for pair in list(self._pairs):
            self._pass_on(pair)

    def _patience_s(self) -> float:
        due = [way.held[0][0] for pair in self._pairs for way in pair if way.held]
        if not due or self.is_silent:
            return _TICK_S
        return min(_TICK_S, max(0.002, min(due) - time.monotonic()))

    def _accept(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            if self.is_cut:
                client.close()
                return
            try:
                target = socket.create_connection(("127.0.0.1", self.target_port), timeout=2)
            except OSError:
                client.close()
                return
            for one in (client, target):
                one.setblocking(False)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append((_Way(client, target), _Way(target, client)))

    def _read(self, way: _Way) -> None:
        pair = next((pair for pair in self._pairs if way in pair), None)
        if pair is None:
            return
        try:
            piece = way.source.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            self._close(pair)
            return
        if not piece:
            way.ended = True
            return
        if self.loss and self._rng.random() < self.loss:
            # TCP repeats what a network loses until it gives the connection up; here it gives up at once.
            self._close(pair)
            return
        if way is pair[0]:
            self.up_bytes += len(piece)
        else:
            self.down_bytes += len(piece)
        way.held.append((time.monotonic() + self.delay_s, piece))

    def _pass_on(self, pair: tuple[_Way, _Way]) -> None:
        if self.is_silent:
            return
        for way in pair:
            while way.held and way.held[0][0] <= time.monotonic():
                due_s, piece = way.held[0]
                try:
                    sent = way.target.send(piece)
                except BlockingIOError:
                    break
                except OSError:
                    self._close(pair)
                    return
                if sent < len(piece):
                    way.held[0] = (due_s, piece[sent:])
                    break
                way.held.popleft()
        if any(way.ended and not way.held for way in pair):
            self._close(pair)

    def _close(self, pair: tuple[_Way, _Way]) -> None:
        if pair in self._pairs:
            self._pairs.remove(pair)
        for one in (pair[0].source, pair[1].source):
            one.close()
