"""The SQLite file behind an engine: notices that it is damaged or was replaced, and puts it aside."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from services.kit.projection.databases import is_damage

BESIDE = ("", "-wal", "-shm")  # suffixes of the files that make up an SQLite database
KEPT = 2  # damaged files, the newest


class SqliteFile:
    """The file of an engine. `damage` is SQLite's message when any query found the file damaged; else empty."""

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
        """Whether the open file was moved, deleted or replaced on disk."""
        return self._inode not in {0, self._inode_now()}

    def put_aside(self) -> Path | None:
        """Rename the file, with the reason and time in its name; the next connection creates an empty one. Returns the
        new name; None where another process already did it.

        The last few files are kept for analysis.
        """
        aside = None
        if not self.replaced() and self.path.exists():
            aside = self.path.with_name(f"{self.path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
            for suffix in reversed(BESIDE):  # the write-ahead log first: a new, empty database must not find it
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
        """The renamed damaged files that still exist, oldest first."""
        found = self.path.parent.glob(f"{self.path.name}.damaged-*")
        return sorted(file for file in found if not file.name.endswith(BESIDE[1:]))
