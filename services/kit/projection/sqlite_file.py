"""The SQLite file behind an engine: notices that it is damaged or was replaced, and puts it aside."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from services.kit.projection.databases import is_damage

BESIDE = ("", "-wal", "-shm")  # what SQLite keeps a database in
KEPT = 2  # files that were put aside


class SqliteFile:
    """The file of an engine. `damage` is what SQLite said when it found it damaged, whoever asked; else empty."""

    def __init__(self, engine: Engine) -> None:
        assert engine.url.database, "a database in memory is lost with its process"
        self.path = Path(engine.url.database).absolute()
        self.damage = ""
        self._engine = engine
        self._inode = 0  # of the file that was opened first
        event.listen(engine, "connect", self._opened, insert=True)
        event.listen(engine, "handle_error", self._failed)

    def _opened(self, _: sqlite3.Connection, __: object) -> None:
        self._inode = self._inode or self._inode_now()

    def _failed(self, context: ExceptionContext) -> None:
        if is_damage(context.original_exception):
            self.damage = self.damage or str(context.original_exception)

    def _inode_now(self) -> int:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return 0

    def replaced(self) -> bool:
        """Whether the file that is open is not the one that others would open: it was moved, or deleted."""
        return self._inode not in {0, self._inode_now()}

    def put_aside(self) -> Path | None:
        """Give the file another name, that says why and when; who connects next gets an empty one. Returns the name;
        None where another process has done it already.

        The last few are kept, for those who want to know why.
        """
        aside = None
        if not self.replaced() and self.path.exists():
            aside = self.path.with_name(f"{self.path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
            for suffix in reversed(BESIDE):  # the log of writes first: an empty database must not find it
                file = Path(f"{self.path}{suffix}")
                if file.exists():
                    file.rename(f"{aside}{suffix}")
            for old in self.aside()[:-KEPT]:
                for suffix in BESIDE:
                    Path(f"{old}{suffix}").unlink(missing_ok=True)
        self._engine.dispose()
        self._inode, self.damage = 0, ""
        return aside

    def aside(self) -> list[Path]:
        """The files that were put aside and are still here, the oldest first."""
        found = self.path.parent.glob(f"{self.path.name}.damaged-*")
        return sorted(file for file in found if not file.name.endswith(BESIDE[1:]))
