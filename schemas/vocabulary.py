"""The words of the field, as codes; `presentation.words` has their names in Indonesian and English.

Source of the dimensions and sub-dimensions: the national movement towards 100 smart cities, as used in
Pontianak's masterplan 2019-2028.
"""

from enum import StrEnum


class Dimension(StrEnum):
    GOVERNANCE = "governance"
    BRANDING = "branding"
    ECONOMY = "economy"
    LIVING = "living"
    SOCIETY = "society"
    ENVIRONMENT = "environment"


class Status(StrEnum):
    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    REALIZED = "realized"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class VerificationResult(StrEnum):
    """What an evaluator saw of a program that is claimed to be realized."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"


class Standing(StrEnum):
    """The standing of a fact. It is computed from the set of facts, never decided on arrival."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    ORPHAN = "orphan"  # names a program that the plan version in force does not have
    FOREIGN = "foreign"  # comes from a department that does not lead the program
    RETRACTED = "retracted"


class Reason(StrEnum):
    """Why a record was rejected: the code in the header of the topic `rejected`."""

    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    WRONG_TOPIC = "wrong_topic"
    WRONG_SHAPE = "wrong_shape"
    WRONG_SOURCE = "wrong_source"
    WRONG_PARTITION = "wrong_partition"
    NOT_ATTESTED = "not_attested"
    FUTURE_DATE = "future_date"
    CONFLICT = "conflict"
    VERSION_CONFLICT = "version_conflict"
    INTERNAL_ERROR = "internal_error"


class Band(StrEnum):
    VERY_HIGH = "very_high"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    VERY_LOW = "very_low"


class Punctuality(StrEnum):
    """How punctually a department reports, or a program is reported on."""

    ON_TIME = "on_time"
    LATE = "late"
    SILENT = "silent"  # of departments only
    STALE = "stale"  # of programs only
    NEVER = "never"


SUB_DIMENSIONS: dict[str, Dimension] = {
    "public_service": Dimension.GOVERNANCE,
    "bureaucracy": Dimension.GOVERNANCE,
    "public_policy": Dimension.GOVERNANCE,
    "tourism": Dimension.BRANDING,
    "business": Dimension.BRANDING,
    "city_appearance": Dimension.BRANDING,
    "competitive_industry": Dimension.ECONOMY,
    "welfare": Dimension.ECONOMY,
    "transactions": Dimension.ECONOMY,
    "spatial_harmony": Dimension.LIVING,
    "health": Dimension.LIVING,
    "mobility": Dimension.LIVING,
    "community": Dimension.SOCIETY,
    "learning": Dimension.SOCIETY,
    "security": Dimension.SOCIETY,
    "protection": Dimension.ENVIRONMENT,
    "waste": Dimension.ENVIRONMENT,
    "energy": Dimension.ENVIRONMENT,
}
