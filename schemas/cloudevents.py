"""CloudEvents 1.0 in the bindings of HTTP and of Kafka: what stands beside the data becomes one structured JSON event.

Pure. HTTP intake and the aggregator's worker read binary mode through this module, so that both understand the same.
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
CONTENT = "datacontenttype"  # the attribute that the content type is in binary mode

# A media type of JSON, by its subtype or suffix, in any letters and with any parameters.
JSON_MEDIA_TYPE = r"^[!-.0-:<-~]+/(?:[!-.0-:<-~]+\+)?[Jj][Ss][Oo][Nn][ \t]*(?:;[\t -~]*)?$"
UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})

_JSON = re.compile(JSON_MEDIA_TYPE)
_CHARSET = re.compile(r""";[ \t]*charset[ \t]*=[ \t]*"?([^"; \t]*)""", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r"\\(.)")

KafkaHeaders = Sequence[tuple[str, bytes | None]]


class Fault(NamedTuple):
    """What is wrong with a header: which one, what, and what was expected."""

    where: str
    what: str
    expected: str


class Attributes(NamedTuple):
    """The attributes that headers hold, and what is wrong with those that could not be read."""

    found: dict[str, str]
    faults: list[Fault]


def media_type(content_type: str) -> str:
    """The media type of a content type: in small letters, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_json(content_type: str) -> bool:
    """Whether a content type is one of JSON."""
    return _JSON.fullmatch(content_type) is not None


def other_charset(content_type: str) -> str | None:
    """The character set a content type names, where it is none of JSON's."""
    found = _CHARSET.search(content_type)
    name = found[1].lower() if found else "utf-8"
    return None if name in UTF_8 else name


def without_mark(text: bytes) -> bytes:
    """JSON without the byte order mark that some writers put before it; RFC 8259 lets readers ignore it."""
    return text.removeprefix(BYTE_ORDER_MARK)


def from_http(headers: Iterable[tuple[bytes, bytes]]) -> Attributes:
    """The attributes of a request in binary mode. Header names are in small letters, as ASGI gives them."""
    attributes = Attributes({}, [])
    for raw_name, raw in headers:
        header = raw_name.decode("latin-1")
        name = header.removeprefix(HTTP_PREFIX)
        if name == header:
            continue
        if name in attributes.found:
            attributes.faults.append(Fault(header, "stands there twice", "each attribute once"))
        try:
            attributes.found[name] = _http_value(raw)
        except UnicodeDecodeError:
            attributes.faults.append(Fault(header, "is not UTF-8 once it is percent-decoded", "UTF-8, percent-encoded"))
    return attributes


def _http_value(raw: bytes) -> str:
    """The value of a header: quotes are taken off first, then one round of percent-decoding."""
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
    """The attributes that the headers of a record hold, its content type among them. Of several headers of one name the
    last stands, as for Kafka's own clients."""
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
    """The structured JSON of an event in binary mode. `data` must be JSON, or it says more than the data."""
    head = "".join(f"{json.dumps(name)}:{json.dumps(value)}," for name, value in attributes.items())
    return f'{{{head}"data":'.encode() + data + b"}"
