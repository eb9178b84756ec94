"""Senders: departments with a Kafka client of their own, and others by HTTP. Both send the same id again until it is acknowledged.

A sender is a thread. It takes a few records from its outbox, writes them into the ledger, sends them, writes down what
was acknowledged, and sends the rest again.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import exp
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from httpx import Client, ConnectError, HTTPError

from schemas.envelope import BATCH_MEDIA_TYPE, MEDIA_TYPE
from services.kit.kafka import client_options
from services.kit.settings import KafkaSettings
from tests.chaos.ledger import AcknowledgedPlace, Ledger
from tests.parts.history import HEADERS, RecordToSend
from tests.parts.kafka_topics import KafkaTopics

DIRECT_GROUP, HTTP_GROUP = 250, 40
SINGLES_IN = 12  # of so many groups by HTTP, one is sent event by event
IN_VAIN_IN, IN_VAIN_SECONDS = 10, 5.0  # of so many groups, one is sent in a transaction first that is aborted
AGAIN_SECONDS = 0.3
HTTP_SECONDS = 8.0
ACKNOWLEDGED_SECONDS = 10.0
LET_GO_SECONDS = 0.1

NumberedRecords = dict[int, RecordToSend]


class Outbox:
    """Records to be sent: a share of them is released, which rises with time."""

    def __init__(self, records: Sequence[RecordToSend], first_number: int) -> None:
        self._records, self._first = records, first_number
        self._taken = self.settled = 0
        self._release = (0.0, 0.0, 0.0, 1.0)  # shares from and to, since when, and how fast (see `release`)
        self.closed = False

    def release(self, share: float, seconds: float) -> None:
        """Let the share of released records rise to `share`, ever more slowly: two thirds of the way in `seconds`.

        So some records are still being sent however long a fault takes.
        """
        self._release = (self._released(), share, time.monotonic(), seconds)

    def _released(self) -> float:
        begin, end, began, seconds = self._release
        return end - (end - begin) * exp((began - time.monotonic()) / seconds)

    @property
    def share(self) -> float:
        """The share of records that were acknowledged or refused."""
        return self.settled / len(self._records) if self._records else 1.0

    @property
    def empty(self) -> bool:
        return self.settled >= len(self._records)

    def take(self, at_most: int) -> NumberedRecords:
        """The next released records, by number; none: not yet."""
        last = min(int(self._released() * len(self._records) + 0.5), self._taken + at_most)
        taken = {self._first + at: self._records[at] for at in range(self._taken, last)}
        self._taken = max(last, self._taken)
        return taken


class Sender:
    """Empties an outbox, whatever fails. `send` returns the numbers of records that need not be sent again."""

    def __init__(self, name: str, outbox: Outbox, group: int, send: Callable[[NumberedRecords], set[int]]) -> None:
        self.outbox, self._group, self._send = outbox, group, send
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self.outbox.empty and not self.outbox.closed:
                records = self.outbox.take(self._group)
                while records and not self.outbox.closed:
                    settled = self._send(records)
                    self.outbox.settled += len(settled)
                    records = {number: record for number, record in records.items() if number not in settled}
                    if records:
                        time.sleep(AGAIN_SECONDS)
                time.sleep(0.005)
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        """Stop, also in the middle."""
        self.outbox.closed = True
        self._thread.join(HTTP_SECONDS + ACKNOWLEDGED_SECONDS)


class Direct:
    """Sends by a Kafka client, one thread at a time."""

    def __init__(self, kafka_topics: KafkaTopics, ledger: Ledger) -> None:
        self._kafka_topics, self._ledger = kafka_topics, ledger
        self._runner = asyncio.Runner()
        self._producer: AIOKafkaProducer | None = None
        self._groups = 0

    def send(self, records: NumberedRecords) -> set[int]:
        """Send, and wait for each acknowledgement. Now and then first in a transaction that is aborted."""
        self._groups += 1
        self._ledger.attempt("direct", records)
        if self._groups % IN_VAIN_IN == 0:
            self._runner.run(self._in_vain(records))
        places = self._runner.run(self._send(records))
        self._ledger.acknowledge(places)
        if len(places) < len(records):
            self.close()
            self._runner = asyncio.Runner()
        return set(places)

    def close(self) -> None:
        """Release the client: what it has not sent yet is sent again by another."""
        self._runner.run(self._let_go())
        self._runner.close()  # and of all that it still tries

    async def _send(self, records: NumberedRecords) -> dict[int, AcknowledgedPlace]:
        """The acknowledged offsets of records; those not acknowledged in time are left out."""
        words: dict[int, asyncio.Future[RecordMetadata]] = {}
        with suppress(KafkaError, OSError):
            producer = await self._connected()
            for number, one in records.items():
                topic = self._kafka_topics.prefix + one.topic
                words[number] = await producer.send(
                    topic, key=one.key, value=one.value, partition=one.partition, headers=HEADERS
                )
        done, _ = await asyncio.wait(words.values(), timeout=ACKNOWLEDGED_SECONDS) if words else (set(), None)
        acknowledged = {
            number: word.result() for number, word in words.items() if word in done and not word.exception()
        }
        return {
            number: AcknowledgedPlace(records[number].topic, one.partition, one.offset)
            for number, one in acknowledged.items()
        }

    async def _in_vain(self, records: NumberedRecords) -> None:
        """Send records in a transaction that is aborted: no consumer may ever read them."""
        producer = AIOKafkaProducer(
            **client_options(KafkaSettings(kafka=self._kafka_topics.bootstrap)),
            transactional_id=f"{self._kafka_topics.prefix}sender",
            transaction_timeout_ms=int(IN_VAIN_SECONDS * 1000),
            max_request_size=18 * 1024 * 1024,
        )
        try:
            # aiokafka asserts that a transaction which failed for good is not aborted; it does not say which did.
            with suppress(KafkaError, OSError, TimeoutError, AssertionError):
                async with asyncio.timeout(IN_VAIN_SECONDS):
                    await producer.start()
                    await producer.begin_transaction()
                    for one in records.values():
                        topic = self._kafka_topics.prefix + one.topic
                        await producer.send(topic, key=one.key, value=one.value, partition=one.partition)
                    await producer.flush()
                    await producer.abort_transaction()
        finally:
            await _let_go(producer)

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                **client_options(KafkaSettings(kafka=self._kafka_topics.bootstrap), request_timeout_ms=4_000),
                enable_idempotence=True,
                linger_ms=5,
                max_request_size=18 * 1024 * 1024,
            )
            await self._producer.start()
        return self._producer

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _let_go(producer)


async def _let_go(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(producer.stop(), LET_GO_SECONDS)
    await producer.client.close()


class IntakeRequests:
    """What goes on between senders and intake: requests not answered yet, and those that never were."""

    def __init__(self) -> None:
        self.waiting = self.cut_off = 0


class ByHttp:
    """Sends to the intake, now to one site, now to another."""

    def __init__(self, urls: Sequence[str], key: str, ledger: Ledger, requests: IntakeRequests) -> None:
        self._urls, self._ledger, self._requests = list(urls), ledger, requests
        self._http = Client(timeout=HTTP_SECONDS, trust_env=False, headers={"Authorization": f"Bearer {key}"})
        self._groups = 0

    def send(self, records: NumberedRecords) -> set[int]:
        """Send one event after the other, or all as a batch."""
        self._groups += 1
        self._urls.append(self._urls.pop(0))
        if self._groups % SINGLES_IN:
            return self._batch(records)
        settled: set[int] = set()
        for number, record in records.items():
            settled |= self._single(number, record)
        return settled

    def close(self) -> None:
        self._http.close()

    def _single(self, number: int, record: RecordToSend) -> set[int]:
        self._ledger.attempt("http", {number: record})
        result = self._post(record.value or b"", MEDIA_TYPE)
        return self._settle({number: result | {"status": result.get("status", 503)}})

    def _batch(self, records: NumberedRecords) -> set[int]:
        self._ledger.attempt("http", records)
        body = b"[" + b",".join(record.value or b"" for record in records.values()) + b"]"
        results = self._post(body, BATCH_MEDIA_TYPE).get("results", [])
        return self._settle(dict(zip(records, results, strict=False)))

    def _post(self, body: bytes, media_type: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._requests.waiting += 1
        try:
            response = self._http.post(f"{self._urls[0]}/v1/events", content=body, headers={"Content-Type": media_type})
            found = response.json()
        except ConnectError:
            pass  # no connection: nothing was sent
        except (HTTPError, ValueError):
            self._requests.cut_off += 1  # cut off in the middle: the outcome is unknown
        finally:
            self._requests.waiting -= 1
        return found

    def _settle(self, results: dict[int, dict[str, Any]]) -> set[int]:
        places = {
            number: AcknowledgedPlace(result["topic"], result["partition"], result["offset"])
            for number, result in results.items()
            if result["status"] == 202
        }
        refused = [number for number, result in results.items() if 400 <= result["status"] < 500]
        self._ledger.acknowledge(places)
        self._ledger.refuse(refused)
        return {*places, *refused}
