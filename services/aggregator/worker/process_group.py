"""A worker of several processes, for a machine of several cores: Python folds on one core only.

The processes share nothing. Each is a worker with its own instance name and port, and the consumer group assigns the
partitions among them, as it does among workers on several machines. When one process ends, the others are stopped, and
the supervisor restarts the worker as a whole.
"""

import logging
import os
import signal
import sys
import threading
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from types import FrameType

from services.aggregator.worker.process import work
from services.aggregator.worker.settings import WorkerSettings
from services.kit.logs import configure

log = logging.getLogger(__name__)


def shares(settings: WorkerSettings) -> list[WorkerSettings]:
    """The settings of each process: its own instance name, and the next metrics port."""
    return [
        settings.model_copy(
            update={
                "worker_processes": 1,
                "worker_instance": f"{settings.worker_instance}.{number}",
                "worker_metrics_port": settings.worker_metrics_port + number,
            }
        )
        for number in range(settings.worker_processes)
    ]


def work_in_several(settings: WorkerSettings) -> None:
    """Run all processes until a signal stops them or one of them ends; then exit with the code of the first that
    ended."""
    configure("worker", settings.log_level)
    context = get_context("spawn")
    processes = [context.Process(target=_work, args=(share,), name=share.worker_instance) for share in shares(settings)]

    def stop(received: int, _: FrameType | None) -> None:
        log.info("stopping on %s", signal.Signals(received).name)
        _stop(processes)

    for process in processes:
        process.start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    first = _first_to_end(processes)
    _stop(processes)
    for process in processes:
        process.join()
    if first.exitcode:
        log.critical("fail stop: process %s ended with exit code %s", first.name, first.exitcode)
    sys.exit(first.exitcode if first.exitcode is None or first.exitcode >= 0 else 128 - first.exitcode)


def _first_to_end(processes: list[SpawnProcess]) -> SpawnProcess:
    ended = connection.wait([process.sentinel for process in processes])[0]
    return next(process for process in processes if process.sentinel == ended)


def _stop(processes: list[SpawnProcess]) -> None:
    for process in processes:
        if process.is_alive():
            process.terminate()


def _work(settings: WorkerSettings) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    work(settings)


def _end_with_parent() -> None:
    """End this process when its parent ends: else it would run on, unsupervised, beside its successor."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
