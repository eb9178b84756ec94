"""What is done to tables in one way on both databases."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select

from services.kit.databases import TEXT, open_engine, reading, upsert, writing


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tables.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_a_row_takes_the_place_of_the_one_with_its_key(url: str) -> None:
    tables = MetaData()
    counted = Table("counted", tables, Column("name", TEXT, primary_key=True), Column("count", Integer))
    named = Table("named", tables, Column("name", TEXT, primary_key=True))
    engine = open_engine(url)
    try:
        tables.create_all(engine)
        with writing(engine) as connection:
            for count in (1, 2):
                upsert(connection, counted, [{"name": "a", "count": 0}, {"name": "a", "count": count}])
                upsert(connection, named, [{"name": "a"}, {"name": "a"}, {"name": "b"}])
        with reading(engine) as connection:
            assert connection.execute(select(counted)).all() == [("a", 2)]
            assert connection.execute(select(named.c.name).order_by(named.c.name)).scalars().all() == ["a", "b"]
    finally:
        engine.dispose()
