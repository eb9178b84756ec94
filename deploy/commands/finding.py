"""The findings of `pantau doctor`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One check: whether it passed, what was found, and what to do where it failed."""

    what: str
    ok: bool
    found: str
    mend: str = ""
