"""A RabbitMQ cluster as the source: two quorum queues bound to the gateways' topics, explicit acknowledgement.

The queues and what is bound to them belong to the cluster's definitions (``hardware/cluster``); a worker only consumes
and answers. A dead worker's messages go to the others at once: the queue is shared, nobody owns a part of it.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, NackError, UnroutableError

from cloud_ingest.ingest.source import Inbox, Message
from cloud_ingest.settings import Cluster

_log = logging.getLogger(__name__)
logging.getLogger("pika").setLevel(logging.CRITICAL)  # each failed try would be pages of it; we say it in a line
_EXCHANGE = "amq.topic"  # where the MQTT plugin publishes
_QUEUES = ("smokesentry.urgent", "smokesentry.bulk")
_HEARTBEAT_S = 15
_TIMEOUT_S = 10.0
_PERSISTENT = 2  # AMQP's delivery mode; the MQTT plugin turns it into QoS 1


class ClusterSource:
    """One connection in a thread of its own, to any node that answers; a channel a queue."""

    def __init__(self, settings: Cluster) -> None:
        self.dropped = 0  # always: whatever comes lay in a queue
        self._settings = settings
        self._inbox = Inbox()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._connection: Any = None  # pika.BlockingConnection while there is one
        self._channels: dict[int, BlockingChannel] = {}  # by the number that messages carry as their connection
        self._number = 0
        self._thread = threading.Thread(target=self._run, name="cluster", daemon=True)

    def start(self) -> None:
        """Connects in the background and keeps trying."""
        self._thread.start()

    def stop(self) -> None:
        """Leaves; what was not acknowledged goes to the other workers."""
        self._stop.set()
        self._soon(lambda: None)
        self._thread.join(_TIMEOUT_S)

    def gather(self, wait_s: float, linger_s: float, max_messages: int, max_bytes: int) -> list[Message]:
        """Waits for a message, then takes what else comes within ``linger_s``, up to the bounds. May be empty."""
        return self._inbox.gather(wait_s, linger_s, max_messages, max_bytes)

    def acknowledge(self, messages: list[Message]) -> None:
        """One acknowledgement a channel: each queue's messages were handed out, and come back, in their order."""
        newest: dict[int, int] = {}
        for message in messages:
            newest[message.connection] = max(message.mid, newest.get(message.connection, 0))

        def send() -> None:
            for number, tag in newest.items():
                if number in self._channels:
                    self._channels[number].basic_ack(tag, multiple=True)

        self._soon(send)

    def publish(self, topic: str, payload: bytes) -> None:
        """Hands a message for a gateway to the cluster; a lost one is made good by the next acknowledgement."""

        def send() -> None:
            for channel in list(self._channels.values())[:1]:
                channel.basic_publish(_EXCHANGE, _key(topic), payload, pika.BasicProperties(delivery_mode=_PERSISTENT))

        self._soon(send)

    def _soon(self, work: Callable[[], None]) -> None:
        """Runs in the connection's thread, the only one that may touch it; forgotten when there is no connection."""
        with self._lock:
            if self._connection is not None and self._connection.is_open:
                self._connection.add_callback_threadsafe(work)

    def _run(self) -> None:
        turn = random.randrange(len(self._settings.nodes))  # workers spread over the nodes
        while not self._stop.is_set():
            node = self._settings.nodes[turn % len(self._settings.nodes)]
            try:
                self._consume(node)
            except (AMQPError, OSError, ValueError) as error:
                if not self._stop.is_set():
                    _log.warning("cluster node %s: %s; trying the next", node, _said(error))
            except Exception:  # the thread must not end: without it the worker would wait for ever
                _log.exception("cluster node %s: the connection failed in a way nobody foresaw", node)
            turn += 1
            self._stop.wait(0.5 + random.random())

    def _consume(self, node: str) -> None:
        connection = open_connection(self._settings, node)
        try:
            self._channels = {}
            for queue in _QUEUES:
                self._number += 1
                self._channels[self._number] = self._open(connection, queue, self._number)
            with self._lock:
                self._connection = connection
            _log.info("connected to cluster node %s", node)
            while not self._stop.is_set():
                connection.process_data_events(time_limit=1.0)
        finally:
            with self._lock:
                self._connection = None
            self._channels = {}
            if connection.is_open:
                connection.close()

    def _open(self, connection: Any, queue: str, number: int) -> BlockingChannel:
        channel: BlockingChannel = connection.channel()
        channel.basic_qos(prefetch_count=self._settings.inflight)

        def receive(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
            self._inbox.put(Message(method.routing_key.replace(".", "/"), body, method.delivery_tag, number))

        channel.basic_consume(queue, receive)
        return channel


def open_connection(settings: Cluster, node: str) -> Any:
    """A connection to one node, as the holder of the configured certificate. Raises ``AMQPError`` or ``OSError``."""
    host, _, port = node.rpartition(":")
    context = ssl.create_default_context(cafile=settings.ca)
    context.load_cert_chain(settings.certificate, settings.key)
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            host=host,
            port=int(port),
            credentials=pika.credentials.ExternalCredentials(),
            ssl_options=pika.SSLOptions(context, host),
            heartbeat=_HEARTBEAT_S,
            socket_timeout=_TIMEOUT_S,
            stack_timeout=_TIMEOUT_S,
            blocked_connection_timeout=60.0,
        )
    )


def publish_once(settings: Cluster, topic: str, payload: bytes, lifetime: timedelta) -> bool:
    """One message with the cluster's confirmation; False when no gateway's queue waits for it.

    Raises ``OSError`` when no node takes it.
    """
    expires = str(int(lifetime.total_seconds() * 1000))
    problems: list[str] = []
    for node in settings.nodes:
        try:
            connection = open_connection(settings, node)
            try:
                channel = connection.channel()
                channel.confirm_delivery()
                properties = pika.BasicProperties(delivery_mode=_PERSISTENT, expiration=expires)
                channel.basic_publish(_EXCHANGE, _key(topic), payload, properties, mandatory=True)
                return True
            except UnroutableError:
                return False
            finally:
                if connection.is_open:
                    connection.close()
        except (AMQPError, NackError, OSError) as error:
            problems.append(f"{node}: {_said(error)}")
    raise OSError("no node of the cluster took it: " + "; ".join(problems))


def _key(topic: str) -> str:
    return topic.replace("/", ".")


def _said(error: BaseException) -> str:
    """pika's exceptions often print as nothing."""
    return str(error) or repr(error)
