"""Requests of Kafka's protocol that aiokafka lacks: transactions as brokers have them since 4.0 (KIP-890).

A produce request adds its partitions to the transaction, and every end of a transaction gives the producer a new epoch,
so that a late request of one transaction can't become part of the next. A transaction is `Produce`, then
`EndTransaction`. The fields are those of Kafka's clients/src/main/resources/common/message/*.json.
"""

from io import BytesIO
from typing import Any

from services.aggregator.worker.library_internals import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int16,
    Int32,
    Int64,
    Request,
    RequestStruct,
    Response,
    ResponseHeader_v0,
    Schema,
    TaggedFields,
)

TEXT = CompactString("utf-8")
TAGS = ("tags", TaggedFields)
NO_TAGS: dict[int, bytes] = {}
FROM_ALL_IN_SYNC = -1


class _ProduceResponse(Response):
    API_KEY = 0
    API_VERSION = 12
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("base_offset", Int64),
                        ("appended_ms", Int64),
                        ("log_start_offset", Int64),
                        ("record_errors", CompactArray(("record", Int32), ("message", TEXT), TAGS)),
                        ("message", TEXT),
                        TAGS,
                    ),
                ),
                TAGS,
            ),
        ),
        ("throttle_time_ms", Int32),
        TAGS,
    )


class _ProduceStruct(RequestStruct):
    API_KEY = 0
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _ProduceResponse
    SCHEMA = Schema(
        ("transactional_id", TEXT),
        ("acks", Int16),
        ("timeout_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", TEXT),
                ("partitions", CompactArray(("partition", Int32), ("records", CompactBytes), TAGS)),
                TAGS,
            ),
        ),
        TAGS,
    )


class Produce(Request[_ProduceStruct]):
    """Writes one batch to a partition of each of some topics, as part of a transaction.

    The response has `topics`, each with its name and `partitions`, each of which begins with its number, error code and
    base offset.
    """

    API_KEY = 0

    def __init__(self, transactional_id: str, timeout_ms: int, partition: int, batches: dict[str, bytes]) -> None:
        topics = [(name, [(partition, records, NO_TAGS)], NO_TAGS) for name, records in batches.items()]
        self._fields = (transactional_id, FROM_ALL_IN_SYNC, timeout_ms, topics, NO_TAGS)

    def build(self, request_struct_class: type[_ProduceStruct]) -> _ProduceStruct:
        return request_struct_class(*self._fields)


class _EndTransactionResponse(Response):
    API_KEY = 26
    API_VERSION = 5
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("error_code", Int16), ("producer_id", Int64), ("producer_epoch", Int16), TAGS
    )


class _EndTransactionStruct(RequestStruct):
    API_KEY = 26
    API_VERSION = 5
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _EndTransactionResponse
    SCHEMA = Schema(
        ("transactional_id", TEXT), ("producer_id", Int64), ("producer_epoch", Int16), ("committed", Boolean), TAGS
    )


class EndTransaction(Request[_EndTransactionStruct]):
    """Commits a transaction. The response has `error_code`, and `producer_id` and `producer_epoch` for the next one."""

    API_KEY = 26

    def __init__(self, transactional_id: str, producer_id: int, producer_epoch: int) -> None:
        self._fields = (transactional_id, producer_id, producer_epoch, True, NO_TAGS)

    def build(self, request_struct_class: type[_EndTransactionStruct]) -> _EndTransactionStruct:
        return request_struct_class(*self._fields)


class _FeaturesResponse(Response):
    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        ("api_keys", CompactArray(("api_key", Int16), ("min_version", Int16), ("max_version", Int16), TAGS)),
        ("throttle_time_ms", Int32),
        TAGS,
    )


class _FeaturesStruct(RequestStruct):
    API_KEY = 18
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _FeaturesResponse
    SCHEMA = Schema(("client_software_name", TEXT), ("client_software_version", TEXT), TAGS)

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> ResponseHeader_v0:
        return ResponseHeader_v0.decode(
            read_buffer
        )  # the one flexible response with the old header, since old clients send this request too


class Features(Request[_FeaturesStruct]):
    """Requests the finalized features of a cluster; `levels` reads the response."""

    API_KEY = 18
    ALLOW_UNKNOWN_API_VERSION = True

    def build(self, request_struct_class: type[_FeaturesStruct]) -> _FeaturesStruct:
        return request_struct_class("pantau", "1", NO_TAGS)


_FINALIZED = 2
_LEVELS = CompactArray(("name", TEXT), ("max_level", Int16), ("min_level", Int16), TAGS)


def levels(answer: Any) -> dict[str, int]:
    """The finalized level of each feature, from the response to `Features`."""
    found = answer.tags.get(_FINALIZED)
    return {name: level for name, level, _, _ in _LEVELS.decode(BytesIO(found)) or []} if found else {}
