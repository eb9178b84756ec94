"""Both databases compare text as UTF-8 bytes, whatever locale they were made with; a mistake is no outage, nor damage."""

from collections.abc import Generator

import psycopg
import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, select
from sqlalchemy.dialects import postgresql

from services.aggregator.api.projection import Tables
from services.evaluations.projection import tables as evaluations
from services.kit.auth.keyring import Keyring
from services.kit.projection.databases import (
    TEXT,
    is_damage,
    is_missing_table,
    is_outage,
    open_engine,
    reading,
    upsert,
    writing,
)
from services.kit.projection.tables import ProjectionTables
from services.programs.projection import tables as programs
from tests.parts.postgres import Server

TEXTS = [
    "Ab", "I", "a b", "a-b", "a_b", "ab", "aB", "name:x;lsn:1;txId:2", "z", "~", "e\u0301", "é", "ı", "ß", "ss", "中", "\U0001f600",
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql in C", "postgresql in Indonesian, by ICU"])
def of_each_locale(request: pytest.FixtureRequest) -> Generator[Engine]:
    if request.param == "sqlite":
        tmp_path = request.getfixturevalue("tmp_path")
        opened = open_engine(f"sqlite:///{tmp_path / 'texts.db'}")
    elif request.param == "postgresql in C":
        opened = open_engine(request.getfixturevalue("postgres_url"))
    else:
        server: Server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server.url, autocommit=True) as administrator:
            administrator.execute(
                "CREATE DATABASE texts TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'id-ID' LOCALE 'C'"
            )
        opened = open_engine(server.url.replace("postgresql:", "postgresql+psycopg:").replace("/postgres", "/texts"))
    yield opened
    opened.dispose()
    if "ICU" in request.param:
        server.drop_database("texts")


def by_bytes(texts: list[str]) -> list[str]:
    return sorted(texts, key=str.encode)


def test_text_is_compared_as_its_utf_8_bytes(of_each_locale: Engine) -> None:
    tables = MetaData()
    table = Table("texts", tables, Column("text", TEXT, primary_key=True), Column("same", TEXT))
    tables.create_all(of_each_locale)
    with writing(of_each_locale) as connection:
        upsert(connection, table, [{"text": text, "same": text} for text in TEXTS])
    column = table.c.text
    with reading(of_each_locale) as connection:
        assert list(connection.scalars(select(column).order_by(column))) == by_bytes(TEXTS)
        for text in TEXTS:
            after = list(connection.scalars(select(column).where(column > text).order_by(column)))
            assert after == [other for other in by_bytes(TEXTS) if other.encode() > text.encode()]
            assert list(connection.scalars(select(column).where(column == text))) == [text]


def test_a_locale_would_compare_otherwise(postgres_server: Server) -> None:
    """Why the type is needed: ICU sorts as dictionaries do."""
    with psycopg.connect(postgres_server.url) as connection:
        asked = 'SELECT text FROM unnest(%s::text[]) AS text ORDER BY text COLLATE "id-x-icu"'
        assert [text for (text,) in connection.execute(asked, (TEXTS,))] != by_bytes(TEXTS)


def test_every_text_in_every_table_has_that_type() -> None:
    own, dialect = MetaData(), postgresql.dialect()  # type: ignore[no-untyped-call]  # not annotated
    engine = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    Keyring("x_v1_", own, None)
    kept = ProjectionTables(engine, "x", 1, [], own, {}, lambda *_: None, None)
    columns = [
        column
        for metadata in (programs, evaluations, Tables().metadata, own, kept.offsets.metadata)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String)
    ]
    assert len(columns) > 30
    others = [str(column) for column in columns if "C" not in column.type.compile(dialect).split('"')]
    assert others == []


def test_a_row_takes_the_place_of_the_one_with_its_key(of_each_locale: Engine) -> None:
    tables = MetaData()
    counted = Table("counted", tables, Column("name", TEXT, primary_key=True), Column("count", Integer))
    named = Table("named", tables, Column("name", TEXT, primary_key=True))
    tables.create_all(of_each_locale)
    with writing(of_each_locale) as connection:
        for count in (1, 2):
            upsert(connection, counted, [{"name": "a", "count": 0}, {"name": "a", "count": count}])
            upsert(connection, named, [{"name": "a"}, {"name": "a"}, {"name": "b"}])
    with reading(of_each_locale) as connection:
        assert [tuple(row) for row in connection.execute(select(counted))] == [("a", 2)]
        assert list(connection.scalars(select(named.c.name).order_by(named.c.name))) == ["a", "b"]


def test_what_is_missing_is_neither_an_outage_nor_damage(of_each_locale: Engine) -> None:
    with reading(of_each_locale) as connection, pytest.raises(Exception, match="nowhere") as mistake:
        connection.exec_driver_sql("SELECT * FROM nowhere")
    assert is_missing_table(mistake.value)
    assert not is_outage(mistake.value)
    assert not is_damage(mistake.value)
    with reading(of_each_locale) as connection, pytest.raises(Exception, match="nonsense") as mistake:
        connection.exec_driver_sql("nonsense")
    assert not is_missing_table(mistake.value)
