"""Writes schemas/jsonschema/*.json and schemas/asyncapi.json from the models; `--check` fails when they differ.

Run: python -m schemas.generate [--check]
"""

import json
import sys
from pathlib import Path
from typing import Any

from schemas.access import Audited, OfficeAccess
from schemas.envelope import MEDIA_TYPE
from schemas.facts import Fact, Progress, RejectHeaders, Snapshot
from schemas.private import PrivateRecord
from schemas.registry import KINDS
from schemas.topics import TOPICS

HERE = Path(__file__).parent
DRAFT = "https://json-schema.org/draft/2020-12/schema"

_WRITTEN = {
    "facts": ("fact", Fact),
    "facts-private": ("private-part", PrivateRecord),
    "rejected": ("rejected-headers", RejectHeaders),
    "realization": ("snapshot", Snapshot),
    "aggregator-progress": ("progress", Progress),
    "access": ("office-access", OfficeAccess),
    "audit": ("audited", Audited),
}


def _models() -> dict[str, Any]:
    events = {kind.event_type: kind.model for kind in KINDS}
    return events | dict(_WRITTEN.values())


def _asyncapi() -> dict[str, Any]:
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in TOPICS:
        if topic.name in _WRITTEN:
            names = [_WRITTEN[topic.name][0]]
        else:
            names = [kind.event_type for kind in KINDS if kind.topic == topic.name]
        for name in names:
            events = name not in {written for written, _ in _WRITTEN.values()}
            where = "headers" if name == "rejected-headers" else "payload"
            messages[name] = {
                "name": name,
                "contentType": MEDIA_TYPE if events else "application/json",
                where: {"$ref": f"jsonschema/{name}.json"},
            }
        channels[topic.name] = {
            "address": topic.name,
            "title": topic.title,
            "description": f"Key: {topic.key}. Written by: {', '.join(topic.writers)}.",
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            "bindings": {"kafka": {"topicConfiguration": topic.config, "bindingVersion": "0.5.0"}},
        }
        operations[f"write-{topic.name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{topic.name}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pantau",
            "version": "1.0.0",
            "description": "Events by which departments, evaluators and the council report how far a masterplan is realized.",
        },
        "defaultContentType": MEDIA_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def files() -> dict[Path, str]:
    """Every generated file with the text it must have."""
    texts: dict[Path, Any] = {HERE / "asyncapi.json": _asyncapi()}
    for name, model in _models().items():
        texts[HERE / "jsonschema" / f"{name}.json"] = {"$schema": DRAFT} | model.model_json_schema(mode="validation")
    return {path: json.dumps(text, indent=2, ensure_ascii=False) + "\n" for path, text in texts.items()}


def main() -> int:
    """Write the files, or with `--check` name those that differ and return 1."""
    wanted = files()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    stale += [path for path in (HERE / "jsonschema").glob("*.json") if path not in wanted]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(
                f"{path.relative_to(HERE.parent)} differs from the models: run `make generate` and review the difference"
            )
        return 1 if stale else 0
    (HERE / "jsonschema").mkdir(exist_ok=True)
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path], "utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
