"""A figure sealed for a meeting: a hash that anyone with the facts can compute again."""

import json
from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from realization.formulas import Figure


def canonical(plan: str, seq: int, link: str, as_of: date, figures: Mapping[str, Figure]) -> bytes:
    """What is hashed: plan, seq, the plan's `link` at that seq (hex), as_of, and per name the formula's version with its
    exact numerator and denominator. The link says which facts these are: the figure stands for them and no others.

    JSON with sorted keys, no spaces, and only strings and integers, so that it has one form everywhere.
    """
    sealed = {
        "plan": plan,
        "seq": seq,
        "link": link,
        "as_of": as_of.isoformat(),
        "figures": {
            name: [figure.formula, figure.numerator_text, figure.denominator_text, figure.reason or ""]
            for name, figure in figures.items()
        },
    }
    return json.dumps(sealed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def seal(plan: str, seq: int, link: str, as_of: date, figures: Mapping[str, Figure]) -> str:
    """The hex SHA-256 of the canonical form."""
    return sha256(canonical(plan, seq, link, as_of, figures)).hexdigest()
