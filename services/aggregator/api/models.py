"""Models that several responses share; the OpenAPI document is made from them.

Numbers that must stay exact are decimal strings. `percent` is rounded once, half up, to two places, and is 0.00 or
100.00 only for none or all.
"""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from realization.targets import Rule
from schemas.vocabulary import Band, Status


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[
    datetime, PlainSerializer(_instant), WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization")
]
Percent = Annotated[
    str | None,
    Field(
        description=(
            "Decimal string, rounded once, half up, to two places; between 0.01 and 99.99 except for none and all "
            "(19,999 of 20,000 is 99.99). Null is unknown, never 0."
        ),
        examples=["36.38"],
    ),
]
Exact = Annotated[
    str, Field(description="Exact: a decimal string, or a reduced ratio such as 7654/360.", examples=["155"])
]


class Answer(BaseModel):
    """Base of all response models."""

    model_config = ConfigDict(frozen=True)


class Text(Answer):
    """A text for people, in Indonesian and English."""

    id: str
    en: str


class Reason(Text):
    """Why a figure does not exist."""

    code: Annotated[str, Field(examples=["none_reported"])]


class Figure(Answer):
    """A named formula applied to a cell."""

    formula: Annotated[str, Field(description="Name and version of the formula.", examples=["share.v1"])]
    numerator: Exact
    denominator: Exact
    percent: Percent
    reason: Annotated[Reason | None, Field(description="Why there is no percent; null where there is one.")]


class Target(Answer):
    """What the plan expected by `as_of`."""

    percent: Percent
    rule: Annotated[
        Rule,
        Field(description="From the dimension's own yearly targets, from the plan's, or linear over the plan's years."),
    ]


class Achievement(Answer):
    """Share / target to date, and its official band (Permendagri 86/2017)."""

    percent: Percent
    band: Band
    band_label: Text


class Cell(Answer):
    """The counts and figures of a set of programs."""

    programs: Annotated[int, Field(description="Programs of the plan version in force.")]
    reported: Annotated[int, Field(description="Of these, how many were ever reported.")]
    never_reported: int
    realized: Annotated[int, Field(description="Claimed to be realized.")]
    verified_realized: Annotated[int, Field(description="Claimed to be realized, and confirmed by an evaluator.")]
    statuses: Annotated[dict[Status, int], Field(description="Reported programs by the status claimed.")]
    share: Annotated[Figure, Field(description="Programs realized / programs, on the requested basis.")]
    claimed: Annotated[Figure, Field(description="The share on the basis of claims.")]
    verified: Annotated[Figure, Field(description="The share on the basis of verifications.")]
    weighted: Annotated[Figure, Field(description="Weights realized / weights, on the requested basis.")]
    progress: Annotated[Figure, Field(description="Mean physical progress of the programs reported.")]
    progress_all: Annotated[
        Figure, Field(description="Mean physical progress of all programs, with 0 for those never reported.")
    ]
    financial: Annotated[Figure, Field(description="Money spent / budget ceiling to date.")]
    financial_ahead: Annotated[
        bool, Field(description="Money spent exceeds physical progress by more than 10 points: a warning.")
    ]
    target: Target | None
    achievement: Annotated[
        Achievement | None, Field(description="Null where there is no share, or nothing is due yet.")
    ]


class Overall(Cell):
    """The cell of all programs in the response."""

    dimension_mean: Annotated[Figure, Field(description="Mean of the dimensions' shares, on the requested basis.")]


class Group(Cell):
    """The cell of one group."""

    key: Annotated[str, Field(examples=["governance"])]
    label: Text


class KnownAt(Answer):
    """What was known: all facts up to this `seq`."""

    seq: Annotated[int, Field(examples=[8123])]
    received_at: Annotated[Instant | None, Field(description="When that fact was received; null for seq 0.")]


class Known(Answer):
    """Base of all responses about one plan: it says which plan, and which facts were known."""

    plan: Annotated[str, Field(examples=["kota-pontianak-2019-2028"])]
    known_at: KnownAt


class Dated(Known):
    """Base of responses that hold at one date."""

    as_of: Annotated[date, Field(description="The date that the response is about.", examples=["2020-12-31"])]


FreshAt = Annotated[Instant | None, Field(description="When the latest fact in the response was received.")]
Next = Annotated[str | None, Field(description="The cursor of the next page; null on the last one.")]


class FactRef(Answer):
    """A fact in the facts log: the event's identity, and its `seq`."""

    source: Annotated[str, Field(examples=["/plans/kota-pontianak-2019-2028/departments/diskominfo"])]
    id: str
    seq: int


class ReceivedRef(FactRef):
    """A fact, and when it was received."""

    received_at: Instant
