"""A trial whose end the disk does not take: what did no good leaves force all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.in_force import InForce, settings_in_force
from edge.managed import Item, Managed, Trial
from edge.managed_store import ManagedStore
from edge.orders import hash_of

_LOCAL = """
[gateway]
name = "gw-1"
tenant = "town"
folder = "state"
telemetry_interval_s = {interval}
[identity]
key = "gw-1.key"
certificate = "gw-1.crt"
[uplink]
host = "127.0.0.1"
plaintext = true
cloud_certificate = "cloud.crt"
"""
_BAD = "camera east gives no frame, which it did before"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A gateway's own file with 3600 s, and 7 s on trial for 100 s."""
    config = tmp_path / "gateway.toml"
    config.write_text(_LOCAL.format(interval=3600))
    store = ManagedStore(tmp_path / "state")
    digest = store.put(("toml", _LOCAL.format(interval=7).encode()))
    store.save(Managed(trial=Trial("configuration", Item(2, digest, hash_of(config)), 100.0, ["east"])))
    return config


def refuse(in_force: InForce) -> Path:
    """The disk takes no state from now on: something stands where it is written."""
    obstacle = in_force.store.folder / "state.json.new"
    obstacle.mkdir()
    return obstacle


def interval_s(in_force: InForce) -> float:
    return in_force.settings.gateway.telemetry_interval_s


def test_an_end_that_the_disk_does_not_take_is_tried_again(config: Path) -> None:
    in_force = settings_in_force(config)
    assert interval_s(in_force) == 7
    obstacle = refuse(in_force)
    assert not in_force.watch(_BAD, 95.0)
    for _ in range(3):
        with pytest.raises(OSError, match="state"):
            in_force.watch(_BAD, 5.0)
        assert in_force.state.trial is not None
    obstacle.rmdir()
    assert in_force.watch(_BAD, 5.0), "now it begins anew"
    assert in_force.store.load().trial is None
    assert interval_s(settings_in_force(config)) == 3600


def test_a_disk_that_goes_on_refusing_keeps_nothing_bad_in_force(config: Path) -> None:
    in_force = settings_in_force(config)
    refuse(in_force)
    assert not in_force.watch(_BAD, 95.0)
    anew: list[bool] = []
    while not any(anew) and len(anew) < 30:
        try:
            anew.append(in_force.watch(_BAD, 5.0))
        except OSError:
            anew.append(False)
    assert anew[-1] and len(anew) == 12, "after a minute"
    assert "taken back: camera east" in in_force.state.words[-1]
    again = settings_in_force(config)
    assert interval_s(again) == 3600, "from memory"
    assert "is not tried" in str(again.store.problem)


def test_a_confirmation_that_the_disk_does_not_take_is_tried_again_and_restarts_nothing(config: Path) -> None:
    in_force = settings_in_force(config)
    obstacle = refuse(in_force)
    for _ in range(20):
        with pytest.raises(OSError, match="state"):
            in_force.watch(None, 25.0)
    obstacle.rmdir()
    assert not in_force.watch(None, 25.0)
    assert in_force.store.load().confirmed["configuration"].version == 2
