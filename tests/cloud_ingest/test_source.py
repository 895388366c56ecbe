"""The inbox between a broker's thread and the worker: order, bounds, waking."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.ingest.source import Inbox, Message, is_bulk
from cloud_ingest.settings import load_cloud_settings
from smokesentry.settings import SettingsError

UP = "smokesentry/v1/town/gw-1/up/"
_lanes = st.sampled_from(["telemetry", "detection", "health", "evidence"])


def _message(lane: str, mid: int, size: int = 1) -> Message:
    return Message(UP + lane, b"x" * size, mid, 1)


def test_only_telemetry_waits_for_everything_else():
    assert is_bulk(UP + "telemetry")
    assert not any(is_bulk(UP + lane) for lane in ("detection", "health", "evidence"))
    assert not is_bulk("smokesentry/v1/town/telemetry/state")


@given(st.lists(st.tuples(_lanes, st.integers(0, 50)), max_size=60), st.integers(1, 20), st.integers(1, 200))
def test_everything_comes_out_once_in_its_roads_order_urgent_first_and_within_the_bounds(sent, most, most_bytes):
    inbox = Inbox()
    for number, (lane, size) in enumerate(sent):
        inbox.put(_message(lane, number + 1, size))
    rounds = []
    while taken := inbox.gather(0.0, 0.0, most, most_bytes):
        rounds.append(taken)
        assert len(taken) <= most
        assert len(taken) == 1 or sum(len(message.raw) for message in taken) <= most_bytes
    everything = [message for taken in rounds for message in taken]
    urgent = [message.mid for message in everything if not is_bulk(message.topic)]
    bulk = [message.mid for message in everything if is_bulk(message.topic)]
    assert sorted(urgent + bulk) == list(range(1, len(sent) + 1))
    assert urgent == sorted(urgent) and bulk == sorted(bulk), "acknowledging up to one means all before it"
    assert len(inbox) == 0


def test_a_detection_overtakes_a_backlog_of_telemetry():
    inbox = Inbox()
    for number in range(1000):
        inbox.put(_message("telemetry", number + 1))
    inbox.put(_message("detection", 1))
    assert inbox.gather(0.0, 0.0, 500, 10**6)[0].topic.endswith("detection")


def test_waiting_ends_with_the_first_message_and_lingers_for_more():
    inbox = Inbox()
    assert inbox.gather(0.01, 0.0, 10, 10**6) == []

    def later() -> None:
        time.sleep(0.1)
        inbox.put(_message("health", 1))
        time.sleep(0.05)
        inbox.put(_message("health", 2))

    thread = threading.Thread(target=later)
    thread.start()
    assert [message.mid for message in inbox.gather(300.0, 300.0, 2, 10**6)] == [1, 2], "the bound ends the lingering"
    thread.join()


_OWN = 'certificate = "cloud.crt"\nkey = "cloud.key"\n'
_REST = f'[cloud]\nfolder = "cloud"\ntenants = ["lab"]\n[ca]\nfolder = "ca"\n[signing]\n{_OWN}'
_CLUSTER = f'[cluster]\nnodes = ["mq-1:5671", "mq-2:5671"]\nca = "ca.crt"\n{_OWN}'
_BROKER = "[broker]\nplaintext = true\n"


def test_messages_come_from_one_place_and_the_file_says_from_which(tmp_path):
    path = tmp_path / "cloud.toml"
    path.write_text(_REST + _CLUSTER)
    settings = load_cloud_settings(path)
    assert settings.broker is None and settings.link is settings.cluster
    assert settings.cluster.key == tmp_path / "cloud.key"
    for wrong, said in (
        (_REST, "either"),
        (_REST + _BROKER + _CLUSTER, "either"),
        (_REST + _CLUSTER.replace("mq-1:5671", "mq-1"), "nodes"),
        (_REST + _CLUSTER.replace('ca = "ca.crt"', ""), "ca"),
    ):
        path.write_text(wrong)
        with pytest.raises(SettingsError, match=said):
            load_cloud_settings(path)
