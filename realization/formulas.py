"""The formulas of domain.md, "Figures, exactly". Each has a version; none is ever changed silently."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from realization.cells import PHYSICAL_UNIT, WEIGHT_UNIT, Counts
from realization.exact import Exact, percent, text

Basis = Literal["claimed", "verified"]
# Why a figure is null
Reason = Literal["empty", "weights", "none_reported", "no_budget", "none_spent", "no_version"]
FINANCIAL_MARGIN = 10  # percentage points by which money spent may exceed physical progress without a warning


@dataclass(frozen=True, slots=True)
class ExactFigure:
    """A formula applied to a cell. `value` is exact, in percent; None, with a reason, where the figure does not exist."""

    formula: str
    numerator: Exact
    denominator: Exact
    value: Fraction | None
    reason: Reason | None = None

    @property
    def percent(self) -> str | None:
        """`value` rounded, as shown."""
        return None if self.value is None else percent(self.value)

    @property
    def numerator_text(self) -> str:
        return text(self.numerator)

    @property
    def denominator_text(self) -> str:
        return text(self.denominator)


def _ratio(formula: str, numerator: Exact, denominator: Exact, reason: Reason, scale: int = 100) -> ExactFigure:
    if denominator == 0:
        return ExactFigure(formula, numerator, denominator, None, reason)
    above = numerator.numerator * denominator.denominator * scale
    return ExactFigure(formula, numerator, denominator, Fraction(above, numerator.denominator * denominator.numerator))


def share(counts: Counts, basis: Basis = "claimed") -> ExactFigure:
    """Programs realized / programs in the plan. The plain meaning of "36.38 % of all programs"."""
    realized = counts.realized if basis == "claimed" else counts.verified
    return _ratio("share.v1", realized, counts.programs, "empty")


def weighted(counts: Counts, plan_weight: int, basis: Basis = "claimed") -> ExactFigure:
    """Sum of weights of programs realized / sum of weights. Null where the whole plan's weights do not sum to 100."""
    realized = counts.weight_realized if basis == "claimed" else counts.weight_verified
    numerator, denominator = Fraction(realized, WEIGHT_UNIT), Fraction(counts.weight, WEIGHT_UNIT)
    if plan_weight != 100 * WEIGHT_UNIT:
        return ExactFigure("weighted.v1", numerator, denominator, None, "weights")
    return _ratio("weighted.v1", numerator, denominator, "empty")


def progress(counts: Counts) -> ExactFigure:
    """Sum of physical progress (percent) of reported programs / programs reported."""
    reason: Reason = "none_reported" if counts.programs else "empty"
    return _ratio("progress.v1", Fraction(counts.physical, PHYSICAL_UNIT), counts.reported, reason, scale=1)


def progress_all(counts: Counts) -> ExactFigure:
    """Sum of physical progress (percent) / all programs, with those never reported as 0."""
    return _ratio("progress_all.v1", Fraction(counts.physical, PHYSICAL_UNIT), counts.programs, "empty", scale=1)


def dimension_mean(dimensions: Mapping[str, Counts], basis: Basis = "claimed") -> ExactFigure:
    """Sum of the dimensions' shares / dimensions that have programs."""
    shares = [share(counts, basis).value for counts in dimensions.values()]
    known = [value for value in shares if value is not None]
    return _ratio("dimension_mean.v1", sum(known, Fraction()), len(known), "empty", scale=1)


def financial(counts: Counts) -> ExactFigure:
    """Money spent / budget ceiling to date, that is of all fiscal years up to that of `as_of`."""
    if counts.budget and not counts.spending:
        return ExactFigure("financial.v1", counts.spent, counts.budget, None, "none_spent")
    return _ratio("financial.v1", counts.spent, counts.budget, "no_budget" if counts.programs else "empty")


def financial_ahead(counts: Counts) -> bool:
    """Whether money spent exceeds physical progress by more than the margin: a warning, not a figure."""
    money, physical = financial(counts).value, progress(counts).value
    return money is not None and physical is not None and money > physical + FINANCIAL_MARGIN


def achievement(realized: ExactFigure, target_percent: Fraction) -> Fraction | None:
    """Share / target to date, in percent. None where there is no share or nothing is expected yet."""
    if realized.value is None or target_percent == 0:
        return None
    return realized.value * 100 / target_percent


def nothing_in_force(formula: str) -> ExactFigure:
    """The figure of a plan that has no version in force: null, never 0."""
    return ExactFigure(formula, 0, 0, None, "no_version")
