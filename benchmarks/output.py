"""Reads what a competitor wrote, to be compared."""

import msgspec

from benchmarks import comparison, topics
from benchmarks.comparison import Facts, Realization
from benchmarks.ground import Ground

_REALIZATION = msgspec.json.Decoder(Realization)


async def realizations(bootstrap: str, partitions: int) -> dict[str, Realization]:
    """The last record on `realization` of each plan."""
    found = {}
    async for record in topics.everything(bootstrap, "realization", partitions):
        one = _REALIZATION.decode(record.value)
        found[one.plan] = one
    return found


async def differences(bootstrap: str, on: Ground) -> list[str]:
    """How the whole output differs from what is expected. Empty: not at all."""
    partitions, facts = on.workload.partitions, Facts(on.expected)
    async for record in topics.everything(bootstrap, "facts", partitions):
        facts.take(record.partition, record.key, record.value)
    refused = []
    async for record in topics.everything(bootstrap, "rejected", partitions):
        headers = {name: value.decode() for name, value in record.headers}
        refused.append((int(headers["partition"]), int(headers["offset"]), headers["reason"]))
    told = await realizations(bootstrap, partitions)
    return [
        *facts.differences(),
        *comparison.of_rejects(refused, on.expected),
        *comparison.of_realizations(told, on.expected),
    ]
