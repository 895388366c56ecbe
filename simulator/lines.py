"""A simulated sensor on its serial line: pushes by itself or answers when asked, as its model does."""

from __future__ import annotations

from simulator.atmosphere import Breath
from simulator.ports import Port
from simulator.sensors import Unit


class Line:
    """One unit behind one port. :meth:`tend` is to be called some times a second; it never waits."""

    def __init__(self, port: Port, unit: Unit) -> None:
        self.port, self.unit = port, unit
        self._said_s: float | None = None

    def tend(self, breath: Breath, index: int, t_s: float) -> None:
        """Sends what is due at ``t_s``: a frame every ``every_s`` seconds, or one for each request that came in."""
        driver, heard = self.unit.driver, self.port.received()
        since = driver.every_s if self._said_s is None else t_s - self._said_s
        asked = any(driver.commands[name] in heard for name in driver.polls)
        if asked or (not driver.polls and since >= driver.every_s):
            self.port.send(self.unit.frame(breath, index, since))
            self._said_s = t_s
