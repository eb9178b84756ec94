"""Rebuilds tables on command: the work of `pantau rebuild` (docs/operations.md says when to run it)."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from services.kit.projection.databases import is_damage, is_outage, open_engine
from services.kit.projection.sqlite_file import SqliteFile
from services.kit.projection.tables import mark_for_rebuild
from services.kit.settings import ProjectionSettings

SERVICES = ("programs", "evaluations", "realization")


def rebuild(settings: ProjectionSettings, services: Sequence[str]) -> list[tuple[str, bool, str]]:
    """Mark the tables of services to be rebuilt from the log. Returns for each service its name, whether that
    succeeded, and a sentence about what was done.

    Running processes notice within a second and restart; otherwise the next start rebuilds the tables. Nothing is lost:
    everything in the tables is in the log.
    """
    return [(service, *_rebuild(settings.database_url(service), service)) for service in services]


def _rebuild(url: str, service: str) -> tuple[bool, str]:
    where = make_url(url)
    if where.get_backend_name() == "sqlite" and not Path(where.database or "").exists():
        return True, f"nothing to do: there is no {where.database}"
    engine = open_engine(url)
    file = SqliteFile(engine) if engine.dialect.name == "sqlite" else None
    try:
        marked = mark_for_rebuild(engine, service)
    except SQLAlchemyError as error:
        if file is not None and is_damage(error):
            return True, f"the file is damaged; it is now {file.put_aside()}"
        if is_outage(error):
            return False, f"{where.render_as_string(hide_password=True)}: {error}".splitlines()[0]
        raise
    finally:
        engine.dispose()
    if not marked:
        return True, f"nothing to do: no tables in {where.render_as_string(hide_password=True)}"
    return True, f"its tables ({', '.join(f'{prefix}*' for prefix in marked)}) are rebuilt from the log"
