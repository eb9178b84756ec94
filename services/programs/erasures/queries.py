"""Finds out whether there is something to erase."""

from schemas.sources import parse_source
from services.kit.projection.databases import reading
from services.kit.projection.follower import Projection
from services.programs.events.queries import is_accepted


def is_known(projection: Projection, source: str, event_id: str) -> bool:
    """Whether an event with this source and id was accepted. Blocks."""
    with reading(projection.engine) as connection:
        return is_accepted(connection, parse_source(source).plan, source, event_id)
