"""The cells of an answer: what `realization` computes, in the words of docs/interfaces.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypedDict

from realization import formulas
from realization.bands import band
from realization.cells import NO_THEME, WEIGHT_UNIT, Counts, Grouping, Tally, membership, tally
from realization.exact import percent
from realization.formulas import Basis
from realization.plan_facts import Version
from realization.targets import Target as Expected
from realization.targets import target
from schemas.vocabulary import BANDS, DIMENSIONS, SUB_DIMENSIONS, Label, Status
from services.aggregator.api.answers import (
    Achievement,
    Cell,
    Figure,
    Group,
    KnownAt,
    Overall,
    Realization,
    Reason,
    Target,
    Text,
)
from services.aggregator.api.books import OpenBook

NO_THEME_LABEL = Label("Tanpa tema", "No theme")
TIME_ZONE = "Asia/Jakarta"  # of a plan that has said nothing of itself yet


@dataclass(frozen=True, slots=True)
class Moment:
    """What an answer is about: a plan's book, a date in the world, and the `seq` up to which facts are known.

    `latest`: no `seq` was asked for, so an answer that knows more is as good.
    """

    opened: OpenBook
    as_of: date
    known_at: int
    latest: bool = False

    @property
    def version(self) -> Version | None:
        return self.opened.book.version(self.as_of, self.known_at)

    @property
    def known(self) -> KnownAt:
        return KnownAt(seq=self.known_at, received_at=self.opened.received_at(self.known_at))


def text(label: Label) -> Text:
    """A label as it is answered."""
    return Text(id=label.id, en=label.en)


def figure(found: formulas.Figure) -> Figure:
    """A figure as it is answered."""
    reason = None
    if found.reason is not None:
        label = formulas.REASONS[found.reason]
        reason = Reason(code=found.reason, id=label.id, en=label.en)
    return Figure(
        formula=found.formula,
        numerator=found.numerator_text,
        denominator=found.denominator_text,
        percent=found.percent,
        reason=reason,
    )


def _achievement(share: formulas.Figure, expected: Fraction) -> Achievement | None:
    achieved = formulas.achievement(share, expected)
    if achieved is None:
        return None
    found = band(achieved)
    return Achievement(percent=percent(achieved), band=found, band_label=text(BANDS[found]))


def cell(counts: Counts, plan_weight: int, basis: Basis, expected: Expected) -> Cell:
    """Everything said of one set of programs. `plan_weight`: that of the whole plan, in 1/10,000 percent."""
    claimed, verified = formulas.share(counts, "claimed"), formulas.share(counts, "verified")
    share = claimed if basis == "claimed" else verified
    return Cell(
        programs=counts.programs,
        reported=counts.reported,
        never_reported=counts.programs - counts.reported,
        realized=counts.realized,
        verified_realized=counts.verified,
        statuses={status: counts.statuses[status] for status in Status},
        share=figure(share),
        claimed=figure(claimed),
        verified=figure(verified),
        weighted=figure(formulas.weighted(counts, plan_weight, basis)),
        progress=figure(formulas.progress(counts)),
        progress_all=figure(formulas.progress_all(counts)),
        financial=figure(formulas.financial(counts)),
        financial_ahead=formulas.financial_ahead(counts),
        target=Target(percent=percent(expected.percent), rule=expected.rule),
        achievement=_achievement(share, expected.percent),
    )


def _nothing_in_force() -> Overall:
    """The cell of a plan that has no version in force."""

    def nothing(formula: str) -> Figure:
        return figure(formulas.nothing_in_force(formula))

    return Overall(
        programs=0,
        reported=0,
        never_reported=0,
        realized=0,
        verified_realized=0,
        statuses=dict.fromkeys(Status, 0),
        share=nothing("share.v1"),
        claimed=nothing("share.v1"),
        verified=nothing("share.v1"),
        weighted=nothing("weighted.v1"),
        progress=nothing("progress.v1"),
        progress_all=nothing("progress_all.v1"),
        financial=nothing("financial.v1"),
        financial_ahead=False,
        target=None,
        achievement=None,
        dimension_mean=nothing("dimension_mean.v1"),
    )


def labels(grouping: Grouping, version: Version, keys: Iterable[str]) -> dict[str, Text]:
    """The groups to be listed, in their order, with what people call them.

    Dimensions and sub-dimensions are all listed, in the vocabulary's order; departments in the plan's order, years
    and themes in their own, as far as they are among `keys`.
    """
    there = set(keys)
    match grouping:
        case "dimension":
            return {dimension.value: text(label) for dimension, label in DIMENSIONS.items()}
        case "sub_dimension":
            return {key: text(label) for key, (_, label) in SUB_DIMENSIONS.items()}
        case "department":
            names = {entry.key: entry.name for entry in version.plan.departments}
            return {key: Text(id=name.id, en=name.en) for key, name in names.items() if key in there}
        case "theme":
            ordered = sorted(there, key=lambda key: (key == NO_THEME, key))
            return {key: text(NO_THEME_LABEL if key == NO_THEME else Label(key, key)) for key in ordered}
        case _:
            return {key: text(Label(key, key)) for key in sorted(there)}


class Identity(TypedDict):
    """What a plan says of itself."""

    name: Text
    city: str | None
    illustrative: bool
    plan_version: int | None
    start_year: int | None
    end_year: int | None
    time_zone: str


def identity(moment: Moment) -> Identity:
    """What a plan says of itself: by the version in force, else by the first one known, else nothing."""
    book = moment.opened.book
    known = [version for version in book.versions if version.seq <= moment.known_at]
    version = moment.version
    shown = version or next(iter(known), None)
    if shown is None:
        return {
            "name": Text(id=book.plan, en=book.plan),
            "city": None,
            "illustrative": False,
            "plan_version": None,
            "start_year": None,
            "end_year": None,
            "time_zone": TIME_ZONE,
        }
    plan = shown.plan
    return {
        "name": Text(id=plan.name.id, en=plan.name.en),
        "city": plan.city,
        "illustrative": plan.illustrative,
        "plan_version": version.number if version else None,
        "start_year": plan.start_year,
        "end_year": plan.end_year,
        "time_zone": plan.time_zone,
    }


def _count(moment: Moment, version: Version, grouping: Grouping, quick_win: int | None) -> Tally:
    book, as_of, known_at = moment.opened.book, moment.as_of, moment.known_at
    only = None if quick_win is None else book.quick_wins(quick_win, as_of, known_at)
    states = book.states(version, as_of, known_at)
    return tally(version, states, as_of, membership(grouping, book, as_of, known_at), only)


def realization(
    moment: Moment, group_by: Grouping = "dimension", basis: Basis = "claimed", quick_win: int | None = None
) -> Realization:
    """How far a plan has been carried out, as of a date, by what was known."""
    version = moment.version
    overall, groups = _nothing_in_force(), []
    if version is not None:
        counts = _count(moment, version, group_by, quick_win)
        weight = sum(int(program.weight * WEIGHT_UNIT) for program in version.programs.values())
        expected = target(version.plan, moment.as_of)
        overall = Overall(
            **dict(cell(counts.overall, weight, basis, expected)),
            dimension_mean=figure(formulas.dimension_mean(counts.dimensions, basis)),
        )
        for key, label in labels(group_by, version, counts.groups).items():
            own = target(version.plan, moment.as_of, key) if group_by == "dimension" else expected
            found = cell(counts.groups.get(key, Counts()), weight, basis, own)
            groups.append(Group(key=key, label=label, **dict(found)))
    return Realization(
        plan=moment.opened.book.plan,
        **identity(moment),
        as_of=moment.as_of,
        known_at=moment.known,
        fresh_at=moment.opened.fresh_at(moment.known_at),
        basis=basis,
        group_by=group_by,
        quick_win=quick_win,
        overall=overall,
        groups=groups,
    )
