"""Topic names of WIRE: ``smokesentry/v1/{tenant}/{gateway}/up/{lane}``, ``…/down/{ack|command}``, ``…/state``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smokesentry.messages.records import LANES

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_PREFIX = "smokesentry/v1"
UP_FILTER = f"{_PREFIX}/+/+/up/+"
STATE_FILTER = f"{_PREFIX}/+/+/state"


def is_name(text: str) -> bool:
    """Whether a text can be a gateway's, tenant's or camera's name."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Address:
    """One gateway's place in the topic tree."""

    tenant: str
    gateway: str

    def __post_init__(self) -> None:
        for what, name in (("tenant", self.tenant), ("gateway", self.gateway)):
            if not is_name(name):
                raise ValueError(f"{what} {name!r}: names have 1 to 40 of a-z, 0-9 and '-'")

    def up(self, lane: str) -> str:
        """Where the gateway publishes a lane."""
        return f"{_PREFIX}/{self.tenant}/{self.gateway}/up/{lane}"

    @property
    def ack(self) -> str:
        """Where the cloud acknowledges."""
        return f"{_PREFIX}/{self.tenant}/{self.gateway}/down/ack"

    @property
    def command(self) -> str:
        """Where the cloud gives orders."""
        return f"{_PREFIX}/{self.tenant}/{self.gateway}/down/command"

    @property
    def state(self) -> str:
        """Retained state and last will."""
        return f"{_PREFIX}/{self.tenant}/{self.gateway}/state"


def parse_up(topic: str) -> tuple[Address, str]:
    """Address and lane of an ``up`` topic; raises ``ValueError`` that says what is wrong with it."""
    parts = topic.split("/")
    if len(parts) != 6 or parts[:2] != _PREFIX.split("/") or parts[4] != "up" or parts[5] not in LANES:
        raise ValueError(
            f"topic {topic[:200]!r} is not {_PREFIX}/TENANT/GATEWAY/up/LANE with a lane of {', '.join(LANES)}"
        )
    return Address(parts[2], parts[3]), parts[5]


def parse_state(topic: str) -> Address:
    """Address of a ``state`` topic."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[:2] != _PREFIX.split("/") or parts[4] != "state":
        raise ValueError(f"topic {topic[:200]!r} is not {_PREFIX}/TENANT/GATEWAY/state")
    return Address(parts[2], parts[3])
