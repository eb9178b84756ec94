"""Official achievement bands. Source: Permendagri 86/2017, as in domain.md: 91-100, 76-90, 66-75, 51-65, up to 50."""

from fractions import Fraction

from realization.exact import Exact, rounded
from schemas.vocabulary import Band

_FLOORS = ((91, Band.VERY_HIGH), (76, Band.HIGH), (66, Band.MEDIUM), (51, Band.LOW))


def band(achievement: Exact) -> Band:
    """The band of an achievement in percent. The official bands have gaps between whole numbers, so the achievement is
    first rounded half up: 90.5 becomes 91, very high. Above 100 is the top band."""
    whole = int(rounded(Fraction(achievement), 0))
    return next((band for floor, band in _FLOORS if whole >= floor), Band.VERY_LOW)
