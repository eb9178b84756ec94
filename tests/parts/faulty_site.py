"""The site with one protection taken away: `python -m tests.parts.faulty_site <fault>`. See faulty_worker."""

import sys
from collections.abc import Callable
from typing import Any

from deploy.local.process_settings import SiteSettings
from deploy.local.site import create_site
from services.kit.http.server import serve
from services.kit.projection import follower as projection
from services.kit.projection.log_identity import ReadPosition
from services.kit.projection.tables import ProjectionTables
from tests.parts.faulty_worker import reads_uncommitted


def no_compare() -> None:
    """A projection moves its offsets without comparing them with those it knows."""

    def set_it(self: Any, connection: Any, place: projection.Place, _: int, new: ReadPosition) -> None:
        self.move(connection, {place: new})

    ProjectionTables.compare_and_set = set_it  # type: ignore[method-assign, assignment]  # replaced on purpose


def projects_what_is_not_committed() -> None:
    """A projection reads transactions that were aborted, or are still open."""
    reads_uncommitted(projection)


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault for fault in (no_compare, projects_what_is_not_committed)
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    serve("site", SiteSettings, create_site, lambda settings: settings.port)
