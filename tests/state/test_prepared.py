from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.pool import StaticPool

from clawgate.state.engine import Connection
from clawgate.state.prepared import Prepared, upsert

thing = sa.Table(
    "thing",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer),
    sa.Column("kept", sa.Text),
)
pair = sa.Table("pair", sa.MetaData(), sa.Column("a", sa.Text, primary_key=True), sa.Column("b", sa.Text, primary_key=True))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None})
    connection = Connection(engine)
    thing.create(connection.sql)
    pair.create(connection.sql)
    yield connection
    connection.sql.close()
    engine.dispose()


def test_values_go_where_their_names_are(connection: Connection) -> None:
    insert = Prepared(sa.insert(thing), "kept", "id", "n")
    assert insert.run(connection, "k", "a", 1) == 1
    insert.many(connection, [("l", "b", 2), ("m", "c", 3)])
    b = sa.bindparam
    select = Prepared(
        sa.select(thing.c.id).where(thing.c.n >= b("low"), thing.c.n <= b("high")).order_by(thing.c.id), "high", "low"
    )
    assert select.all(connection, 2, 1) == [("a",), ("b",)]
    assert select.one(connection, 3, 2) == ("b",)
    assert select.one(connection, 0, 2) is None
    assert select.all(connection, 0, 2) == []


def test_one_value_for_a_name_that_occurs_twice_and_values_of_the_statement(connection: Connection) -> None:
    b = sa.bindparam
    Prepared(sa.insert(thing), "id", "n").many(connection, [("a", 1), ("b", 5), ("c", 9)])
    either = Prepared(sa.select(thing.c.id).where(sa.or_(thing.c.id == b("x"), thing.c.kept == b("x")), thing.c.n < 7), "x")
    assert [either.all(connection, id) for id in "abc"] == [[("a",)], [("b",)], []]
    add = Prepared(sa.update(thing).where(thing.c.id == b("row"), thing.c.n < 8).values(n=thing.c.n + b("by")), "by", "row")
    assert (add.run(connection, 10, "a"), add.run(connection, 10, "c"), add.run(connection, 1, "zz")) == (1, 0, 0)
    add.many(connection, [(1, "b"), (1, "c")])
    assert Prepared(sa.select(thing.c.n).order_by(thing.c.id)).all(connection) == [(11,), (6,), (9,)]


def test_upsert_replaces_all_but_what_is_kept(connection: Connection) -> None:
    put = Prepared(upsert(thing, "kept"), "id", "n", "kept")
    put.run(connection, "a", 1, "first")
    put.run(connection, "a", 2, "second")
    assert Prepared(sa.select(thing)).all(connection) == [("a", 2, "first")]
    both = Prepared(upsert(pair), "a", "b")
    both.many(connection, [("x", "y"), ("x", "y")])
    assert Prepared(sa.select(pair)).all(connection) == [("x", "y")]


def test_wrong_names_are_found_at_the_first_use(connection: Connection) -> None:
    with pytest.raises(TypeError, match=r"no parameters \['nn'\]"):
        Prepared(sa.select(thing).where(thing.c.n == sa.bindparam("n")), "n", "nn").all(connection, 1, 2)
    with pytest.raises(TypeError, match="no value for the parameter 'n'"):
        Prepared(sa.select(thing).where(thing.c.n == sa.bindparam("n"))).all(connection)


def test_the_same_statements_for_postgresql() -> None:
    calls: list[Any] = []

    class Driver:
        def execute(self, sql: str, values: Any) -> Any:
            calls.append((" ".join(sql.split()), values))
            return SimpleNamespace(rowcount=1)

    dialect = PGDialect_psycopg(paramstyle="format")
    connection: Any = SimpleNamespace(dialect="postgresql", raw=Driver(), engine=SimpleNamespace(dialect=dialect))
    Prepared(upsert(thing, "kept"), "n", "id", "kept").run(connection, 1, "a", "k")
    Prepared(sa.delete(thing).where(thing.c.n == 3, thing.c.id == sa.bindparam("row")), "row").run(connection, "a")
    assert calls == [
        (
            "INSERT INTO thing (id, n, kept) VALUES (%s::VARCHAR, %s::INTEGER, %s::VARCHAR) "
            "ON CONFLICT (id) DO UPDATE SET n = excluded.n",
            ("a", 1, "k"),
        ),
        ("DELETE FROM thing WHERE thing.n = %s::INTEGER AND thing.id = %s::VARCHAR", (3, "a")),
    ]
