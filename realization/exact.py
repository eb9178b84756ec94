"""Exact numbers, rounded once, half up, at the edge."""

from decimal import Decimal
from fractions import Fraction

Exact = int | Fraction


def rounded(value: Exact, places: int = 2) -> str:
    """`value` >= 0 as a decimal string, rounded half up, once, from the exact value.

    155/426 in percent is 36.38. Rounding twice, first to 36.385, would give 36.39.
    """
    numerator, denominator = value.numerator * 10**places, value.denominator
    units = (2 * numerator + denominator) // (2 * denominator)
    if places == 0:
        return str(units)
    return f"{units // 10**places}.{units % 10**places:0{places}d}"


def percent(value: Exact) -> str:
    """A percentage >= 0 as shown, rounded to two places. More than none and less than all never shows as 0.00 or
    100.00: 19,999 of 20,000 is 99.99."""
    shown = rounded(value)
    return {"0.00": "0.01", "100.00": "99.99"}.get(shown, shown) if 0 < value < 100 else shown


def text(value: Exact) -> str:
    """The exact value: a decimal where it has one (`36.125`), else a reduced ratio (`7654/360`)."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    return f"{(Decimal(value.numerator) / Decimal(value.denominator)).normalize():f}"
