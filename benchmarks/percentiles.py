"""How long most of them took."""

from collections.abc import Sequence


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of rising values that so many per cent do not exceed."""
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]
