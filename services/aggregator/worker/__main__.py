"""Runs the aggregator, in one process or several.

Run: python -m services.aggregator.worker
"""

from services.aggregator.worker.process import work
from services.aggregator.worker.process_group import work_in_several
from services.aggregator.worker.settings import WorkerSettings
from services.kit.settings import read


def main() -> None:
    """Run until a signal stops it."""
    settings = read(WorkerSettings)
    if settings.worker_processes == 1:
        work(settings)
    else:
        work_in_several(settings)


if __name__ == "__main__":
    main()
