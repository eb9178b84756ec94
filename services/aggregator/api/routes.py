"""The paths of live state: `/v1/plans` and below (docs/interfaces.md)."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Header, Path, Query, Request, Response
from sqlalchemy import Connection

from schemas.reports import PROGRAM
from schemas.sources import PLAN
from services.aggregator.api import answers as a
from services.aggregator.api.asking import Answers, Asking, When
from services.aggregator.api.changes import changes
from services.aggregator.api.departments import departments
from services.aggregator.api.figures import Moment, realization
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
    listed_at,
    ranked_at,
)
from services.aggregator.api.ranking import Ranking
from services.aggregator.api.streams import EventStream, Streams
from services.aggregator.api.streams import Question as Followed
from services.kit.auth.keys import Anybody
from services.kit.http.openapi import schema_of
from services.kit.http.problems import answers as problems
from services.kit.http.responses import NOT_MODIFIED, Content, content_of, tagged
from services.kit.projection.follower import Projection

PlanPath = Annotated[str, Path(pattern=f"^(?:{PLAN})$", examples=["kota-pontianak-2019-2028"])]
ProgramPath = Annotated[str, Path(pattern=PROGRAM, examples=["GOV-001"])]
PROBLEMS = problems(401, 404, 422, 429, 503)
ANSWERS = {**NOT_MODIFIED, **PROBLEMS}
DATA = {
    "type": "string",
    "contentMediaType": "application/json",
    "contentSchema": {"anyOf": [schema_of(each) for each in (a.Realization, a.Change)]},
}
EVENT = {
    "type": "object",
    "properties": {"event": {"enum": ["snapshot", "change"]}, "id": {"type": "string"}, "data": DATA},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`snapshot` with a whole answer, then `change` with what is not the same.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "itemSchema": EVENT}},
    }
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


def create_routes(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])
    answers = parts.answers

    @router.get("/v1/plans", response_model=a.Plans, responses={**NOT_MODIFIED, **problems(401, 422, 429, 503)})
    async def plans(request: Request, access: Anybody, question: Annotated[PlansQuestion, Query()]) -> Response:
        """All plans, ranked by the share of programs realized."""
        after = ranked_at(question.cursor)
        return tagged(request, await parts.ranking.page(question.as_of, question.limit, after, keyed=access.keyed))

    @router.get("/v1/plans/{plan}/realization", response_model=a.Realization, responses=ANSWERS)
    async def plan_realization(
        request: Request, access: Anybody, plan: PlanPath, question: Annotated[RealizationQuestion, Query()]
    ) -> Response:
        """How far a plan has been carried out, as of a date, by what was known."""
        asked = (question.group_by, question.basis, question.quick_win)
        return tagged(
            request,
            await answers.answer(
                plan, when(question), "realization", asked, lambda at: realization(at, *asked), keyed=access.keyed
            ),
        )

    @router.get("/v1/plans/{plan}/history", response_model=a.History, responses=ANSWERS)
    async def plan_history(
        request: Request, access: Anybody, plan: PlanPath, question: Annotated[HistoryQuestion, Query()]
    ) -> Response:
        """Series for a chart."""
        at = When(question.to, question.known_at, question.min_seq)
        asked = (question.since, question.step, question.group_by, question.basis)
        return tagged(
            request,
            await answers.answer(plan, at, "history", asked, lambda at: history(at, *asked), keyed=access.keyed),
        )

    @router.get("/v1/plans/{plan}/changes", response_model=a.Changes, responses=ANSWERS)
    async def plan_changes(
        request: Request, access: Anybody, plan: PlanPath, question: Annotated[ChangesQuestion, Query()]
    ) -> Response:
        """What became realized, was withdrawn, was verified... since a date, or since a `seq`."""

        def since(at: Moment) -> date | int:
            return question.since if question.since is not None else date(max(at.as_of.year - 1, 1), 12, 31)

        return tagged(
            request,
            await answers.answer(
                plan,
                when(question),
                "changes",
                question.since,
                lambda at: changes(since(at), at),
                keyed=access.keyed,
            ),
        )

    @router.get("/v1/plans/{plan}/programs", response_model=a.Programs, responses=ANSWERS)
    async def plan_programs(
        request: Request, access: Anybody, plan: PlanPath, question: Annotated[ProgramsQuestion, Query()]
    ) -> Response:
        """Programs with their latest claim: which reports a figure is made of. Later pages are of the same moment."""
        asked, after = when(question), ""
        begins = listed_at(question.cursor)
        if begins is not None:
            as_of, seq, after = begins
            known_at = seq if question.known_at is None else question.known_at
            asked = When(question.as_of or as_of, known_at, question.min_seq)
        filters = question.model_dump(exclude={"as_of", "known_at", "min_seq", "cursor"})
        return tagged(
            request,
            await answers.answer(
                plan,
                asked,
                "programs",
                (after, *filters.values()),
                lambda at: programs(at, question, after, question.limit),
                keyed=access.keyed,
            ),
        )

    @router.get(
        "/v1/plans/{plan}/programs/{program}",
        response_model=a.ProgramStory | a.FullProgramStory,
        responses=ANSWERS,
    )
    async def program_story(
        request: Request,
        access: Anybody,
        plan: PlanPath,
        program: ProgramPath,
        question: Annotated[Question, Query()],
    ) -> Response:
        """One program with every report and verification. Notes, obstacles and evidence are shown to a key only."""

        def public(at: Moment) -> a.ProgramStory:
            return story(at, program)

        if access.may_see(plan):
            told = await _in_full(parts, plan, when(question), public)
        else:
            told = await answers.answer(plan, when(question), "program", program, public, keyed=access.keyed)
        response = tagged(request, told)
        response.headers["Vary"] = "Authorization, Accept-Encoding"
        return response

    @router.get("/v1/plans/{plan}/departments", response_model=a.Departments, responses=ANSWERS)
    async def plan_departments(
        request: Request, access: Anybody, plan: PlanPath, question: Annotated[Question, Query()]
    ) -> Response:
        """Who is on time, late, silent, or never reported."""
        return tagged(
            request,
            await answers.answer(plan, when(question), "departments", None, departments, keyed=access.keyed),
        )

    @router.get(
        "/v1/plans/{plan}/stream",
        status_code=200,
        response_class=EventStream,
        responses={**EVENTS, **PROBLEMS},
    )
    async def stream(
        access: Anybody,
        plan: PlanPath,
        question: Annotated[StreamQuestion, Query()],
        last_event_id: Annotated[str, Header(description="The id of the last event seen.")] = "",
    ) -> Response:
        """Server-sent events: `snapshot`, then `change` whenever facts arrive; the id is the `seq`."""
        asked = Followed(plan, question.as_of, question.group_by, question.quick_win, question.basis)
        return await parts.streams.join(asked, last_event_id, keyed=access.keyed)

    return router


async def _in_full(parts: Parts, plan: str, asked: When, public: Callable[[Moment], a.ProgramStory]) -> Content:
    """A program's story with what only a key is shown; not kept."""
    await parts.asking.wait(plan, asked, keyed=True)
    async with parts.answers.at(plan, asked, keyed=True) as moment:
        told = await parts.answers.compute("program", moment, public)
        assert isinstance(told, a.ProgramStory)
        seqs = {each.seq for each in (*told.reports, *told.verifications)}

        def read(connection: Connection) -> Content:
            events, private = parts.tables.in_full(connection, plan, seqs)
            return content_of(in_full(told, events, private).model_dump_json().encode())

        return await parts.projection.read(read)
