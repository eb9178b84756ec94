"""From a request to the moment it is about: a plan's facts, `as_of`, and `known_at`, the `seq` up to which facts are
known.

The clock is read here only, for "today" where a request names no date.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from realization.plan_facts import Version
from services.aggregator.api.models import KnownAt
from services.aggregator.api.open_plans import OpenPlan, OpenPlans
from services.kit.http.limits import WorkLimiter
from services.kit.http.problems import NotFoundProblem, UnavailableProblem
from services.kit.projection.follower import Projection

WAIT_SECONDS = 5.0
AHEAD_AT_MOST = 100_000  # facts, by which a requested `seq` may be higher than the last one known
TIME_ZONE = "Asia/Jakarta"  # of a plan without a version

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of a real process."""
    return datetime.now(UTC)


def date_in(zone: str | None, moment: datetime) -> date:
    """The date at a time in a time zone; None: the time zone of plans without a version."""
    return moment.astimezone(ZoneInfo(zone or TIME_ZONE)).date()


def time_zone(opened: OpenPlan) -> str | None:
    """The time zone of a plan: that of its highest version."""
    highest = max(opened.plan_facts.versions, key=lambda version: version.number, default=None)
    return highest.plan.time_zone if highest else None


class AskedMoment(NamedTuple):
    """The parameters of a request that name its moment."""

    as_of: date | None
    known_at: int | datetime | None
    min_seq: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What a response is about: a plan's facts, a date, and the `seq` up to which facts are known.

    `latest`: the request named no `seq`, so a response with newer facts is as good.
    """

    opened: OpenPlan
    as_of: date
    known_at: int
    latest: bool = False

    @property
    def version(self) -> Version | None:
        return self.opened.plan_facts.version(self.as_of, self.known_at)

    @property
    def known(self) -> KnownAt:
        return KnownAt(seq=self.known_at, received_at=self.opened.received_at(self.known_at))


class Moments:
    """Finds the moment that a request is about."""

    def __init__(self, open_plans: OpenPlans, projection: Projection, limits: WorkLimiter, now: Clock) -> None:
        self._open_plans, self._projection, self._limits, self._now = open_plans, projection, limits, now

    async def wait(self, plan: str, when: AskedMoment, *, keyed: bool) -> None:
        """Wait until the requested `seq` is known: `min_seq`, or `known_at` where it is a `seq`.

        Raises NotFoundProblem for an unknown plan, UnavailableProblem after the time limit, TooManyProblem.
        """
        asked = max(when.min_seq or 0, when.known_at if isinstance(when.known_at, int) else 0)

        def known() -> int:
            return self._open_plans.seq(plan) or 0

        if known() < asked <= known() + AHEAD_AT_MOST:
            async with self._limits.room("waits", keyed=keyed):
                await self._projection.wait_until(lambda: known() >= asked, WAIT_SECONDS)
        if known() < asked:
            raise UnavailableProblem(f"seq {asked} of {plan} is not known here yet; the last known is {known()}.")
        if self._open_plans.seq(plan) is None:
            raise NotFoundProblem(f"There is no plan {plan}.")

    async def open(self, plan: str, *, keyed: bool) -> OpenPlan:
        """A plan in memory. Raises NotFoundProblem, UnavailableProblem, TooManyProblem."""
        await self.wait(plan, AskedMoment(None, None, None), keyed=keyed)
        opened = self._open_plans.peek(plan)
        if opened is not None:
            return opened
        async with self._limits.room("answers", keyed=keyed):
            return await self._open_plans.open(plan)

    async def opened(self, plan: str) -> OpenPlan:
        """A known plan in memory. The caller already holds a place."""
        return await self._open_plans.open(plan)

    async def moment(self, plan: str, when: AskedMoment) -> Moment:
        """The moment of a request whose plan and `seq` are known."""
        opened = await self._open_plans.open(plan)
        if isinstance(when.known_at, datetime):  # a search among the receipt times of all facts
            seq = await self._limits.in_thread("answers", opened.seq_at, when.known_at)
            return Moment(opened, when.as_of or self.today(opened), seq)
        return self._moment(opened, when.as_of, when.known_at)

    def moment_at_once(self, plan: str, when: AskedMoment) -> Moment | None:
        """The same where it takes no time, with the plan in memory; else None."""
        opened = self._open_plans.peek(plan)
        if opened is None or isinstance(when.known_at, datetime):
            return None
        return self._moment(opened, when.as_of, when.known_at)

    def _moment(self, opened: OpenPlan, as_of: date | None, known_at: int | None) -> Moment:
        seq = opened.seq if known_at is None else known_at
        return Moment(opened, as_of or self.today(opened), seq, latest=known_at is None)

    def today(self, opened: OpenPlan) -> date:
        """Today's date in a plan's time zone."""
        return date_in(time_zone(opened), self._now())
