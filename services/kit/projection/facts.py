"""Facts among the records that a projection follows: their plan and kind, read from the key, and their decoded values.

Every service decodes facts here and nowhere else. The key of a fact's record names its plan and kind (`schemas.facts.fact_key`),
so a service that needs a few kinds decodes no other. Why decoded facts are not cached: docs/decisions/0031.
"""

from schemas.codec import ReportFact, read_fact
from schemas.facts import Fact, UnknownFact
from schemas.plan_versions import PlanVersionFact, read_plan
from schemas.registry import PLAN_VERSION
from schemas.sources import parse_source
from services.kit.projection.records import Record

_PLAN_VERSION = PLAN_VERSION.name.encode()
LARGE_BYTES = 64 * 1024  # a fact from this size on, which is a plan version, takes more than some ms to decode

DecodedFact = ReportFact | PlanVersionFact | Fact | UnknownFact
"""Reports and plan versions are decoded only as far as figures need them, any other fact as the whole event."""


def plan_of(record: Record) -> str:
    """The plan that a record of `facts` or `realization` is about: the first step of its key."""
    assert record.key is not None
    return record.key.partition(b"/")[0].decode()


def kind_of(record: Record) -> str:
    """The kind of the event of a record of `facts`: the second step of its key."""
    assert record.key is not None
    return record.key.split(b"/", 2)[1].decode()


def decode_fact(key: bytes, value: bytes) -> DecodedFact:
    """The fact in the record with this key and value, by the fastest decoder for its kind. Raises as
    `schemas.facts.parse_fact` does."""
    plan_version = read_plan(value) if key.split(b"/", 2)[1] == _PLAN_VERSION else None
    return plan_version or read_fact(value)


def decoded(record: Record) -> DecodedFact:
    """The fact of a record that has a value. Raises as `decode_fact` does."""
    assert record.key is not None
    assert record.value is not None
    return decode_fact(record.key, record.value)


def plan_of_fact(fact: DecodedFact) -> str:
    """The plan that a decoded fact is about."""
    if isinstance(fact, ReportFact):
        return fact.report.plan
    return parse_source(fact.event.source if isinstance(fact, Fact) else fact.source).plan
