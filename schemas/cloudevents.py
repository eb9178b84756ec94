"""CloudEvents 1.0 in the HTTP and Kafka bindings: converts binary mode to structured JSON.

Pure. HTTP intake and the aggregator's worker read binary mode through this module, so that both interpret it alike.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

FAMILY = "application/cloudevents"  # how the media types of structured mode begin
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

HTTP_PREFIX = "ce-"
KAFKA_PREFIX = "ce_"
CONTENT_TYPE = "content-type"
CONTENT = "datacontenttype"  # in binary mode the content type header holds this attribute

# A media type of JSON, by its subtype or suffix, in any case and with any parameters.
JSON_MEDIA_TYPE = r"^[!-.0-:<-~]+/(?:[!-.0-:<-~]+\+)?[Jj][Ss][Oo][Nn][ \t]*(?:;[\t -~]*)?$"
UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})

_JSON = re.compile(JSON_MEDIA_TYPE)
_CHARSET = re.compile(r""";[ \t]*charset[ \t]*=[ \t]*"?([^"; \t]*)""", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r"\\(.)")

KafkaHeaders = Sequence[tuple[str, bytes | None]]


class Fault(NamedTuple):
    """An error in a header: which one, what is wrong, and what was expected."""

    where: str
    what: str
    expected: str


class Attributes(NamedTuple):
    """The attributes in headers, and the errors of those that could not be read."""

    found: dict[str, str]
    faults: list[Fault]


def media_type(content_type: str) -> str:
    """The media type of a content type, in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_json(content_type: str) -> bool:
    """Whether a content type is one of JSON."""
    return _JSON.fullmatch(content_type) is not None


def other_charset(content_type: str) -> str | None:
    """The character set in a content type, where JSON does not allow it; else None."""
    found = _CHARSET.search(content_type)
    name = found[1].lower() if found else "utf-8"
    return None if name in UTF_8 else name


def without_mark(text: bytes) -> bytes:
    """JSON without the byte order mark that some writers put before it; RFC 8259 lets readers ignore it."""
    return text.removeprefix(BYTE_ORDER_MARK)


def from_http(headers: Iterable[tuple[bytes, bytes]]) -> Attributes:
    """The attributes of a request in binary mode. Header names are in lower case, as in ASGI."""
    attributes = Attributes({}, [])
    for raw_name, raw in headers:
        header = raw_name.decode("latin-1")
        name = header.removeprefix(HTTP_PREFIX)
        if name == header:
            continue
        if name in attributes.found:
            attributes.faults.append(Fault(header, "appears twice", "each attribute once"))
        try:
            attributes.found[name] = _http_value(raw)
        except UnicodeDecodeError:
            attributes.faults.append(Fault(header, "is not UTF-8 once it is percent-decoded", "UTF-8, percent-encoded"))
    return attributes


def _http_value(raw: bytes) -> str:
    """The value of a header, unquoted and then percent-decoded once."""
    text = raw.decode("latin-1").strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        text = _ESCAPED.sub(r"\1", quoted[1])
    return _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode("latin-1")).decode("utf-8")


def is_binary(headers: KafkaHeaders) -> bool:
    """Whether a record is in binary mode: some headers are attributes, and its content type is that of the data."""
    if not any(header.startswith(KAFKA_PREFIX) for header, _ in headers):
        return False
    return not media_type(from_kafka(headers).found.get(CONTENT, "")).startswith(FAMILY)


def from_kafka(headers: KafkaHeaders) -> Attributes:
    """The attributes in a record's headers, the content type included. Of several headers with one name the last
    counts, as for Kafka's own clients."""
    attributes = Attributes({}, [])
    for header, value in headers:
        name = CONTENT if header.lower() == CONTENT_TYPE else header.removeprefix(KAFKA_PREFIX)
        if name == header:
            continue
        try:
            attributes.found[name] = (value or b"").decode("utf-8")
        except UnicodeDecodeError:
            attributes.faults.append(Fault(header, "is not UTF-8", "UTF-8"))
    return attributes


def structured(attributes: Mapping[str, str], data: bytes) -> bytes:
    """The structured JSON of an event in binary mode. `data` must be valid JSON, or it could add attributes to the
    event."""
    head = "".join(f"{json.dumps(name)}:{json.dumps(value)}," for name, value in attributes.items())
    return f'{{{head}"data":'.encode() + data + b"}"
