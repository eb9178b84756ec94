"""The topics: names, settings, and which partition a plan has on all of them.

The plan is the partition key: its events have the same partition number on every topic. The number is fixed at
installation. `partition_of` is the default partitioner of Kafka's Java client (murmur2 of the key). Clients that have
another one, librdkafka among them, need a setting: docs/departments.md.
"""

from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

KIB: Final = 1024
MIB: Final = 1024 * KIB
DAY_MS: Final = 24 * 60 * 60 * 1000

PLAN_VERSION_LIMIT: Final = 16 * MIB
EVENT_LIMIT: Final = 256 * KIB  # of one report, retraction, visit...
ROOM: Final = 64 * KIB  # for headers and our own fields

InputTopic = Literal["masterplans", "program-status", "evaluations"]
INPUTS: Final[tuple[str, ...]] = get_args(InputTopic)

LIMITS: Final[dict[str, int]] = {
    "masterplans": PLAN_VERSION_LIMIT,
    "program-status": EVENT_LIMIT,
    "evaluations": EVENT_LIMIT,
}


class Topic(NamedTuple):
    """One topic as it is declared. `config` is Kafka's own topic configuration."""

    name: str
    key: str
    title: str
    writers: tuple[str, ...]
    config: dict[str, str]


def _config(
    *,
    max_bytes: int,
    policy: Literal["delete", "compact"] = "delete",
    keep_ms: int = -1,
    received: bool = False,
    erased_within_days: int | None = None,
) -> dict[str, str]:
    config = {"cleanup.policy": policy, "max.message.bytes": str(max_bytes)}
    if policy == "delete":
        config |= {"retention.ms": str(keep_ms), "retention.bytes": "-1"}
    if received:
        config["message.timestamp.type"] = "LogAppendTime"
    if erased_within_days is not None:  # erased records are then gone from the disk
        days_ms = str(erased_within_days * DAY_MS)
        config |= {"max.compaction.lag.ms": days_ms, "segment.ms": days_ms}
    return config


TOPICS: Final[tuple[Topic, ...]] = (
    Topic("masterplans", "plan", "plan versions, whole", ("programs",), _config(max_bytes=PLAN_VERSION_LIMIT + ROOM, received=True)),
    Topic("program-status", "plan", "reports and retractions", ("programs", "departments"), _config(max_bytes=MIB + ROOM, keep_ms=400 * DAY_MS, received=True)),
    Topic("evaluations", "plan", "visits, verifications, choices of Quick Wins", ("evaluations",), _config(max_bytes=MIB + ROOM, keep_ms=400 * DAY_MS, received=True)),
    Topic("facts", "plan/kind/source/id", "the facts log", ("aggregator",), _config(max_bytes=PLAN_VERSION_LIMIT + 2 * ROOM)),
    Topic("facts-private", "as facts", "private parts of facts; a tombstone erases", ("aggregator",), _config(max_bytes=MIB + ROOM, policy="compact", erased_within_days=1)),
    Topic("rejected", "plan or none", "what was refused, and why", ("aggregator",), _config(max_bytes=PLAN_VERSION_LIMIT + 2 * ROOM, keep_ms=400 * DAY_MS)),
    Topic("realization", "plan", "the live snapshot of each plan", ("aggregator",), _config(max_bytes=MIB, policy="compact")),
    Topic("aggregator-progress", "partition", "how far the aggregator has read and written", ("aggregator",), _config(max_bytes=MIB, policy="compact")),
    Topic("access", "plan/department", "offices, roles and hashes of keys", ("programs",), _config(max_bytes=MIB, policy="compact")),
    Topic("audit", "plan/department", "who did what", ("programs", "evaluations"), _config(max_bytes=MIB, keep_ms=5 * 366 * DAY_MS)),
)  # fmt: skip


def murmur2(data: bytes) -> int:
    """Kafka's murmur2, 32 bit, as its Java clients compute it (org.apache.kafka.common.utils.Utils.murmur2)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    length = len(data)
    h = (0x9747B28C ^ length) & mask
    for at in range(0, length - length % 4, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    tail = data[length - length % 4 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h ^= h >> 13
    h = h * m & mask
    return h ^ (h >> 15)


@lru_cache(4_096)
def partition_of(plan: str, partitions: int) -> int:
    """The partition number of a plan on every topic."""
    return (murmur2(plan.encode()) & 0x7FFFFFFF) % partitions
