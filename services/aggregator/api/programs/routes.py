"""`/v1/plans/{plan}/programs` and below: programs with their latest claim, and the reports of one."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from services.aggregator.api.dependencies import ANSWERS, ApiDependencies, asked_moment
from services.aggregator.api.moments import AskedMoment, Moment
from services.aggregator.api.parameters import PlanPath, PlanQuestion, ProgramPath
from services.aggregator.api.programs.models import (
    FullProgramStory,
    Programs,
    ProgramsQuestion,
    ProgramStory,
    listed_at,
)
from services.aggregator.api.programs.queries import in_full, programs, story
from services.kit.auth.dependencies import needs
from services.kit.auth.principal import Caller
from services.kit.http.responses import ResponseContent, content_of, tagged


def create_routes(parts: ApiDependencies) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["realization"])

    @router.get("/v1/plans/{plan}/programs", response_model=Programs, responses=ANSWERS)
    async def plan_programs(
        request: Request,
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        question: Annotated[ProgramsQuestion, Query()],
    ) -> Response:
        """Programs with their latest claim: the reports behind a figure. All pages are of the same moment."""
        asked, after = asked_moment(question), ""
        begins = listed_at(question.cursor)
        if begins is not None:
            as_of, seq, after = begins
            known_at = seq if question.known_at is None else question.known_at
            asked = AskedMoment(question.as_of or as_of, known_at, question.min_seq)
        filters = question.model_dump(exclude={"as_of", "known_at", "min_seq", "cursor"})
        content = await parts.answers.answer(
            plan,
            asked,
            "programs",
            (after, *filters.values()),
            lambda moment: programs(moment, question, after, question.limit),
            keyed=caller.keyed,
        )
        return tagged(request, content)

    @router.get(
        "/v1/plans/{plan}/programs/{program}",
        response_model=ProgramStory | FullProgramStory,
        responses=ANSWERS,
    )
    async def program_story(
        request: Request,
        caller: Annotated[Caller, needs("figures:read")],
        plan: PlanPath,
        program: ProgramPath,
        question: Annotated[PlanQuestion, Query()],
    ) -> Response:
        """One program with every report and verification. Notes, obstacles and evidence are shown with a key only."""

        def public(moment: Moment) -> ProgramStory:
            return story(moment, program)

        asked = asked_moment(question)
        if caller.may("notes:read", plan=plan):
            content = await _in_full(parts, plan, asked, public)
        else:
            content = await parts.answers.answer(plan, asked, "program", program, public, keyed=caller.keyed)
        response = tagged(request, content)
        response.headers["Vary"] = "Authorization, Accept-Encoding"
        return response

    return router


async def _in_full(
    parts: ApiDependencies, plan: str, asked: AskedMoment, public: Callable[[Moment], ProgramStory]
) -> ResponseContent:
    """A program's story with the fields that need a key. It is not cached."""
    await parts.moments.wait(plan, asked, keyed=True)
    async with parts.answers.at(plan, asked, keyed=True) as moment:
        found = await parts.answers.compute("program", moment, public)
        assert isinstance(found, ProgramStory)
        seqs = {each.seq for each in (*found.reports, *found.verifications)}

        def read(connection: Connection) -> ResponseContent:
            events, private = parts.tables.in_full(connection, plan, seqs)
            return content_of(in_full(found, events, private).model_dump_json().encode())

        return await parts.projection.read(read)
