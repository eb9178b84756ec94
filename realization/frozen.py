"""A figure sealed for a meeting: a hash that anyone with the book can compute again."""

import json
from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from realization.formulas import Figure


def canonical(plan: str, seq: int, as_of: date, figures: Mapping[str, Figure]) -> bytes:
    """What is hashed: plan, seq, as_of, and per name the formula's version with its exact numerator and denominator.

    JSON with sorted keys, no spaces, and only strings and integers, so that it has one form everywhere.
    """
    sealed = {
        "plan": plan,
        "seq": seq,
        "as_of": as_of.isoformat(),
        "figures": {
            name: [figure.formula, figure.numerator_text, figure.denominator_text, figure.reason or ""]
            for name, figure in figures.items()
        },
    }
    return json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def seal(plan: str, seq: int, as_of: date, figures: Mapping[str, Figure]) -> str:
    """The hex SHA-256 of the canonical form."""
    return sha256(canonical(plan, seq, as_of, figures)).hexdigest()
