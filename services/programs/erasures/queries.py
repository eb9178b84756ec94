"""Whether there is something to erase."""

from sqlalchemy import select

from schemas.sources import parse_source
from services.kit.projection.databases import reading
from services.kit.projection.follower import Projection
from services.programs.projection import FACTS


def is_known(projection: Projection, source: str, event_id: str) -> bool:
    """Whether an event with this source and id was accepted. Blocks."""
    plan = parse_source(source).plan
    found = select(FACTS.c.seq).where(FACTS.c.plan == plan, FACTS.c.source == source, FACTS.c.id == event_id).limit(1)
    with reading(projection.engine) as connection:
        return connection.execute(found).scalar() is not None
