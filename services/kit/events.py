"""What is wrong with an event before it is published: the same that the aggregator would reject it for, told at once."""

import time
from datetime import date

from pydantic import ValidationError

from realization.book import microseconds
from realization.live import latest_date
from schemas.envelope import MEDIA_TYPE
from schemas.events import Event
from schemas.sources import parse_source
from schemas.topics import LIMITS
from services.kit.problems import Wrong, wrong_of
from services.kit.publishing import Letter

CLOCK_TOLERANCE_US = 24 * 60 * 60 * 1_000_000
DATES_OF_THE_WORLD = ("effective_on", "visited_on", "verified_on", "evaluated_on", "chosen_on", "held_on")


def now_ms() -> int:
    """Now, in milliseconds since 1970: the moment of receipt, as intake sees it."""
    return time.time_ns() // 1_000_000


def wrong_shape(error: ValidationError) -> list[Wrong]:
    """All errors of an event that does not validate. Places are told without the tag of the union."""
    return [
        wrong._replace(where=".".join(wrong.where.split(".v1.", 1)[1:]) or wrong.where.removesuffix(".v1"))
        if wrong.where.startswith("id.pantau.")
        else wrong._replace(where=wrong.where or "type")
        for wrong in wrong_of(error)
    ]


def wrong_by_itself(event: Event, content: bytes, received_ms: int) -> list[Wrong]:
    """What is wrong with a valid event when it is received: who says it, when, and how large it is."""
    kind, source = event.KIND, parse_source(event.source)
    found = []
    if source.kind not in kind.sources:
        found.append(
            Wrong("source", f"{event.type} may not come from {source.kind}", " or ".join(kind.sources), event.source)
        )
    limit = LIMITS[kind.topic]
    if len(content) > limit:
        found.append(Wrong("", f"{len(content)} bytes are too large", f"at most {limit} bytes"))
    return found + _future(event, received_ms)


def _future(event: Event, received_ms: int) -> list[Wrong]:
    """Dates that have not begun anywhere on earth, and a clock that is more than a day ahead."""
    today, found = latest_date(received_ms), []
    data = vars(event.data)  # asking a model for a field it does not have is slow
    for name in DATES_OF_THE_WORLD:
        stated = data.get(name)
        if isinstance(stated, date) and stated > today:
            found.append(Wrong(f"data.{name}", "is in the future", f"at the latest {today}", stated.isoformat()))
    if microseconds(event.time) > received_ms * 1000 + CLOCK_TOLERANCE_US:
        found.append(
            Wrong(
                "time", "is more than 24 hours in the future", "the time at which it was said", event.time.isoformat()
            )
        )
    return found


def event_letter(event: Event, content: bytes) -> Letter:
    """An event as it is published: always our own writing of it, so that nothing is in it that was not checked."""
    return Letter(event.KIND.topic, event.plan, event.plan, content, MEDIA_TYPE)
