"""Both Kafka bindings of CloudEvents: structured mode, and binary mode with `ce_` headers. Whatever bytes and headers a
record has, it has one outcome, which names source and id where they can be read."""

import json
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from hypothesis import given
from hypothesis import strategies as st

from schemas.sources import department
from schemas.topics import INPUTS, LIMITS
from schemas.vocabulary import Reason
from services.aggregator.worker.decide import NAME_LIMIT, DecodedEvent, Rejection, read
from services.aggregator.worker.fetched_records import _PartitionRecords, _Records, as_records
from services.aggregator.worker.partition import _reject
from services.aggregator.worker.records import InputRecord
from services.aggregator.worker.state import PartitionState
from tests import oracle
from tests.parts.facts import SECRET
from tests.strategies import PARTITIONS, PLAN, poisons, written
from tests.unit.example_plans import report

TOPIC = "program-status"
PARTITION = oracle.partition_of(PLAN, PARTITIONS)
SOURCE = department(PLAN, "dinkes")
RECEIVED_MS = 1_795_435_200_000  # 2026-11-23

Headers = tuple[tuple[str, bytes | None], ...]

EVENT: dict[str, Any] = report("A", "2020-01-31").event
ATTRIBUTES = {f"ce_{name}": str(EVENT[name]).encode() for name in ("specversion", "id", "source", "type", "time")}
DATA = json.dumps(EVENT["data"]).encode()


def record(value: bytes | None, *headers: tuple[str, bytes | None]) -> InputRecord:
    return InputRecord(7, RECEIVED_MS, None, value, headers)


def binary(
    data: bytes | None = DATA, content_type: bytes | None = b"application/json", **changes: bytes
) -> InputRecord:
    headers: list[tuple[str, bytes | None]] = [*(ATTRIBUTES | changes).items()]
    if content_type is not None:
        headers.append(("content-type", content_type))
    return record(data, *headers)


def outcome(of: InputRecord, topic: str = TOPIC) -> DecodedEvent | Rejection:
    return read(topic, PARTITION, PARTITIONS, of, SECRET)


STRUCTURED = outcome(record(written(EVENT), ("content-type", b"application/cloudevents+json")))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("content-type", b"application/cloudevents+json; charset=utf-8"),),
        (("Content-Type", b"Application/CloudEvents+JSON"),),
        (("content-type", b"application/json"),),
        (("content-type", None),),
        (("traceparent", b"00-\xff"), ("content-type", b"application/cloudevents+json")),
        (("content-type", b"application/cloudevents+json"), ("ce_id", b"another"), ("ce_data", b"{}")),
    ],
)
def test_structured_mode_is_read_whatever_stands_beside_it(headers: Headers) -> None:
    assert isinstance(STRUCTURED, DecodedEvent)
    assert outcome(record(written(EVENT), *headers)) == STRUCTURED


@pytest.mark.parametrize(
    "of",
    [
        binary(),
        binary(content_type=None),
        binary(content_type=b"Application/JSON; charset=UTF-8"),
        binary(content_type=b"application/vnd.pantau.report+json"),
        binary(b"\xef\xbb\xbf" + DATA),
        binary(ce_subject="Pontianak é".encode(), ce_dataschema=b"https://example.org", ce_data=b"{}", ce_x=b""),
    ],
)
def test_binary_mode_is_the_same_event(of: InputRecord) -> None:
    assert outcome(of) == STRUCTURED


@pytest.mark.parametrize(
    ("of", "reason", "detail"),
    [
        (binary(b"not JSON"), Reason.NOT_JSON, "data: "),
        (binary(b""), Reason.NOT_JSON, "data: "),
        (binary(None), Reason.NOT_JSON, "no value"),
        (binary(b'{"source": "/plans/x/council", "id": "y"}'), Reason.WRONG_SHAPE, "data.program"),
        (binary(b" " * (LIMITS[TOPIC] + 1)), Reason.TOO_LARGE, "at most"),
        (binary(DATA + b',"attestedrole":"administrator"'), Reason.NOT_JSON, "data: "),
        (binary(content_type=b"text/xml"), Reason.WRONG_SHAPE, "datacontenttype"),
        (binary(ce_specversion=b"0.3"), Reason.WRONG_SHAPE, "specversion"),
        (binary(ce_subject=b"\xff"), Reason.WRONG_SHAPE, "ce_subject: is not UTF-8"),
        (binary(ce_data_base64=b"e30="), Reason.WRONG_SHAPE, "data_base64: Value error, is not accepted"),
        (binary(ce_type=b"no.such"), Reason.UNKNOWN_TYPE, "no.such"),
        (record(written(EVENT)[:-9], *ATTRIBUTES.items(), ("content-type", b"application/cloudevents+json")),
         Reason.NOT_JSON, ""),
        (record(b"Obj", *ATTRIBUTES.items(), ("content-type", b"application/cloudevents+avro")),
         Reason.NOT_JSON, "avro is not supported"),
        (record(b"[]", *ATTRIBUTES.items(), ("content-type", b"application/cloudevents-batch+json")),
         Reason.NOT_JSON, "one event in a record"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_rejected_by_name_with_its_source(of: InputRecord, reason: Reason, detail: str) -> None:
    why = outcome(of)
    assert isinstance(why, Rejection)
    assert why.reason is reason
    assert detail in why.detail
    assert (why.plan, why.source, why.id) == (PLAN, SOURCE, EVENT["id"])


def test_structured_data_base64_is_refused_by_name_and_null_is_none() -> None:
    why = outcome(record(written(EVENT | {"data_base64": "e30="})))
    assert isinstance(why, Rejection)
    assert "data_base64" in why.detail
    assert outcome(record(written(EVENT | {"data_base64": None}))) == STRUCTURED


def test_source_and_id_are_repeated_up_to_256_characters() -> None:
    why = outcome(binary(b"", ce_id=b"x" * 300))
    assert isinstance(why, Rejection)
    assert why.id == "x" * NAME_LIMIT == "x" * 256


def test_what_is_rejected_keeps_the_original_value_and_headers_before_our_own() -> None:
    original: Headers = (("topic", b"mine"), ("x", None), ("x", b"\xff"), ("reason", b"none"), ("", b""))
    refused = PartitionState(PARTITION, PARTITIONS, SECRET).fold(TOPIC, [record(b"nonsense", *original)]).refused
    message = _reject(TOPIC, PARTITION, refused[0])
    assert message.value == b"nonsense"
    assert tuple(message.headers)[: len(original)] == original
    assert dict(message.headers)["topic"] == TOPIC.encode(), "the last of a name is ours"
    assert dict(message.headers)["reason"] == b"not_json"


def test_source_and_id_of_a_reject_are_what_every_database_holds() -> None:
    odd = written(EVENT | {"source": "\ud800/plans\0", "id": "\udfff"})
    message = _reject(
        TOPIC, PARTITION, PartitionState(PARTITION, PARTITIONS, SECRET).fold(TOPIC, [record(odd)]).refused[0]
    )
    own = dict(message.headers)
    assert (own["source"], own["id"]) == ("\ufffd/plans\ufffd".encode(), "\ufffd".encode())


def fetched(data: bytes) -> list[InputRecord]:
    """What the consumer makes of the bytes of a fetch."""
    return [*_PartitionRecords(TopicPartition(TOPIC, 0), _Records(data), [], 0, None, as_records, True, 1)]


def batch(records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]], compression: int) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=compression, is_transactional=False, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=100_000,
    )  # fmt: skip
    for offset, (key, value, headers) in enumerate(records):
        builder.append(offset, RECEIVED_MS, key, value, headers)
    return bytes(builder.build())


@pytest.mark.parametrize("compression", [0, 4])
def test_the_consumers_records_reach_the_decoder_whole(compression: int) -> None:
    headers: list[tuple[str, bytes | None]] = [*binary().headers]
    found = fetched(batch([(b"key", DATA, headers), (None, None, []), (b"", b"x", [("a", None)])], compression))
    assert [(each.offset, each.received_ms, each.key, each.value, [*each.headers]) for each in found] == [
        (0, RECEIVED_MS, b"key", DATA, headers),
        (1, RECEIVED_MS, None, None, []),
        (2, RECEIVED_MS, b"", b"x", [("a", None)]),
    ]
    assert outcome(found[0]) == STRUCTURED


@pytest.mark.parametrize("compression", [0, 4])
def test_names_of_headers_that_are_no_utf_8_are_read_and_hurt_no_other_record(compression: int) -> None:
    class Name(str):
        def encode(self, *_: Any) -> bytes:
            return b"ce_\xff"

    data = batch(
        [(b"key", b"%d" % offset, [(Name("x") if offset % 2 else "x", b"y")]) for offset in range(5)], compression
    )

    found = fetched(data * 2)

    assert [(each.offset, each.value) for each in found] == [(offset, b"%d" % offset) for offset in range(5)]
    assert [[*each.headers] for each in found] == [[("ce_\ufffd" if offset % 2 else "x", b"y")] for offset in range(5)]


# ── any record at all ────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = st.sampled_from([*ATTRIBUTES, "content-type", "Content-Type", "ce_", "ce_data", "ce_datacontenttype", "x", ""])
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode()),
    st.sampled_from([*ATTRIBUTES.values(), b"application/cloudevents+json", b"application/json", b"\xed\xa0\x80"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ODD_EVENTS = st.builds(
    lambda changes, dropped: json.dumps(
        {name: value for name, value in (EVENT | changes).items() if name not in dropped}
    ).encode(),
    st.dictionaries(st.sampled_from([*EVENT, "data_base64", "attestedrole", "datacontenttype"]), JSON, max_size=3),
    st.sets(st.sampled_from(sorted(EVENT)), max_size=2),
)
BYTES = st.one_of(
    st.none(),
    st.binary(max_size=200),
    ODD_EVENTS,
    JSON.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([value for _, value in poisons().values()]),
    st.sampled_from([DATA, written(EVENT), b"\xef\xbb\xbf", b"\xef\xbb\xbf" + written(EVENT)]),
)


@given(
    value=BYTES,
    headers=st.lists(st.tuples(NAMES | st.text(max_size=10), VALUES), max_size=8),
    topic=st.sampled_from(INPUTS),
)
def test_any_bytes_and_any_headers_have_exactly_one_outcome(
    value: bytes | None, headers: list[tuple[str, bytes | None]], topic: str
) -> None:
    of = record(value, *headers)
    assert isinstance(read(topic, PARTITION, PARTITIONS, of, SECRET), DecodedEvent | Rejection), "nothing is raised"

    folded = PartitionState(PARTITION, PARTITIONS, SECRET).fold(topic, [of])

    assert folded.accepted + folded.duplicate + folded.conflict + folded.rejected == 1
    for refused in folded.refused:
        assert refused.why.reason is not Reason.INTERNAL_ERROR
        message = _reject(topic, PARTITION, refused)
        assert message.value == (value or b"")
        assert list(message.headers)[: len(headers)] == headers
        own = {name: (header_value or b"").decode() for name, header_value in list(message.headers)[len(headers) :]}
        assert not any("\0" in header_value for header_value in own.values()), "PostgreSQL takes no U+0000"
        assert max(len(own["source"]), len(own["id"])) <= NAME_LIMIT
        assert sum(map(len, own.values())) < 8_000
