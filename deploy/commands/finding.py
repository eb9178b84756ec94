"""What a check-up finds."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing looked at: whether it is as it should be, what was found, and if not, what to do."""

    what: str
    ok: bool
    found: str
    mend: str = ""
