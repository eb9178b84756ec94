"""Room for work: a bounded amount at once, some of it only for callers with a key, and a bounded queue for it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.kit.http.limits import Limit, WorkLimiter
from services.kit.http.problems import TooManyProblem

Scene = Callable[[WorkLimiter], Coroutine[Any, Any, None]]


def play(limit: Limit, scene: Scene) -> CollectorRegistry:
    """Play a scene with a limiter of one kind of work, `work`, which must be given back whole."""
    registry = CollectorRegistry()

    async def main() -> None:
        limiter = WorkLimiter(registry, "test", {"work": limit})
        await asyncio.wait_for(scene(limiter), 20)
        assert limiter.in_use("work") == 0

    asyncio.run(main())
    return registry


def metric(registry: CollectorRegistry, name: str, caller: str) -> float | None:
    return registry.get_sample_value(f"pantau_work_{name}", {"service": "test", "kind": "work", "caller": caller})


def test_callers_without_a_key_never_take_what_is_reserved() -> None:
    async def scene(limiter: WorkLimiter) -> None:
        held = [limiter.hold("work", keyed=False) for _ in range(3)]
        with pytest.raises(TooManyProblem) as refused:
            limiter.hold("work", keyed=False)
        assert refused.value.status == 429
        assert int(refused.value.headers["Retry-After"]) > 0
        held += [limiter.hold("work", keyed=True) for _ in range(2)]
        with pytest.raises(TooManyProblem):
            limiter.hold("work", keyed=True)
        for release in held:
            release()

    registry = play(Limit(5, 2), scene)
    assert metric(registry, "refused_total", "anonymous") == 1
    assert metric(registry, "refused_total", "key") == 1
    assert metric(registry, "capacity", "anonymous") == 3
    assert metric(registry, "capacity", "key") == 5


def test_keys_may_take_all_and_then_the_others_wait() -> None:
    async def scene(limiter: WorkLimiter) -> None:
        held = [limiter.hold("work", keyed=True) for _ in range(3)]
        with pytest.raises(TooManyProblem):
            limiter.hold("work", keyed=False)
        for release in held:
            release()
        limiter.hold("work", keyed=False)()

    play(Limit(3, 1), scene)


def test_room_goes_to_a_key_first_and_then_to_who_waits_longest() -> None:
    async def scene(limiter: WorkLimiter) -> None:
        order: list[str] = []

        async def work(name: str, *, keyed: bool) -> None:
            async with limiter.room("work", keyed=keyed):
                order.append(name)

        release = limiter.hold("work", keyed=False)
        tasks = []
        for name, keyed in (("stranger 1", False), ("stranger 2", False), ("key", True)):
            tasks.append(asyncio.create_task(work(name, keyed=keyed)))
            await asyncio.sleep(0)
        release()
        await asyncio.gather(*tasks)
        assert order == ["key", "stranger 1", "stranger 2"]

    play(Limit(1, 0, waiting=2, wait_seconds=10), scene)


def test_the_queue_is_bounded_and_so_is_the_wait() -> None:
    async def scene(limiter: WorkLimiter) -> None:
        release = limiter.hold("work", keyed=False)

        async def work() -> None:
            async with limiter.room("work", keyed=False):
                raise AssertionError("there was no room")

        waiting = asyncio.create_task(work())
        await asyncio.sleep(0)
        with pytest.raises(TooManyProblem):  # at once: the queue is full
            await work()
        with pytest.raises(TooManyProblem):  # after the wait
            await waiting
        release()

    play(Limit(1, 0, waiting=1, wait_seconds=0.05), scene)


def test_one_who_goes_away_while_waiting_leaves_the_room_to_the_next() -> None:
    async def scene(limiter: WorkLimiter) -> None:
        release = limiter.hold("work", keyed=False)
        done = asyncio.Event()

        async def work() -> None:
            async with limiter.room("work", keyed=False):
                done.set()

        first, second = asyncio.create_task(work()), asyncio.create_task(work())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        release()
        await asyncio.wait({first, second})
        assert first.cancelled()
        assert done.is_set()

    play(Limit(1, 0, waiting=2, wait_seconds=10), scene)


def test_room_given_at_the_moment_of_a_cancellation_is_not_lost() -> None:
    async def scene(limiter: WorkLimiter) -> None:
        release = limiter.hold("work", keyed=False)

        async def work() -> None:
            async with limiter.room("work", keyed=False):
                raise AssertionError("it was cancelled")

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        release()  # the room is given
        task.cancel()  # before the task has seen that
        await asyncio.wait({task})
        assert task.cancelled()

    play(Limit(1, 0, waiting=1, wait_seconds=10), scene)


def test_work_runs_in_threads_of_its_kind_at_most_as_many_as_there_is_room_for() -> None:
    most, now, lock = 0, 0, threading.Lock()
    meet = threading.Barrier(2, timeout=10)

    def work() -> str:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        meet.wait()
        with lock:
            now -= 1
        return threading.current_thread().name

    async def scene(limiter: WorkLimiter) -> None:
        names = await asyncio.gather(*(limiter.run("work", False, work) for _ in range(6)))
        assert {name.rpartition("_")[0] for name in names} == {"work"}
        assert most == 2

    play(Limit(2, 0, waiting=10, wait_seconds=10), scene)
