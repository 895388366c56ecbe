"""Who may talk with the worker over a real Mosquitto, what it says to gateways, and what a flood does."""

from __future__ import annotations

import queue
import threading
import time

import msgspec
import paho.mqtt.client as mqtt
import pytest
from sqlalchemy import select

from cloud_ingest.ingest.mqtt_source import MqttSource, secret_group
from cloud_ingest.settings import load_cloud_settings
from cloud_ingest.store.schema import (
    dead_letters,
)
from smokesentry.clock import from_unix
from smokesentry.identity import load_identity
from smokesentry.messages.control import Command
from smokesentry.messages.envelope import COMMAND_TYPE, key_id, unseal
from smokesentry.messages.topics import UP_FILTER

pytestmark = pytest.mark.mosquitto


def test_the_road_is_the_same_over_tls_with_client_certificates(make_bench, east):
    bench = make_bench(tls=True)
    bench.enrol(east)
    bench.worker()
    bench.worker_connected()
    bench.publish(*east.batch("telemetry", east.telemetry(0)))
    assert bench.next_ack().contiguous == 1


def test_a_gateway_that_is_revoked_while_the_worker_runs_is_refused(bench, east, eventually):
    bench.worker()
    bench.worker_connected()
    bench.publish(*east.batch("telemetry", east.telemetry(0)))
    assert bench.next_ack().contiguous == 1
    bench.authority.revoke("gw-east", "stolen", from_unix(time.time()))
    bench.publish(*east.batch("telemetry", east.telemetry(10)))
    causes = eventually(lambda: [row.cause for row in bench.read(select(dead_letters.c.cause))])
    assert causes == ["unknown_key"]


def test_the_group_of_the_workers_is_the_same_for_all_of_one_cloud_and_another_for_every_key(bench, east, south):
    again = load_identity(bench.folder / "own/cloud.key", bench.folder / "own/cloud.crt")
    group = secret_group(bench.cloud)
    assert group == secret_group(again)
    assert len(group) == 32 and set(group) <= set("0123456789abcdef")
    other = load_identity(bench.folder / "gw-east/gw-east.key", bench.folder / "gw-east/gw-east.crt")
    assert secret_group(other) != group


def test_a_stranger_in_a_group_of_a_guessed_name_takes_no_message_from_the_worker(bench, east):
    bench.worker()
    bench.worker_connected()
    stranger = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, client_id="stranger")
    subscribed = threading.Event()
    stranger.on_subscribe = lambda *_: subscribed.set()
    stranger.on_connect = lambda client, *_: client.subscribe(f"$share/ingest/{UP_FILTER}", qos=1)
    stranger.connect("localhost", bench.port)
    stranger.loop_start()
    try:
        assert subscribed.wait(60)
        for n in range(20):
            bench.publish(*east.batch("telemetry", east.telemetry(n)))
        bench.held({("gw-east", "telemetry"): 20})
    finally:
        stranger.disconnect()
        stranger.loop_stop()


@pytest.mark.parametrize("tls", [False, True])
def test_an_order_from_the_command_line_reaches_its_gateway_signed_and_numbered(make_bench, tls):
    bench = make_bench(tls)
    heard, subscribed = queue.SimpleQueue(), threading.Event()
    bench.client.message_callback_add(
        "smokesentry/v1/lab/gw-east/down/command", lambda _c, _d, message: heard.put(message.payload)
    )
    bench.client.on_subscribe = lambda *_: subscribed.set()
    bench.client.subscribe("smokesentry/v1/lab/gw-east/down/command", qos=1)
    assert subscribed.wait(60)
    to_east = ("--tenant", "lab", "--gateway", "gw-east")
    said = bench.run("command", *to_east, "resend", "lane=telemetry", "from_seq=3", "to_seq=7")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith('sent to gw-east: command 1, resend {"lane": "telemetry", "from_seq": 3')
    assert "command 2, ping {}" in bench.run("command", *to_east, "ping").stdout
    own = bench.cloud.key.public_key()
    find = lambda wanted: own if wanted == key_id(own) else None  # noqa: E731
    first, second = (
        msgspec.json.decode(unseal(heard.get(timeout=60), COMMAND_TYPE, find)[0], type=Command) for _ in range(2)
    )
    assert (first.gateway, first.counter, first.kind) == ("gw-east", 1, "resend")
    assert first.args == {"lane": "telemetry", "from_seq": 3, "to_seq": 7}
    assert (second.counter, second.kind, second.args) == (2, "ping", {})
    nobody = bench.run("command", "--tenant", "lab", "--gateway", "gw-never", "ping")
    assert nobody.returncode == 1
    assert "nobody listens" in nobody.stderr
    bench.kill("broker")
    away = bench.run("command", *to_east, "ping")
    assert away.returncode == 1
    assert "cannot be reached" in away.stderr


def test_a_flood_without_quality_of_service_fills_no_memory_and_hides_nothing(bench, east, monkeypatch, eventually):
    settings = load_cloud_settings(bench.folder / "cloud.toml").broker.model_copy(update={"inflight": 10})
    source = MqttSource(settings, "trial")
    source.start()
    try:
        # Until the subscription stands, the broker has nobody to hand a message to.
        eventually(lambda: bench.publish(east.address.up("telemetry"), b"probe") or source.gather(0.2, 0.0, 1, 1))
        bench.publish(east.address.up("telemetry"), b"the last probe")
        eventually(lambda: b"the last probe" in [m.raw for m in source.gather(0.2, 0.0, 500, 10**7)])
        for _ in range(200):
            bench.client.publish(east.address.up("telemetry"), b"flood", qos=0)
        bench.publish(*east.batch("telemetry", east.telemetry(0)))
        got = []
        eventually(lambda: got.extend(source.gather(0.1, 0.05, 500, 10**7)) or any(m.mid for m in got))
        assert source.dropped + len(got) == 201
        assert len([m for m in got if m.mid == 0]) >= 10
    finally:
        source.stop()
