"""CloudEvents as the specifications and other people's SDKs write them: over HTTP, and over Kafka on a real broker."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from httpx import Response
from kafka import KafkaProducer

from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from schemas.sources import department
from schemas.topics import EVENT_LIMIT, MIB, partition_of
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from services.programs.app import BATCH_LIMIT
from tests.integration.intake_site import ADMINISTRATOR, PARTITIONS, IntakeSite, bearer, report
from tests.parts.waiting import until

BOM = b"\xef\xbb\xbf"


def errors_of(response: Response, status: int = 422) -> dict[str, str]:
    """What is wrong, by place."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return {error["where"]: error["what"] for error in response.json()["errors"]}


def attributes(sent: dict[str, Any], prefix: str = "ce-") -> dict[str, str]:
    return {f"{prefix}{name}": str(sent[name]) for name in ("specversion", "id", "source", "type", "time")}


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("media_type", "changes"),
    [
        (MEDIA_TYPE, {}),
        ("Application/CloudEvents+JSON; charset=UTF-8", {}),
        ('application/cloudevents+json;charset="utf-8"', {"datacontenttype": "application/json; charset=utf-8"}),
        (MEDIA_TYPE, {"datacontenttype": "Application/Vnd.Pantau+JSON"}),
        (MEDIA_TYPE, {"subject": "x", "dataschema": "https://example.org", "traceparent": "00-1", "a1": 5, "b": True}),
        (MEDIA_TYPE, {"data_base64": None}),
    ],
)
def test_structured_mode_in_other_case_with_parameters_and_extensions(
    intake: IntakeSite, media_type: str, changes: dict[str, Any]
) -> None:
    response = intake.send(report("kota-x", "r-1") | changes, ADMINISTRATOR, media_type)
    assert response.status_code == 202, response.text


@pytest.mark.parametrize(
    ("media_type", "headers"),
    [
        ("application/json", {}),
        ("Application/JSON; charset=UTF-8", {}),
        ("application/vnd.pantau.report+json", {}),
        (
            "application/json",
            {"ce-id": '"r-\\1"', "ce-subject": '"a \\"quoted\\" subject"', "ce-x": "Euro%20%E2%82%AC"},
        ),
        ("application/json", {"CE-Id": "r%2D1", "ce-dataschema": "https://example.org", "ce-some-thing": ""}),
    ],
)
def test_binary_mode_quoted_percent_encoded_and_with_other_media_types(
    intake: IntakeSite, media_type: str, headers: dict[str, str]
) -> None:
    sent = report("kota-x", "r-1")
    names = {name.lower() for name in headers}
    given = {name: value for name, value in attributes(sent).items() if name not in names}
    response = intake.send(BOM + json.dumps(sent["data"]).encode(), ADMINISTRATOR, media_type, **given, **headers)
    assert response.status_code == 202, response.text
    assert response.json()["id"] == "r-1"


@pytest.mark.parametrize(
    ("header", "value", "what"),
    [
        ("ce-id", "r%FF", "is not UTF-8"),
        ("ce-id", b"r\xff", "is not UTF-8"),
        ("ce-subject", "%ED%A0%80", "is not UTF-8"),
        ("ce-data", "{}", "is not an attribute"),
        ("ce-data_base64", "e30=", "send the data as JSON"),
        ("ce-specversion", "0.3", "'1.0'"),
    ],
)
def test_binary_mode_names_the_header_that_is_wrong(intake: IntakeSite, header: str, value: Any, what: str) -> None:
    sent = report("kota-x", "r-1")
    headers = {**attributes(sent), header: value, "Content-Type": "application/json", **bearer(ADMINISTRATOR)}
    response = intake.programs.post("/v1/events", json=sent["data"], headers=headers)
    found = errors_of(response)
    assert found.keys() == {header if what.startswith("is") else header.removeprefix("ce-")}
    assert what in next(iter(found.values()))


def test_binary_mode_needs_its_attributes_each_once(intake: IntakeSite) -> None:
    sent = report("kota-x", "r-1")
    named = {name: value for name, value in attributes(sent).items() if name != "ce-specversion"}
    assert errors_of(intake.send(sent["data"], ADMINISTRATOR, "application/json", **named)).keys() == {"specversion"}
    twice = [*attributes(sent).items(), ("ce-id", "r-2"), ("Content-Type", "application/json")]
    response = intake.programs.post("/v1/events", json=sent["data"], headers=[*twice, *bearer(ADMINISTRATOR).items()])
    assert errors_of(response) == {"ce-id": "appears twice"}


def test_data_in_base64_is_refused_by_name(intake: IntakeSite) -> None:
    sent = report("kota-x", "r-1")
    encoded = {name: value for name, value in sent.items() if name != "data"} | {"data_base64": "e30="}
    found = errors_of(intake.send(encoded, ADMINISTRATOR))
    assert found.keys() == {"data", "data_base64"}
    assert "send the data as JSON in `data`" in found["data_base64"]


def test_another_version_of_cloudevents_is_named(intake: IntakeSite) -> None:
    found = errors_of(intake.send(report("kota-x", "r-1") | {"specversion": "0.3"}, ADMINISTRATOR))
    assert found == {"specversion": "Input should be '1.0'"}


def test_one_and_many_are_distinguished_by_name(intake: IntakeSite) -> None:
    sent = report("kota-x", "r-1")
    one = intake.send([sent], ADMINISTRATOR).json()["errors"][0]
    assert (one["where"], BATCH_MEDIA_TYPE in one["expected"]) == ("body", True)
    many = intake.send(sent, ADMINISTRATOR, BATCH_MEDIA_TYPE).json()["errors"][0]
    assert (many["where"], MEDIA_TYPE in many["expected"]) == ("body", True)


def test_an_empty_batch_is_a_batch(intake: IntakeSite) -> None:
    for body in (b"[]", BOM + b" [ ] "):
        response = intake.send(body, ADMINISTRATOR, "Application/CloudEvents-Batch+JSON; charset=utf-8")
        assert (response.status_code, response.json()) == (202, {"accepted": 0, "results": []})


@pytest.mark.parametrize("media_type", [MEDIA_TYPE, BATCH_MEDIA_TYPE, "application/cloudevents+avro"])
def test_other_formats_and_characters_are_named(intake: IntakeSite, media_type: str) -> None:
    avro = media_type.endswith("avro")
    response = intake.send(b"{}", ADMINISTRATOR, media_type if avro else f"{media_type}; charset=UTF-16")
    assert response.status_code == 415
    assert (media_type if avro else "utf-16") in response.json()["detail"]


def test_a_byte_order_mark_is_ignored(intake: IntakeSite) -> None:
    body = json.dumps(report("kota-x", "r-1")).encode()
    assert intake.send(BOM + body, ADMINISTRATOR).status_code == 202
    assert intake.send(BOM + b"[" + body + b"]", ADMINISTRATOR, BATCH_MEDIA_TYPE).status_code == 202


@pytest.mark.parametrize("batch", [False, True])
def test_names_that_stand_twice_are_refused_with_their_place(intake: IntakeSite, batch: bool) -> None:
    text = json.dumps(report("kota-x", "r-1", evidence=[{"title": "x", "sha256": "0" * 64}]))
    text = text.replace('"physical": "45.5"', '"physical": "45.5", "physical" : "99"')
    text = text.replace('"title": "x"', '"title": "x", "t\\u0069tle": "y", "title": "x"')
    text = text[:-1] + ', "id": "r-2", "x": [{"a": {"b": 1, "b": 1}}]}'
    response = intake.send(f"[{text}]" if batch else text, ADMINISTRATOR, BATCH_MEDIA_TYPE if batch else MEDIA_TYPE)
    assert response.status_code == 422
    errors = response.json()["results"][0]["errors"] if batch else response.json()["errors"]
    assert [error["where"] for error in errors] == ["id", "data.physical", "data.evidence.0.title", "x.0.a.b"]
    data = '{"program": "P-000", "program": "P-000"}'
    binary = intake.send(data, ADMINISTRATOR, "application/json", **attributes(report("kota-x", "r-1")))
    assert errors_of(binary) == {"data.program": "appears more than once"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000, "1e-400"])
@pytest.mark.parametrize("place", ["spent", "physical", "x"])
def test_numbers_that_are_none_are_refused_by_name(intake: IntakeSite, number: str, place: str) -> None:
    sent = report("kota-x", "r-1")
    text = json.dumps(sent | {"x": "$"} if place == "x" else sent | {"data": sent["data"] | {place: "$"}})
    text = text.replace('"$"', number)
    for body, media_type in ((text, MEDIA_TYPE), (f"[{text}]", BATCH_MEDIA_TYPE)):
        response = intake.send(body, ADMINISTRATOR, media_type)
        ignored = place == "x" and "e" in number
        tiny = number == "1e-400" and place != "x"  # it is read as 0
        assert response.status_code in ({202} if ignored else {202, 422} if tiny else {422}), response.text


# ── bodies that come compressed ──────────────────────────────────────────────────────────────────────────────────────


def send_encoded(intake: IntakeSite, body: bytes, encoding: str = "gzip", media_type: str = MEDIA_TYPE) -> Response:
    return intake.send(body, ADMINISTRATOR, media_type, **{"Content-Encoding": encoding})


def test_gzip_is_taken(intake: IntakeSite) -> None:
    body = json.dumps(report("kota-x", "r-1")).encode()
    for encoding in ("gzip", "GZIP", "x-gzip"):
        assert send_encoded(intake, gzip.compress(body), encoding).status_code == 202
    assert send_encoded(intake, body, "identity").status_code == 202
    batch = json.dumps([report("kota-x", f"r-{number}") for number in range(9_999)]).encode()
    response = send_encoded(intake, gzip.compress(batch), media_type=BATCH_MEDIA_TYPE)
    assert (response.status_code, response.json()["accepted"]) == (202, 9_999)
    counted = 'route="/v1/events",service="programs",status="202"'
    assert counted in intake.programs.get("/metrics").text


def test_gzip_is_bounded_by_what_it_inflates_to(intake: IntakeSite) -> None:
    bomb = gzip.compress(b" " * (64 * BATCH_LIMIT))
    assert len(bomb) < BATCH_LIMIT
    response = send_encoded(intake, bomb)
    assert (response.status_code, response.json()["limit"]) == (413, BATCH_LIMIT)
    just = gzip.compress(b" " * BATCH_LIMIT)
    assert send_encoded(intake, just).status_code == 422, "not too large, and no event"


GZIPPED = gzip.compress(b"{}")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"nonsense",
        GZIPPED[:-3],
        GZIPPED + b"x",
        2 * GZIPPED,
        zlib.compress(b"{}"),
        GZIPPED[:-8] + b"\0" * 8,
    ],
    ids=["empty", "nonsense", "cut short", "with a byte more", "twice", "zlib's", "with another checksum"],
)
def test_broken_gzip_is_named(intake: IntakeSite, broken: bytes) -> None:
    assert "gzip" in errors_of(send_encoded(intake, broken))["body"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "gzip, br"])
def test_other_encodings_are_answered_that_gzip_is_taken(intake: IntakeSite, encoding: str) -> None:
    response = send_encoded(intake, b"{}", encoding)
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip"
    assert "gzip" in response.json()["detail"]


def test_visits_are_inflated_too(intake: IntakeSite) -> None:
    headers = {"Content-Encoding": "gzip", **bearer(ADMINISTRATOR)}
    bomb = gzip.compress(b" " * (4 * EVENT_LIMIT))
    assert intake.evaluations.post("/v1/visits", content=bomb, headers=headers).status_code == 413
    response = intake.evaluations.post("/v1/visits", content=GZIPPED, headers=headers)
    assert "id" in errors_of(response)


# ── Kafka ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def kafka_headers(sent: dict[str, Any]) -> list[tuple[str, bytes | None]]:
    return [(name, value.encode()) for name, value in attributes(sent, "ce_").items()]


def publish(
    intake: IntakeSite, plan: str, records: Sequence[tuple[bytes | None, Sequence[tuple[str, bytes | None]]]]
) -> None:
    """Send records as a sender of another make does: with its own headers, or with any."""

    async def send() -> None:
        topic, partition = intake.kafka_topics.prefix + "program-status", partition_of(plan, PARTITIONS)
        async with AIOKafkaProducer(
            **client_options(KafkaSettings(kafka=intake.kafka_topics.bootstrap)), max_request_size=MIB
        ) as producer:
            for value, headers in records:
                await producer.send_and_wait(topic, value, plan.encode(), partition, headers=headers)

    asyncio.run(send())


def publish_raw(intake: IntakeSite, plan: str, name: bytes) -> None:
    """Send a record with a header whose name is these bytes. The protocol says names are UTF-8, and nothing checks it."""

    class Name(str):
        def encode(self, *_: Any) -> bytes:
            return name

    producer = KafkaProducer(**client_options(KafkaSettings(kafka=intake.kafka_topics.bootstrap)))
    topic, partition = intake.kafka_topics.prefix + "program-status", partition_of(plan, PARTITIONS)
    producer.send(topic, b"nonsense", headers=[(Name("x"), b"1")], partition=partition).get(30)
    producer.close()


def test_kafkas_binary_binding_and_whatever_else_comes_has_one_outcome(intake: IntakeSite) -> None:
    plan = intake.plan()
    key = intake.key(plan, "dinkes")
    source = department(plan, "dinkes")
    binary, unreadable, no_value, worded = (report(plan, f"k-{number}") for number in range(1, 5))
    data = json.dumps(binary["data"]).encode()
    content_type: tuple[str, bytes | None] = ("content-type", b"application/json; charset=utf-8")
    structured: tuple[str, bytes | None] = ("content-type", b"Application/CloudEvents+json; charset=utf-8")
    surrogates = json.dumps(report(plan, "k-5") | {"source": "\ud800", "id": "\udfff\0"}).encode()
    publish(
        intake,
        plan,
        [
            (data, [*kafka_headers(binary), content_type]),
            (b"nonsense", [*kafka_headers(unreadable), content_type]),
            (None, [*kafka_headers(no_value), content_type]),
            (json.dumps(worded).encode(), [structured]),
            (surrogates, []),
            (surrogates, [("", None), ("topic", b"\xff"), ("x", b"\0"), ("reason", b"")]),
            (b"nonsense", [("ce_source", b"\xff"), ("ce_id", b"\xed\xa0\x80")]),
            (b"\0" * (EVENT_LIMIT + 1), [("x" * 30_000, b"y" * 30_000), *kafka_headers(report(plan, "k-6"))]),
            (data, [("ce_" + "x", b"")] * 5_000 + [*kafka_headers(report(plan, "k-7", period="2021-12"))]),
        ],
    )
    assert intake.outcome(source, "k-7")["outcome"] == "accepted", "what came before it is decided"
    assert intake.outcome(source, "k-1")["standing"] in {"current", "superseded"}
    assert intake.outcome(source, "k-4")["outcome"] == "accepted"
    for event_id, code in (("k-2", "not_json"), ("k-3", "not_json"), ("k-6", "too_large")):
        found = intake.outcome(source, event_id, key=key)
        assert [reason["code"] for reason in found["reasons"]] == [code]

    rejected = [
        record
        for record in intake.kafka_topics.read("rejected")
        if dict(record.headers)["plan"] in {plan.encode(), b""}
    ]
    mine = [dict(record.headers) for record in rejected if dict(record.headers)["offset"]]
    kept = next(record for record in rejected if ("topic", b"\xff") in record.headers)
    assert kept.value == surrogates
    assert list(kept.headers)[:4] == [("", None), ("topic", b"\xff"), ("x", b"\0"), ("reason", b"")]
    assert dict(kept.headers)["topic"] == b"program-status"
    assert dict(kept.headers)["source"].decode() == "\ufffd"
    assert len(mine) >= 6


def test_the_projections_go_on_after_any_reject(intake: IntakeSite) -> None:
    """`rejected` holds what anyone sent, headers too; programs follows it."""
    plan = intake.plan()
    publish(intake, plan, [(b"nonsense", [("detail", b"\xff\0"), ("x", None)])])
    publish_raw(intake, plan, b"\xff\xfe")
    assert intake.send(report(plan, "after"), ADMINISTRATOR).status_code == 202
    assert intake.outcome(department(plan, "dinkes"), "after")["outcome"] == "accepted"
    until(lambda: intake.programs.get("/readyz").status_code == 200)
