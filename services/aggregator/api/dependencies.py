"""What the routes of the realization api need, assembled once in app.py."""

from typing import NamedTuple

from services.aggregator.api.computed_answers import ComputedAnswers
from services.aggregator.api.moments import AskedMoment, Moments
from services.aggregator.api.parameters import PlanQuestion
from services.aggregator.api.plans.queries import Ranking
from services.aggregator.api.projection import Tables
from services.aggregator.api.stream.streams import Streams
from services.kit.http.problems import answers as problems
from services.kit.http.responses import NOT_MODIFIED
from services.kit.projection.follower import Projection

PROBLEMS = problems(401, 404, 422, 429, 503)
ANSWERS = {**NOT_MODIFIED, **PROBLEMS}


class ApiDependencies(NamedTuple):
    """The parts of the service."""

    moments: Moments
    answers: ComputedAnswers
    ranking: Ranking
    streams: Streams
    tables: Tables
    projection: Projection


def asked_moment(question: PlanQuestion) -> AskedMoment:
    """The moment that a question is about."""
    return AskedMoment(question.as_of, question.known_at, question.min_seq)
