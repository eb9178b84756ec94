"""No dead code: every class, function, method and import is used somewhere in this checkout."""

from pathlib import Path

import pytest
from vulture import Vulture  # type: ignore[import-untyped]  # vulture has no types

ROOT = Path(__file__).parents[2]
FOLDERS = ("schemas", "realization", "presentation", "services", "sdk", "deploy", "samples", "tests", "benchmarks")
KINDS = {"class", "function", "method", "property", "import", "unreachable_code"}  # fields of models are read by name

DECORATORS = [  # what they mark is called by a framework
    "@*validator",
    "@*serializer",
    "@*fixture",
    "@*hookimpl",
    "@*.get",
    "@*.post",
    "@*.put",
    "@*.delete",
    "@*.middleware",
    "@*.exception_handler",
    "@*.connect",
    "@*.listens_for",
]

CALLED_FROM_OUTSIDE = {
    "from_data": "Faust, as a model's",
    "_new_transport": "Faust's app, where its transport is put in",
    "_create_directories": "Faust's app, before it starts",
    "_create_worker_consumer": "Faust's consumer thread",
    "_new_consumer_thread": "Faust's consumer",
    "_commit": "Faust's consumer",
    "perform_seek": "Faust's consumer, after a rebalance",
    "_schedule_shutdown": "Faust's worker, on a signal",
    "_add_gap": "Faust's consumer, for offsets it never saw",
    "parse_response_header": "aiokafka, of a request",
    "log_message": "Python's http.server",
    "initialize": "hatchling, of a build hook",
    "EventSchemas": "hatchling, of hatch_build.py",
    "add_command": "the command `pantau`, by entry points",
}


@pytest.fixture(scope="module")
def unused() -> dict[str, str]:
    """Where each unused name stands, tests' own functions and cases left out."""
    vulture = Vulture(ignore_names=["test_*"], ignore_decorators=DECORATORS)
    vulture.scavenge([str(ROOT / folder) for folder in FOLDERS if (ROOT / folder).is_dir()])
    found = vulture.get_unused_code(min_confidence=60)
    return {
        item.name: f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.typ} {item.name}"
        for item in found
        if item.typ in KINDS
    }


def test_everything_is_used(unused: dict[str, str]) -> None:
    dead = sorted(where for name, where in unused.items() if name not in CALLED_FROM_OUTSIDE)
    assert not dead, "used nowhere; delete it, or say in CALLED_FROM_OUTSIDE who calls it:\n" + "\n".join(dead)


def test_no_exception_is_stale(unused: dict[str, str]) -> None:
    stale = sorted(CALLED_FROM_OUTSIDE.keys() - unused.keys())
    assert not stale, f"no longer needed in CALLED_FROM_OUTSIDE: {stale}"
