"""A chunk takes in what is fetched after it, as long as it is not being decided and was fetched under one ownership."""

from services.aggregator.worker.records import InputRecord
from services.aggregator.worker.transport import CHUNK_RECORDS, Chunk


def chunk(first: int, count: int = 1, *, epoch: int = 1, behind: int = 0) -> Chunk:
    records = [InputRecord(offset, 0, None, None) for offset in range(first, first + count)]
    return Chunk("program-status", 0, epoch, records, behind)


def test_what_comes_next_is_added_in_order() -> None:
    waiting = chunk(0, 2, behind=5)
    assert waiting.add(chunk(2, 3, behind=1))
    assert ([record.offset for record in waiting.records], waiting.behind) == ([0, 1, 2, 3, 4], 1)


def test_a_chunk_that_is_being_decided_takes_nothing_in() -> None:
    taken = chunk(0)
    taken.taken = True
    assert not taken.add(chunk(1))
    assert len(taken.records) == 1


def test_what_was_fetched_after_a_takeover_stays_apart() -> None:
    assert not chunk(0, epoch=1).add(chunk(1, epoch=2))


def test_no_chunk_grows_beyond_what_one_transaction_should_hold() -> None:
    assert not chunk(0, CHUNK_RECORDS - 1).add(chunk(CHUNK_RECORDS - 1, 2))
