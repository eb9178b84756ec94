"""Negative controls: runs with one protection taken away, under the faults that it protects from. Each must end badly.

One that ends well is a defect of the harness: it would not have noticed the loss either.
"""

from typing import Any, NamedTuple

from tests.chaos import api_faults, worker_faults
from tests.chaos.environments import one_broker
from tests.chaos.faults import Fault, Stage
from tests.chaos.installation import SITE, WORKER
from tests.chaos.run import RunPlan


class Control(NamedTuple):
    """A protection, the processes that run without it, and the faults that strike them."""

    protection: str
    faults: tuple[Fault[Any], ...]
    worker: tuple[str, ...] = WORKER
    site: tuple[str, ...] = SITE
    sites: int = 1

    def plan(self, name: str, seed: int, events: int) -> RunPlan:
        """The run that must end badly."""
        stage = Stage[Any](name, one_broker, self.faults, reused=True, sites=self.sites)
        return RunPlan(seed, events, stage, self.faults, self.worker, self.site)


def _worker(fault: str) -> tuple[str, ...]:
    return ("tests.parts.faulty_worker", fault)


def _site(fault: str) -> tuple[str, ...]:
    return ("tests.parts.faulty_site", fault)


KILLED = worker_faults.worker_killed_in_mid_chunk
PAUSED = worker_faults.worker_paused_past_its_session

CONTROLS: dict[str, Control] = {
    "dedupe": Control("an event is taken once, however often it comes", (KILLED,), _worker("no_dedupe")),
    "mark": Control("a claimed role counts only with intake's mark", (KILLED,), _worker("believes_every_claim")),
    "chain": Control("each fact is linked to the one before", (KILLED,), _worker("links_facts_to_nothing")),
    "progress": Control(
        "where to read on is committed with what was decided", (KILLED, KILLED), _worker("progress_apart")
    ),
    "fencing": Control("transactional ids belong to partitions", (PAUSED,), _worker("no_fencing")),
    "takeover": Control(
        "a takeover opens the transactional id before it asks where to read on",
        (worker_faults.worker_woken_when_another_has_asked_before_opening,),
        _worker("asks_before_opening"),
    ),
    "lock": Control("one transaction of a partition at a time", (KILLED,), _worker("no_lock")),
    "restore": Control(
        "a restore reads the facts log to its end",
        (worker_faults.worker_killed_while_restoring,),
        _worker("restore_stops_short"),
    ),
    "read_committed_mail": Control(
        "input records are read when they are committed", (KILLED,), _worker("reads_uncommitted_records")
    ),
    "read_committed": Control(
        "a restore reads what is committed", (KILLED,), _worker("restores_what_is_not_committed")
    ),
    "read_committed_api": Control(
        "a projection reads what is committed", (KILLED,), site=_site("projects_what_is_not_committed")
    ),
    "fail_stop": Control(
        "an error of the engine ends the process",
        (worker_faults.writer_fenced_by_a_stranger,),
        _worker("goes_on_after_errors"),
    ),
    "compare_and_set": Control(
        "offsets of a projection move by compare-and-set",
        (api_faults.api_killed_while_projecting,),
        site=_site("no_compare"),
        sites=2,
    ),
}
