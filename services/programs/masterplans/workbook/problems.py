"""The result of reading a file, and its errors: each in both languages, with its cell."""

from typing import Any, NamedTuple

from schemas.masterplan import MasterplanVersion

SHOWN = 80  # characters of a wrong value that an error repeats


class CellError(NamedTuple):
    """An error or warning. `where`: "Program!F17", or in a CSV file "baris 17, kolom 6". `what` and `expected` are
    "Indonesian / English"; `value` is the value found, as text."""

    where: str
    what: str
    expected: str
    value: str | None = None


class ReadResult(NamedTuple):
    """The result of reading a file: a valid version if there are no errors, else None. `plan` is the plan's id where
    known."""

    version: MasterplanVersion | None
    plan: str | None
    errors: tuple[CellError, ...] = ()
    warnings: tuple[CellError, ...] = ()


class Expectation(NamedTuple):
    """What is wrong with a value, and what was expected."""

    what: str
    expected: str


class RefusedError(Exception):
    """A value that is not accepted."""

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
        """The result, with the version only if there are no errors."""
        return ReadResult(None if self.errors else version, plan, tuple(self.errors), tuple(self.warnings))


def shown(value: Any) -> str | None:
    """A value as an error shows it."""
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
