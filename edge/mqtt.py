"""One MQTT client a connection, in v5 or 3.1.1, its callbacks turned into events."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paho.mqtt.client import Client

CONNECT_TIMEOUT_S = 15.0
_KEEPALIVE_S = 45
_SESSION_EXPIRY_S = 7 * 86400
_IN_FLIGHT = 10  # brokers allow 20 and close the connection beyond


def new_client(name: str, tell: Callable[[tuple[Any, ...]], None], tls: ssl.SSLContext | None, *, v5: bool) -> Client:
    """A client that does not reconnect by itself. ``tell`` gets, from its own thread, ``("connected", reason)``,
    ``("closed", words)``, ``("message", topic, payload)`` or ``("subscribed", reasons)``."""
    from paho.mqtt.client import Client, MQTTv5, MQTTv311
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        protocol=MQTTv5 if v5 else MQTTv311,
        clean_session=None if v5 else False,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(_IN_FLIGHT)
    client.max_queued_messages_set(0)
    if tls is not None:
        client.tls_set_context(tls)
    client.on_connect = lambda _c, _u, _f, reason, _p: tell(("connected", reason))
    client.on_disconnect = lambda _c, _u, _f, reason, _p: tell(("closed", str(reason)))
    client.on_message = lambda _c, _u, message: tell(("message", message.topic, message.payload))
    client.on_subscribe = lambda _c, _u, _m, reasons, _p: tell(("subscribed", reasons))
    return client


def connect(client: Client, host: str, port: int, *, v5: bool) -> None:
    """Begins or resumes the session, which the broker keeps for a week. Raises ``OSError``, ``ValueError``."""
    if not v5:
        client.connect(host, port, _KEEPALIVE_S)
        return
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = _SESSION_EXPIRY_S
    client.connect(host, port, _KEEPALIVE_S, clean_start=False, properties=properties)


def at_least_once(*, v5: bool) -> Any:
    """What a subscription asks for, in the words of the version."""
    if not v5:
        return 1
    from paho.mqtt.subscribeoptions import SubscribeOptions

    return SubscribeOptions(qos=1)
