"""Tables dropped and replayed: what a live projection holds, and what a fresh one makes of the same log."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, create_engine, select

from deploy.local.process_settings import InstallationSettings
from deploy.local.site import create_site
from tests.integration.intake_site import served

SERVICES = ("programs", "evaluations", "realization")
OFFSETS = "_offsets"  # a position may stand before or after the marker of a transaction: no content

Tables = dict[str, list[tuple[Any, ...]]]


def tables(urls: Iterable[str]) -> Tables:
    """The rows of every table of these databases, in the order of their keys."""
    found: Tables = {}
    for url in urls:
        engine, metadata = create_engine(url), MetaData()
        with engine.connect() as connection:
            metadata.reflect(connection)
            for table in metadata.sorted_tables:
                if not table.name.endswith(OFFSETS):
                    rows = connection.execute(select(table).order_by(*table.primary_key))
                    found[table.name] = [tuple(_plain(value) for value in row) for row in rows]
        engine.dispose()
    return found


def urls(settings: InstallationSettings) -> list[str]:
    """The databases of an installation."""
    return sorted({settings.database_url(service) for service in SERVICES})


def replayed(settings: InstallationSettings, folder: Path) -> Tables:
    """The tables that the apis build from the log on empty databases in `folder`."""
    fresh = settings.model_copy(update={"database": None, "state": folder})
    with served(create_site(fresh)):
        pass
    return tables(urls(fresh))


def differences(live: Tables, fresh: Tables) -> list[str]:
    """Tables of which the rows differ."""
    found = [f"only one side has the table {name}" for name in live.keys() ^ fresh.keys()]
    for name in sorted(live.keys() & fresh.keys()):
        only_live, only_fresh = set(live[name]) - set(fresh[name]), set(fresh[name]) - set(live[name])
        if live[name] != fresh[name]:
            example = next(iter(only_live | only_fresh), "the order alone")
            found.append(
                f"{name}: {len(only_live)} rows only live, {len(only_fresh)} only replayed, such as {example}"[:500]
            )
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
