"""Converts figures, cells and labels that `realization` computes to response models (docs/interfaces.md)."""

from collections.abc import Iterable
from fractions import Fraction

from presentation.words import Label, label
from realization import formulas
from realization.bands import band
from realization.cells import NO_THEME, Counts, Grouping
from realization.exact import percent
from realization.formulas import Basis
from realization.plan_facts import Version
from realization.targets import ExactTarget as Expected
from schemas.vocabulary import SUB_DIMENSIONS, Dimension, Status
from services.aggregator.api.models import Achievement, Cell, Figure, Overall, Reason, Target, Text


def text(words: Label) -> Text:
    """The response model of a label."""
    return Text(id=words.id, en=words.en)


def figure(found: formulas.ExactFigure) -> Figure:
    """The response model of a figure."""
    reason = None
    if found.reason is not None:
        words = label("reason", found.reason)
        reason = Reason(code=found.reason, id=words.id, en=words.en)
    return Figure(
        formula=found.formula,
        numerator=found.numerator_text,
        denominator=found.denominator_text,
        percent=found.percent,
        reason=reason,
    )


def _achievement(share: formulas.ExactFigure, expected: Fraction) -> Achievement | None:
    achieved = formulas.achievement(share, expected)
    if achieved is None:
        return None
    found = band(achieved)
    return Achievement(percent=percent(achieved), band=found, band_label=text(label("band", found)))


def cell(counts: Counts, plan_weight: int, basis: Basis, expected: Expected) -> Cell:
    """The response model of a cell. `plan_weight`: the weight of the whole plan, in 1/10,000 percent."""
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
    """The overall cell of a plan that has no version in force."""

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
    """The groups to list, in their order, with their labels.

    Dimensions and sub-dimensions are all listed, in the vocabulary's order. Departments are listed in the plan's order,
    years and themes sorted, where they are among `keys`.
    """
    there = set(keys)
    match grouping:
        case "dimension":
            return {key.value: text(label("dimension", key)) for key in Dimension}
        case "sub_dimension":
            return {key: text(label("sub_dimension", key)) for key in SUB_DIMENSIONS}
        case "department":
            names = {entry.key: entry.name for entry in version.plan.departments}
            return {key: Text(id=name.id, en=name.en) for key, name in names.items() if key in there}
        case "theme":
            ordered = sorted(there, key=lambda key: (key == NO_THEME, key))
            return {key: text(label("group", "no_theme") if key == NO_THEME else Label(key, key)) for key in ordered}
        case _:
            return {key: text(Label(key, key)) for key in sorted(there)}
