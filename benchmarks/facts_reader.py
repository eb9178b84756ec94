"""A `read_committed` reader of `facts`, as a process of its own, which writes when it receives each fact.

    python -m benchmarks.facts_reader BOOTSTRAP PARTITIONS

Writes `ready` when it is at the end of every partition; then a line for each fact: monotonic seconds, which are the
same for all processes of one machine, and the key.
"""

import asyncio
import sys

from benchmarks import topics


async def read(bootstrap: str, partitions: int) -> None:
    """Read until the process is ended."""
    loop = asyncio.get_running_loop()
    tps = topics.partitions("facts", partitions)
    async with topics.reader(bootstrap) as consumer:
        consumer.assign(tps)
        await consumer.seek_to_end(*tps)
        for tp in tps:
            await consumer.position(tp)
        print("ready", flush=True)
        while True:
            fetched = await consumer.getmany(timeout_ms=200)
            now = loop.time()
            for records in fetched.values():
                for record in records:
                    print(now, (record.key or b"").decode())
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], int(sys.argv[2])))
