"""The registry: one entry for each kind of event, with its model, its topic, its senders, and what depends on it.

Code that treats kinds differently reads an entry here, or has a table of handlers that is checked against the registry
when its module is imported (`handlers`). So a kind that a table lacks stops the process at its start; it is never
silently skipped. How to add a kind: docs/first-change.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, TypeAdapter

from schemas.evaluations import QuickWinsChosen, VerificationRecorded, VisitRecorded
from schemas.masterplan import MasterplanVersionPublished
from schemas.private import Json, Tree, private_fields
from schemas.reports import PrivatePartErased, StatusReported, StatusRetracted
from schemas.sources import SourceKind
from schemas.topics import InputTopic

Event = Annotated[
    StatusReported
    | StatusRetracted
    | MasterplanVersionPublished
    | VisitRecorded
    | VerificationRecorded
    | QuickWinsChosen
    | PrivatePartErased,
    Field(discriminator="type"),
]
"""Every event that may be sent; `type` says which it is."""

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

H = TypeVar("H")


class RegistryError(Exception):
    """Entries that contradict each other or a table of handlers: raised at import, before anything is read."""


class Programs(Enum):
    """The programs whose state an event may change, where its data do not name them directly."""

    NONE = "none"
    ALL = "all"  # any program of the plan
    OF_TARGET = "of_target"  # those of the event that `source` and `id` in its data name


@dataclass(frozen=True, eq=False, kw_only=True)
class Kind:
    """One kind of event."""

    name: str
    """Short; part of the key of a fact, so never changed."""
    model: type[Event]
    topic: InputTopic
    """Its one input topic."""
    senders: tuple[SourceKind, ...]
    day: str | None
    """The field of its data with the date that it is about."""
    day_may_come: bool = False
    """Whether that date may lie in the future when the event is received."""
    programs: tuple[str, ...] | Programs
    """The programs whose state it may change: the steps from its data to their codes, through lists."""
    fold: bool = True
    """Whether figures depend on it. Then `realization` has handlers for it."""
    attested: Literal["never", "may", "must"] = "never"
    """Whether intake attests that an administrator sent it: never; where one did; or always, and else it is
    rejected."""
    replaces: bool = False
    """Whether it replaces the event that `expects` in its data names: of two that replace the same, the first counts."""
    erases: bool = False
    """Whether it erases the private part of the facts that `source` and `id` in its data name."""

    @cached_property
    def event_type(self) -> str:
        """The attribute `type`, which names the kind and its version outside."""
        (name,) = get_args(self.model.model_fields["type"].annotation)
        return str(name)

    @cached_property
    def data(self) -> type[BaseModel]:
        """The model of its data."""
        found = self.model.model_fields["data"].annotation
        assert isinstance(found, type)
        return found

    @cached_property
    def private(self) -> Tree:
        """Its private fields (schemas/private.py); empty where there are none."""
        return private_fields(self.data)

    def named_programs(self, data: BaseModel | Json) -> tuple[str, ...]:
        """The codes of the programs that its data name; none where `programs` is not a path in the data."""
        if isinstance(self.programs, Programs):
            return ()
        return tuple(_at(data, self.programs))

    def target(self, data: BaseModel | Json) -> tuple[str, str]:
        """The `source` and `id` of the event that its data name."""
        (source,), (event_id,) = _at(data, ("source",)), _at(data, ("id",))
        return source, event_id

    def part_about(self, data: Json, program: str) -> Json:
        """The object in its data that names a program. Raises StopIteration where none does."""
        assert not isinstance(self.programs, Programs)
        *steps, last = self.programs
        return next(part for part in _at(data, steps) if part[last] == program)


def _at(value: Any, steps: Iterable[str]) -> list[Any]:
    """The values at the end of a path, in every item of the lists on the way."""
    found = [value]
    for step in steps:
        inner = [each[step] if isinstance(each, dict) else getattr(each, step) for each in found]
        found = [item for each in inner for item in (each if isinstance(each, list | tuple) else (each,))]
    return found


REPORT = Kind(
    name="report",
    model=StatusReported,
    topic="program-status",
    senders=("departments",),
    day="effective_on",
    programs=("program",),
)
RETRACTION = Kind(
    name="retraction",
    model=StatusRetracted,
    topic="program-status",
    senders=("departments", "council"),
    day=None,
    programs=Programs.OF_TARGET,
    attested="may",
)
PLAN_VERSION = Kind(
    name="plan-version",
    model=MasterplanVersionPublished,
    topic="masterplans",
    senders=("council",),
    day="effective_from",
    day_may_come=True,
    programs=Programs.ALL,
    replaces=True,
)
VISIT = Kind(
    name="visit",
    model=VisitRecorded,
    topic="evaluations",
    senders=("evaluators",),
    day="visited_on",
    programs=("programs", "program"),
)
VERIFICATION = Kind(
    name="verification",
    model=VerificationRecorded,
    topic="evaluations",
    senders=("evaluators",),
    day="verified_on",
    programs=("program",),
)
QUICK_WINS = Kind(
    name="quick-wins",
    model=QuickWinsChosen,
    topic="evaluations",
    senders=("council",),
    day="chosen_on",
    programs=Programs.ALL,
)
ERASURE = Kind(
    name="erasure",
    model=PrivatePartErased,
    topic="program-status",
    senders=("council",),
    day=None,
    programs=Programs.NONE,
    fold=False,
    attested="must",
    erases=True,
)

KINDS: tuple[Kind, ...] = (
    REPORT,
    RETRACTION,
    PLAN_VERSION,
    VISIT,
    VERIFICATION,
    QUICK_WINS,
    ERASURE,
)
BY_TYPE: Mapping[str, Kind] = {kind.event_type: kind for kind in KINDS}
FOLDED: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind.fold)
"""The kinds that figures depend on."""


def kind_of(event: Event) -> Kind:
    """The kind of an event."""
    return BY_TYPE[event.type]


def handlers(table: str, kinds: Iterable[Kind], by_kind: Mapping[Kind, H]) -> dict[str, H]:
    """A table of handlers, by `type`. Raises RegistryError unless it has one for each of `kinds` and for no other."""
    wanted = {kind.name for kind in kinds}
    found = {kind.name for kind in by_kind}
    if wanted != found:
        raise RegistryError(
            f"{table}: missing {sorted(wanted - found) or 'none'}, not expected {sorted(found - wanted) or 'none'}"
        )
    return {kind.event_type: handler for kind, handler in by_kind.items()}


def _check() -> None:
    models = get_args(get_args(Event)[0])
    if set(models) != {kind.model for kind in KINDS} or len(models) != len(KINDS):
        raise RegistryError("`Event` and `KINDS` do not have the same kinds")
    for unique in ({kind.name for kind in KINDS}, BY_TYPE):
        if len(unique) != len(KINDS):
            raise RegistryError(f"a name or type is used twice: {sorted(unique)}")
    for kind in KINDS:
        fields = kind.data.model_fields
        first = () if isinstance(kind.programs, Programs) else kind.programs[:1]
        target = ("source", "id") if kind.programs is Programs.OF_TARGET or kind.erases else ()
        replaced = ("expects",) if kind.replaces else ()
        wanted = (*first, *target, *replaced, *((kind.day,) if kind.day else ()))
        lacking = [name for name in wanted if name not in fields]
        if lacking:
            raise RegistryError(f"the data of {kind.name} have no {', '.join(lacking)}")


_check()
