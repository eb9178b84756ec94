"""The words of the field, with their names in Indonesian and English.

Source of the dimensions and sub-dimensions: the national movement towards 100 smart cities, as used in
Pontianak's masterplan 2019-2028.
"""

from enum import StrEnum
from typing import NamedTuple


class Label(NamedTuple):
    """What people read: Indonesian and English."""

    id: str
    en: str


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
    """What a fact means now. Computed from the set of facts, never decided on arrival."""

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
    """How a department, or a program, keeps up with its reports."""

    ON_TIME = "on_time"
    LATE = "late"
    SILENT = "silent"  # said of departments
    STALE = "stale"  # said of programs
    NEVER = "never"


DIMENSIONS: dict[Dimension, Label] = {
    Dimension.GOVERNANCE: Label("Tata kelola", "Governance"),
    Dimension.BRANDING: Label("Branding", "Branding"),
    Dimension.ECONOMY: Label("Ekonomi", "Economy"),
    Dimension.LIVING: Label("Kehidupan", "Living"),
    Dimension.SOCIETY: Label("Masyarakat", "Society"),
    Dimension.ENVIRONMENT: Label("Lingkungan", "Environment"),
}

SUB_DIMENSIONS: dict[str, tuple[Dimension, Label]] = {
    "public_service": (Dimension.GOVERNANCE, Label("Layanan publik", "Public service")),
    "bureaucracy": (Dimension.GOVERNANCE, Label("Tata kelola birokrasi", "Bureaucracy")),
    "public_policy": (Dimension.GOVERNANCE, Label("Kebijakan publik", "Public policy")),
    "tourism": (Dimension.BRANDING, Label("Branding pariwisata", "Tourism")),
    "business": (Dimension.BRANDING, Label("Branding bisnis", "Business")),
    "city_appearance": (Dimension.BRANDING, Label("Wajah kota", "City appearance")),
    "competitive_industry": (Dimension.ECONOMY, Label("Industri daya saing", "Competitive industry")),
    "welfare": (Dimension.ECONOMY, Label("Kesejahteraan rakyat", "Welfare")),
    "transactions": (Dimension.ECONOMY, Label("Ekosistem transaksi", "Transactions")),
    "spatial_harmony": (Dimension.LIVING, Label("Harmonisasi tata ruang", "Spatial harmony")),
    "health": (Dimension.LIVING, Label("Kesehatan", "Health")),
    "mobility": (Dimension.LIVING, Label("Mobilitas", "Mobility")),
    "community": (Dimension.SOCIETY, Label("Komunitas", "Community")),
    "learning": (Dimension.SOCIETY, Label("Ekosistem belajar", "Learning")),
    "security": (Dimension.SOCIETY, Label("Sistem keamanan", "Security")),
    "protection": (Dimension.ENVIRONMENT, Label("Proteksi lingkungan", "Protection")),
    "waste": (Dimension.ENVIRONMENT, Label("Tata kelola sampah dan limbah", "Waste")),
    "energy": (Dimension.ENVIRONMENT, Label("Energi", "Energy")),
}

STATUSES: dict[Status, Label] = {
    Status.NOT_STARTED: Label("Belum dimulai", "Not started"),
    Status.IN_PROGRESS: Label("Sedang berjalan", "In progress"),
    Status.REALIZED: Label("Terealisasi", "Realized"),
    Status.BLOCKED: Label("Terhambat", "Blocked"),
    Status.CANCELLED: Label("Dibatalkan", "Cancelled"),
}

BANDS: dict[Band, Label] = {
    Band.VERY_HIGH: Label("Sangat tinggi", "Very high"),
    Band.HIGH: Label("Tinggi", "High"),
    Band.MEDIUM: Label("Sedang", "Medium"),
    Band.LOW: Label("Rendah", "Low"),
    Band.VERY_LOW: Label("Sangat rendah", "Very low"),
}
