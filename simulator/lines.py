"""A simulated sensor on its serial line: pushes by itself or answers when asked, as its model does."""

from __future__ import annotations

from simulator.atmosphere import Breath
from simulator.ports import Port
from simulator.sensors import Unit

_PUSH_S = 0.95  # a second, less what the caller's clock may jitter


class Line:
    """One unit behind one port. :meth:`tend` is to be called some times a second; it never waits."""

    def __init__(self, port: Port, unit: Unit) -> None:
        self.port, self.unit = port, unit
        self._said_s: float | None = None

    def tend(self, breath: Breath, index: int, t_s: float) -> None:
        """Sends what is due at ``t_s``: a frame a second, or one for each request that came in."""
        driver, heard = self.unit.driver, self.port.received()
        since = 1.0 if self._said_s is None else t_s - self._said_s
        asked = any(driver.commands[name] in heard for name in driver.polls)
        if asked or (not driver.polls and since >= _PUSH_S):
            self.port.send(self.unit.frame(breath, index, since))
            self._said_s = t_s
