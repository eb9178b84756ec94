"""Finds the department of a cell, by key, or by name where the name is unique."""

from collections.abc import Iterable

from presentation.words import both
from schemas.masterplan import Department
from services.programs.masterplans.workbook import text, values
from services.programs.masterplans.workbook.problems import RefusedError
from services.programs.masterplans.workbook.values import SheetCell


class DepartmentNames:
    """The departments of a plan by key and name. None: they could not be read, which is already reported; then every
    department is accepted."""

    def __init__(self, departments: Iterable[Department] | None) -> None:
        self._unreadable = departments is None
        self._keys: set[str] = set()
        self._called: dict[str, set[str]] = {}
        for department in departments or ():
            self._keys.add(department.key)
            for name in (department.key, department.name.id, department.name.en):
                self._called.setdefault(text.plain(name), set()).add(department.key)

    def find(self, written: str, expected: str) -> str:
        """The key of a department. Raises RefusedError."""
        if self._unreadable or written in self._keys:
            return written
        plain = text.plain(written)
        found = self._called.get(plain, set()) if plain else set()
        if len(found) > 1:
            several = ", ".join(sorted(found))
            raise RefusedError(both("workbook", "several_departments", departments=several), expected)
        if not found:
            raise RefusedError(f"perangkat daerah {values.UNKNOWN} department", expected)
        (key,) = found
        return key

    def one(self, cell: SheetCell, expected: str) -> str:
        return self.find(values.name(cell, expected), expected)

    def several(self, cell: SheetCell, expected: str) -> tuple[str, ...]:
        return tuple(self.find(item, expected) for item in values.names(cell, expected))

    def shown(self, department: Department) -> str:
        """The text for a department in a workbook's lists: its name if that finds it again, else its key."""
        try:
            certain = self.find(text.decode(text.encode(department.name.id)), "") == department.key
        except RefusedError:
            return department.key
        return department.name.id if certain else department.key
