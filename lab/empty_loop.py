"""The limit of a client: receive and acknowledge, nothing else. A process of its own: ``python -m lab.empty_loop``."""

from __future__ import annotations

import argparse
import json
import resource
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

FILTER = "smokesentry/v1/+/+/up/+"
WINDOW = 500


def main() -> None:
    """Prints seconds on the clock and on the processor for COUNT messages; with COUNT 0 only subscribes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("protocol", choices=("v311", "v5"))
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    v5 = options.protocol == "v5"
    version = mqtt.MQTTv5 if v5 else mqtt.MQTTv311
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        f"empty-{options.protocol}",
        None if v5 else False,
        protocol=version,
        manual_ack=True,
    )
    client.max_inflight_messages_set(WINDOW)
    done, got, began = threading.Event(), 0, (0.0, 0.0)

    def received(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal got, began
        if got == 0:
            began = time.monotonic(), _cpu_s()
        got += 1
        client.ack(message.mid, 1)
        if got == options.count:
            ended = time.monotonic(), _cpu_s()
            print(json.dumps({"wall_s": ended[0] - began[0], "cpu_s": ended[1] - began[1]}))
            done.set()

    client.on_message = received

    def connected(*_: Any) -> None:
        client.subscribe(FILTER, 1)

    def subscribed(*_: Any) -> None:
        if not options.count:
            done.set()

    client.on_connect, client.on_subscribe = connected, subscribed
    if v5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        properties.ReceiveMaximum = WINDOW
        client.connect("127.0.0.1", options.port, clean_start=False, properties=properties)
    else:
        client.connect("127.0.0.1", options.port)
    client.loop_start()
    if not done.wait(300):
        raise SystemExit(f"only {got} of {options.count} messages came")
    client.disconnect()
    client.loop_stop()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
