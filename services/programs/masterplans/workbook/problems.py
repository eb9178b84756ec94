"""What reading a file answers, and how what is wrong with it is said: in both languages, at its cell."""

from typing import Any, NamedTuple

from schemas.masterplan import MasterplanVersion

SHOWN = 80  # characters of a wrong value that are repeated


class CellError(NamedTuple):
    """One thing wrong, or worth knowing. `where`: "Program!F17", of a CSV file "baris 17, kolom 6". `what` and `expected`
    are "Indonesian / English"; `value` is what stands there, as text."""

    where: str
    what: str
    expected: str
    value: str | None = None


class ReadResult(NamedTuple):
    """What a file says: a valid version if there are no errors, else None. `plan` is the plan's id where it is known."""

    version: MasterplanVersion | None
    plan: str | None
    errors: tuple[CellError, ...] = ()
    warnings: tuple[CellError, ...] = ()


class Expectation(NamedTuple):
    """What is wrong with a value, and what was expected."""

    what: str
    expected: str


class RefusedError(Exception):
    """A value that can't be taken."""

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(what)
        self.expectation = Expectation(what, expected)


class Problems:
    """Collects errors and warnings while a file is read."""

    def __init__(self) -> None:
        self.errors: list[CellError] = []
        self.warnings: list[CellError] = []

    def error(self, where: str, what: str, expected: str, value: object = None) -> None:
        self.errors.append(CellError(where, what, expected, shown(value)))

    def warn(self, where: str, what: str, expected: str, value: object = None) -> None:
        self.warnings.append(CellError(where, what, expected, shown(value)))

    def answer(self, version: MasterplanVersion | None, plan: str | None) -> ReadResult:
        """The version counts only if nothing is wrong."""
        return ReadResult(None if self.errors else version, plan, tuple(self.errors), tuple(self.warnings))


def shown(value: Any) -> str | None:
    """A value as it is repeated to the reader."""
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
