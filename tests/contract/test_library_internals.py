"""The internals of Faust and aiokafka that the services use still exist, and the libraries still call them as before.

A failure names the hook and says what it is used for: look there before the library's pin in pyproject.toml is moved.
"""

import ast
import importlib
import inspect
import re
import sys
import textwrap
import tomllib
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka.codec import zstd_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from services.aggregator.worker.library_internals import compress_fast
from services.aggregator.worker.writer import ZSTD

ROOT = Path(__file__).parents[2]
INTERNALS = Path("services/aggregator/worker/library_internals.py")
# What services/kit, which imports nothing of the worker, takes itself: by file, the modules.
OF_THE_KIT = {Path("services/kit/kafka_refusals.py"): {"aiokafka.conn"}}
DISTRIBUTIONS = {"faust": "faust-streaming", "mode": "mode-streaming", "aiokafka": "aiokafka"}
DOCUMENTED = {
    "aiokafka",
    "aiokafka.admin",
    "aiokafka.admin.config_resource",
    "aiokafka.coordinator.assignors.range",
    "aiokafka.errors",
    "aiokafka.structs",
    "faust",
    "faust.auth",
    "faust.types",
}


class Inside(NamedTuple):
    """Something of a library's insides. `parameters`: of a function, as we call or override it; `caller`: what of the
    library has to use it, where we put ours in its place."""

    name: str
    used_for: str
    parameters: tuple[str, ...] | None = None
    caller: str | None = None


APP = "faust.app.base:App"
DRIVER = "faust.transport.drivers.aiokafka"
CONSUMER = "faust.transport.consumer:Consumer"
SUBSCRIPTION = "aiokafka.consumer.subscription_state"
CLIENT = "aiokafka.client:AIOKafkaClient"
API = "aiokafka.protocol.api"
REQUESTS = "transactions as brokers serve them since Kafka 4.0 (transaction_requests.py)"
RECORDS = "aiokafka.record"
LENIENT = "reading records whose headers have names that are no UTF-8 (fetched_records.py)"
ONCE = "making each record that was read once, as our own (fetched_records.py)"
CHUNKS = "chunks as the unit of work (transport.py)"
NO_COMMITS = "committing nothing but in transactions (transport.py)"
WRITER = "the transactional producer of a partition (writer.py)"

INSIDES = (
    # what Faust calls, and we replace
    Inside(f"{APP}._new_transport", "putting our transport in", ("self",), f"{APP}.transport"),
    Inside(f"{APP}._create_directories", "having no folder of tables", ("self",), f"{APP}.on_first_start"),
    Inside("mode.worker:Worker._schedule_shutdown", "stopping at once on a signal", ("self", "signal"),
           "mode.worker:Worker._on_sigterm"),
    Inside(f"{DRIVER}:AIOKafkaConsumerThread._create_worker_consumer", "reading what is committed, assigned by range",
           ("self", "transport"), f"{DRIVER}:AIOKafkaConsumerThread._create_consumer"),
    Inside(f"{DRIVER}:AIOKafkaConsumerThread._fetch_records", "seeing both ends of a partition with each fetch",
           ("self", "consumer", "active_partitions", "timeout", "max_records"),
           f"{DRIVER}:AIOKafkaConsumerThread.getmany"),
    Inside(f"{DRIVER}:Consumer._new_consumer_thread", "putting our consumer thread in", ("self",),
           "faust.transport.consumer:ThreadDelegateConsumer.__init__"),
    Inside(f"{DRIVER}:Transport.Consumer", "putting our consumer in", None, "faust.transport.base:Transport.create_consumer"),
    Inside(f"{CONSUMER}.getmany", CHUNKS, ("self", "timeout"), f"{CONSUMER}._drain_messages"),
    Inside(f"{CONSUMER}.perform_seek", "taking partitions over before anything is read", ("self",),
           "faust.tables.recovery:Recovery._resume_streams"),
    Inside(f"{CONSUMER}.commit", NO_COMMITS, ("self", "topics", "start_new_transaction"), f"{CONSUMER}._commit_handler"),
    Inside(f"{CONSUMER}._commit", NO_COMMITS, ("self", "offsets"), f"{CONSUMER}._commit_offsets"),
    Inside(f"{CONSUMER}._add_gap", NO_COMMITS, ("self", "tp", "offset_from", "offset_to"), f"{CONSUMER}._drain_messages"),
    # what we call or set of Faust
    Inside(f"{DRIVER}:server_list", "the addresses of the brokers", ("urls", "default_port")),
    Inside(f"{CONSUMER}._get_active_partitions", CHUNKS, ("self",)),
    Inside(f"{CONSUMER}._getmany", CHUNKS, ("self", "active_partitions", "timeout")),
    Inside(f"{CONSUMER}._read_offset", "reading on, after a takeover, from where the last transaction ended", None,
           f"{CONSUMER}._drain_messages"),
    # what aiokafka calls, and we replace
    Inside("aiokafka.consumer.fetcher:MemoryRecords", LENIENT, None,
           "aiokafka.consumer.fetcher:Fetcher._proc_fetch_request"),
    Inside("aiokafka.consumer.fetcher:PartitionRecords", ONCE, None,
           "aiokafka.consumer.fetcher:Fetcher._proc_fetch_request"),
    Inside("aiokafka.consumer.fetcher:PartitionRecords._consumer_record", ONCE, ("self", "tp", "record"),
           "aiokafka.consumer.fetcher:PartitionRecords._unpack_records"),
    Inside("aiokafka.codec:zstd_encode", "compressing at another level (writer.py)", ("payload", "level")),
    Inside("aiokafka.consumer.fetcher:PartitionRecords._records_iterator", ONCE),
    Inside("aiokafka.consumer.fetcher:PartitionRecords._value_deserializer", ONCE),
    Inside(f"{RECORDS}.memory_records:MemoryRecords", LENIENT),
    Inside(f"{RECORDS}.memory_records:MemoryRecords.next_batch", LENIENT, ("self",),
           "aiokafka.consumer.fetcher:PartitionRecords._unpack_records"),
    Inside(f"{API}:Request.build", REQUESTS, ("self", "request_struct_class"), f"{API}:Request.prepare"),
    Inside(f"{API}:RequestStruct.parse_response_header", REQUESTS, ("self", "read_buffer"),
           "aiokafka.conn:AIOKafkaConnection._handle_frame"),
    # what we call or read of aiokafka
    Inside("aiokafka.consumer.consumer:AIOKafkaConsumer._subscription", "how far behind a partition is"),
    Inside(f"{SUBSCRIPTION}:SubscriptionState.subscription", "how far behind a partition is"),
    Inside(f"{SUBSCRIPTION}:Subscription.assignment", "how far behind a partition is"),
    Inside(f"{SUBSCRIPTION}:Assignment.state_value", "how far behind a partition is", ("self", "tp")),
    Inside(f"{SUBSCRIPTION}:TopicPartitionState.has_valid_position", "how far behind a partition is"),
    Inside(f"{SUBSCRIPTION}:TopicPartitionState.position", "how far behind a partition is"),
    Inside(f"{SUBSCRIPTION}:TopicPartitionState.lso", "how far behind a partition is"),
    Inside(f"{RECORDS}.memory_records:_MemoryRecordsPy", LENIENT),
    Inside(f"{RECORDS}.memory_records:_MemoryRecordsPy.next_batch", LENIENT, ("self",)),
    Inside(f"{RECORDS}.memory_records:_MemoryRecordsPy._next_slice", LENIENT),
    Inside(f"{RECORDS}.default_records:_DefaultRecordBatchPy", LENIENT, ("buffer",)),
    Inside(f"{RECORDS}.default_records:_DefaultRecordBatchPy._maybe_uncompress", LENIENT, ("self",)),
    Inside(f"{RECORDS}.default_records:_DefaultRecordBatchPy._buffer", LENIENT, None,
           f"{RECORDS}.default_records:_DefaultRecordBatchPy._read_msg"),
    Inside(f"{RECORDS}.default_records:DefaultRecordBatchBuilder", WRITER),
    Inside(f"{RECORDS}.default_records:DefaultRecordBatchBuilder.append", WRITER,
           ("self", "offset", "timestamp", "key", "value", "headers")),
    Inside(f"{RECORDS}.default_records:DefaultRecordBatchBuilder.build", WRITER, ("self",)),
    Inside(f"{CLIENT}", WRITER),
    Inside(f"{CLIENT}.bootstrap", WRITER, ("self",)),
    Inside(f"{CLIENT}.close", WRITER, ("self",)),
    Inside(f"{CLIENT}.cluster", WRITER),
    Inside(f"{CLIENT}.coordinator_lookup", WRITER, ("self", "coordinator_type", "coordinator_key")),
    Inside(f"{CLIENT}.force_metadata_update", WRITER, ("self",)),
    Inside(f"{CLIENT}.send", WRITER, ("self", "node_id", "request", "group")),
    Inside(f"{CLIENT}.set_topics", WRITER, ("self", "topics")),
    Inside("aiokafka.conn:create_conn", "saying why a broker refuses a user (services/kit/kafka_refusals.py)",
           ("host", "port", "client_id", "request_timeout_ms", "ssl_context", "security_protocol")),
    Inside("aiokafka.cluster:ClusterMetadata.leader_for_partition", WRITER, ("self", "partition")),
    Inside("aiokafka.client:ConnectionGroup.COORDINATION", WRITER),
    Inside("aiokafka.client:CoordinationType.TRANSACTION", WRITER),
    Inside("aiokafka.protocol.transaction:InitProducerIdRequest", WRITER, ("transactional_id", "transaction_timeout_ms")),
    Inside(f"{API}:Response", REQUESTS),
    Inside(f"{API}:ResponseHeader_v0.decode", REQUESTS, ("data",)),
    *(
        Inside(f"aiokafka.protocol.types:{kind}", REQUESTS)
        for kind in (
            "Boolean", "CompactArray", "CompactBytes", "CompactString", "Int16", "Int32", "Int64", "Schema", "TaggedFields",
        )
    ),
)  # fmt: skip


def library(name: str) -> str:
    """The distribution that a name belongs to, and its version here."""
    distribution = DISTRIBUTIONS[name.partition(".")[0]]
    return f"{distribution} {version(distribution)}"


def found(name: str) -> Any:
    """What stands at `module:qualified.name`. Raises AttributeError or ImportError."""
    module, _, qualified = name.partition(":")
    return reduce(getattr, qualified.split("."), importlib.import_module(module))


def source(of: Any) -> str:
    """The source of a class with its bases, of a function, or of the function that a property or a task is made from."""
    if isinstance(of, type):
        return "".join(
            inspect.getsource(cls) for cls in of.__mro__ if cls.__module__.partition(".")[0] in DISTRIBUTIONS
        )
    return textwrap.dedent(inspect.getsource(getattr(of, "fget", None) or getattr(of, "fun", of)))


def is_there(name: str) -> bool:
    """Whether a name can be had: as an attribute, or as one that the methods of its class assign to `self`."""
    try:
        found(name)
    except ImportError:
        return False
    except AttributeError:
        owner, _, attribute = name.rpartition(".")
        return (
            ":" in owner and is_there(owner) and bool(re.search(rf"\bself\.{attribute}\b.* = ", source(found(owner))))
        )
    return True


def attributes_read(text: str) -> set[str]:
    """The names and attributes that a source mentions."""
    tree = ast.parse(text)
    return {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)} | {
        each.id for each in ast.walk(tree) if isinstance(each, ast.Name)
    }


@pytest.mark.parametrize("inside", INSIDES, ids=lambda inside: inside.name)
def test_what_the_worker_takes_of_a_library_is_still_there(inside: Inside) -> None:
    assert is_there(inside.name), f"{library(inside.name)} no longer has {inside.name}, used for {inside.used_for}"
    if inside.parameters is not None:
        now = tuple(inspect.signature(found(inside.name)).parameters)
        assert now[: len(inside.parameters)] == inside.parameters, (
            f"{library(inside.name)} has other parameters of {inside.name}, used for {inside.used_for}: {now}"
        )


@pytest.mark.parametrize("inside", [each for each in INSIDES if each.caller], ids=lambda inside: inside.name)
def test_what_the_worker_replaces_in_a_library_is_still_used_there(inside: Inside) -> None:
    assert inside.caller is not None
    assert is_there(inside.caller), f"{library(inside.name)} no longer has {inside.caller}, which used {inside.name}"
    name = re.split("[:.]", inside.name)[-1]
    assert name in attributes_read(source(found(inside.caller))), (
        f"{library(inside.name)}: {inside.caller} no longer uses {inside.name}, which is for {inside.used_for}"
    )


def test_a_name_that_a_library_does_not_have_is_seen() -> None:
    assert not is_there(f"{CONSUMER}._no_such_hook")
    assert not is_there("aiokafka.no_such_module:Consumer")
    assert is_there(f"{SUBSCRIPTION}:TopicPartitionState.lso"), "which only instances have"


def test_versions_are_pinned_exactly_and_are_those_installed() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for distribution in DISTRIBUTIONS.values():
        assert f"{distribution}=={version(distribution)}" in dependencies


# ── one file has them, and one of the kit ────────────────────────────────────────────────────────────────────────────


def imports(tree: ast.AST) -> dict[str, str]:
    """The modules of the libraries that a file imports from, and each name it imports with its module."""
    taken: dict[str, str] = {}
    for each in ast.walk(tree):
        if isinstance(each, ast.Import):
            taken |= {name.name: name.name for name in each.names}
        elif isinstance(each, ast.ImportFrom) and each.module:
            taken |= {name.name: each.module for name in each.names}
    return {name: module for name, module in taken.items() if module.partition(".")[0] in DISTRIBUTIONS}


def test_every_inside_that_is_taken_is_listed_with_its_use() -> None:
    tree = ast.parse((ROOT / INTERNALS).read_text())
    private = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)} | {
        each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    taken = {name for name in private if re.match("_[a-z]", name)} - {"_stopping"}
    for path in (INTERNALS, *OF_THE_KIT):
        modules = imports(ast.parse((ROOT / path).read_text()))
        taken |= {name for name, module in modules.items() if module not in DOCUMENTED}
    listed = {part for name, *_ in INSIDES for part in re.split("[:.]", name)}
    assert taken - listed == set()


def test_no_other_file_of_the_services_takes_any() -> None:
    private = {re.split("[:.]", name)[-1] for name, *_ in INSIDES}
    hooks = {name for name in private if re.match("_[a-z]", name)} - {
        "_commit",
        "_buffer",
    }  # names that others have too
    for path in sorted((ROOT / "services").rglob("*.py")):
        if path.relative_to(ROOT) == INTERNALS:
            continue
        tree = ast.parse(path.read_text())
        allowed = DOCUMENTED | OF_THE_KIT.get(path.relative_to(ROOT), set())
        assert set(imports(tree).values()) <= allowed, f"{path}: take it through {INTERNALS}"
        assert not hooks & attributes_read(path.read_text()), f"{path}: take it through {INTERNALS}"


def test_batches_are_compressed_at_level_1() -> None:
    text = b"".join(b'{"program":"%d","physical":"%d"}' % (each, each * 7919 % 101) for each in range(2_000))

    def batch() -> bytes:
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=ZSTD, is_transactional=1, producer_id=1, producer_epoch=1, base_sequence=0,
            batch_size=len(text) + 1_000,
        )  # fmt: skip
        builder.append(0, 0, b"key", text, [])
        return bytes(builder.build())

    module = vars(sys.modules[DefaultRecordBatchBuilder.__module__])
    asked = []

    def recorded(payload: bytes, level: int | None = None) -> bytes:
        asked.append(level)
        compressed: bytes = zstd_encode(payload, level)
        return compressed

    before = module["zstd_encode"]
    try:
        compress_fast(recorded)
        batch()
    finally:
        module["zstd_encode"] = before
    assert asked == [1]
