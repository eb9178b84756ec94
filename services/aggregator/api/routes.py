"""The paths of live state: `/v1/plans` and below (docs/interfaces.md)."""

from datetime import date
from fractions import Fraction
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Header, Path, Query, Request, Response

from schemas.reports import PROGRAM
from schemas.sources import PLAN
from services.aggregator.api import answers as a
from services.aggregator.api.asking import Answers, Asking, When
from services.aggregator.api.changes import changes
from services.aggregator.api.departments import departments
from services.aggregator.api.figures import realization
from services.aggregator.api.history import history
from services.aggregator.api.programs import in_full, programs, story
from services.aggregator.api.projection import Tables
from services.aggregator.api.questions import (
    ChangesQuestion,
    HistoryQuestion,
    PlansQuestion,
    ProgramsQuestion,
    Question,
    RealizationQuestion,
    StreamQuestion,
    begins_at,
)
from services.aggregator.api.ranking import Ranking
from services.aggregator.api.streams import EventStream, Streams
from services.aggregator.api.streams import Question as Followed
from services.kit.keys import Anybody
from services.kit.pages import tagged
from services.kit.problems import NotFoundProblem
from services.kit.problems import answers as problems
from services.kit.projection import Projection

PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$", examples=["kota-pontianak-2019-2028"])]
ProgramPath = Annotated[str, Path(pattern=PROGRAM, examples=["GOV-001"])]
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"model": a.Realization | a.Change, "description": "Data of `snapshot` events, then of `change` events."}
}


class Parts(NamedTuple):
    """What the routes work with; put together once, in app.py."""

    asking: Asking
    answers: Answers
    ranking: Ranking
    streams: Streams
    tables: Tables
    projection: Projection


def when(question: Question) -> When:
    """Which moment a question is about."""
    return When(question.as_of, question.known_at, question.min_seq)


def create_routes(parts: Parts) -> APIRouter:  # noqa: PLR0915 - one list of all paths
    """The routes."""
    router = APIRouter(tags=["realization"])
    asking, answers = parts.asking, parts.answers

    @router.get("/v1/plans", response_model=a.Plans, responses=problems(422, 503))
    async def plans(request: Request, question: Annotated[PlansQuestion, Query()]) -> Response:
        """All plans, ranked by the share of programs realized."""
        after = begins_at(question.cursor, _ranked)
        page = await parts.ranking.page(question.as_of, question.limit, after)
        return tagged(request, page.model_dump_json().encode())

    @router.get("/v1/plans/{plan}/realization", response_model=a.Realization, responses=problems(404, 422, 503))
    async def plan_realization(
        request: Request, plan: PlanPath, question: Annotated[RealizationQuestion, Query()]
    ) -> Response:
        """How far a plan has been carried out, as of a date, by what was known."""
        moment = await asking.moment(plan, when(question))
        asked = (question.group_by, question.basis, question.quick_win)
        body = answers.now("realization", moment, asked, lambda at: realization(at, *asked))
        return tagged(request, body)

    @router.get("/v1/plans/{plan}/history", response_model=a.History, responses=problems(404, 422, 503))
    async def plan_history(request: Request, plan: PlanPath, question: Annotated[HistoryQuestion, Query()]) -> Response:
        """Series for a chart."""
        moment = await asking.moment(plan, When(question.to, question.known_at, question.min_seq))
        asked = (question.since, question.step, question.group_by, question.basis)
        body = await answers.later("history", moment, asked, lambda at: history(at, *asked))
        return tagged(request, body)

    @router.get("/v1/plans/{plan}/changes", response_model=a.Changes, responses=problems(404, 422, 503))
    async def plan_changes(request: Request, plan: PlanPath, question: Annotated[ChangesQuestion, Query()]) -> Response:
        """What became realized, was withdrawn, was verified... since a date, or since a `seq`."""
        moment = await asking.moment(plan, when(question))
        since = question.since if question.since is not None else date(max(moment.as_of.year - 1, 1), 12, 31)
        body = await answers.later("changes", moment, since, lambda at: changes(since, at))
        return tagged(request, body)

    @router.get("/v1/plans/{plan}/programs", response_model=a.Programs, responses=problems(404, 422, 503))
    async def plan_programs(
        request: Request, plan: PlanPath, question: Annotated[ProgramsQuestion, Query()]
    ) -> Response:
        """Programs with their latest claim: which reports a figure is made of. Later pages are of the same moment."""
        asked, after = when(question), ""
        begins = begins_at(question.cursor, _listed)
        if begins is not None:
            as_of, seq, after = begins
            known_at = seq if question.known_at is None else question.known_at
            asked = When(question.as_of or as_of, known_at, question.min_seq)
        moment = await asking.moment(plan, asked)
        filters = question.model_dump(exclude={"as_of", "known_at", "min_seq", "cursor"})
        body = await answers.later(
            "programs", moment, (after, *filters.values()), lambda at: programs(at, question, after, question.limit)
        )
        return tagged(request, body)

    @router.get(
        "/v1/plans/{plan}/programs/{program}",
        response_model=a.ProgramStory | a.FullProgramStory,
        responses=problems(401, 404, 422, 503),
    )
    async def program_story(
        request: Request,
        access: Anybody,
        plan: PlanPath,
        program: ProgramPath,
        question: Annotated[Question, Query()],
    ) -> Response:
        """One program with every report and verification. Notes, obstacles and evidence are shown to a key only."""
        moment = await asking.moment(plan, when(question))
        version = moment.version
        if version is None or program not in version.programs:
            raise NotFoundProblem(f"{plan} has no program {program} in the version in force at {moment.as_of}.")
        public = story(moment, version, program)
        told: a.ProgramStory | a.FullProgramStory = public
        if access.may_see(plan):
            seqs = {each.seq for each in (*public.reports, *public.verifications)}
            facts = await parts.projection.read(lambda connection: parts.tables.values(connection, plan, seqs))
            told = in_full(public, facts)
        response = tagged(request, told.model_dump_json().encode())
        response.headers["Vary"] = "Authorization"
        return response

    @router.get("/v1/plans/{plan}/departments", response_model=a.Departments, responses=problems(404, 422, 503))
    async def plan_departments(request: Request, plan: PlanPath, question: Annotated[Question, Query()]) -> Response:
        """Who is on time, late, silent, or never reported."""
        moment = await asking.moment(plan, when(question))
        body = await answers.later("departments", moment, None, departments)
        return tagged(request, body)

    @router.get(
        "/v1/plans/{plan}/stream",
        status_code=200,
        response_class=EventStream,
        responses={**EVENTS, **problems(404, 422, 503)},
    )
    async def stream(
        plan: PlanPath,
        question: Annotated[StreamQuestion, Query()],
        last_event_id: Annotated[str, Header(description="The id of the last event seen.")] = "",
    ) -> Response:
        """Server-sent events: `snapshot`, then `change` whenever facts arrive; the id is the `seq`."""
        asked = Followed(plan, question.as_of, question.group_by, question.quick_win, question.basis)
        return await parts.streams.join(asked, last_event_id)

    return router


def _ranked(said: list[Any]) -> tuple[Fraction, str]:
    share, plan = said
    return Fraction(share), str(plan)


def _listed(said: list[Any]) -> tuple[date, int, str]:
    as_of, seq, code = said
    return date.fromisoformat(as_of), int(seq), str(code)
