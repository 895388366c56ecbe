"""JSON Schema (2020-12) and AsyncAPI (3.0) of the wire, generated from the structs; ``python -m`` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from smokesentry.messages import envelope
from smokesentry.messages.control import Ack, Command, State
from smokesentry.messages.envelope import Envelope
from smokesentry.messages.records import LANES, WIRE_VERSION, Batch

_PAYLOADS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "batch": (Batch, envelope.BATCH_TYPE),
    "ack": (Ack, envelope.ACK_TYPE),
    "command": (Command, envelope.COMMAND_TYPE),
    "state": (State, envelope.STATE_TYPE),
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """One self-contained schema a message: the envelope, and each payload that an envelope can carry."""
    types: dict[str, type[msgspec.Struct]] = {"envelope": Envelope} | {
        name: kind for name, (kind, _) in _PAYLOADS.items()
    }
    schemas = {}
    for name, kind in types.items():
        (top,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
        schemas[name] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"smokesentry wire v{WIRE_VERSION}: {name}",
            **top,
            "$defs": parts,
        }
    return schemas


def asyncapi() -> dict[str, Any]:
    """The topics, who sends what on them, and the schema of each payload once its envelope is opened."""
    address = "smokesentry/v1/{tenant}/{gateway}"
    channels = {
        "up": (f"{address}/up/{{lane}}", "batch", "send", "Numbered, signed records of one lane; QoS 1."),
        "ack": (f"{address}/down/ack", "ack", "receive", "What the cloud holds durably; sent after its commit."),
        "command": (f"{address}/down/command", "command", "receive", "Signed orders; the counter must rise."),
        "state": (f"{address}/state", "state", "send", "Retained; the last will says offline."),
    }
    parameters: dict[str, Any] = {
        "tenant": {"description": "town"},
        "gateway": {"description": "certificate common name"},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Smoke Sentry wire",
            "version": str(WIRE_VERSION),
            "description": "As a gateway sees it. Every payload travels in a DSSE envelope (envelope.json).",
        },
        "channels": {
            name: {
                "address": topic,
                "description": text,
                "parameters": parameters | ({"lane": {"enum": list(LANES)}} if name == "up" else {}),
                "messages": {payload: {"$ref": f"#/components/messages/{payload}"}},
            }
            for name, (topic, payload, _, text) in channels.items()
        },
        "operations": {
            name: {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
            for name, (_, _, action, _) in channels.items()
        },
        "components": {
            "messages": {
                name: {"contentType": content, "payload": {"$ref": f"./{name}.json"}}
                for name, (_, content) in _PAYLOADS.items()
            }
        },
    }


def documents() -> dict[str, str]:
    """File name to text of everything published."""
    named = {f"{name}.json": schema for name, schema in json_schemas().items()} | {"asyncapi.json": asyncapi()}
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in named.items()}


def main(argv: list[str]) -> int:
    """Writes the documents into a folder."""
    folder = Path(argv[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
