from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from clawgate.state.connection import Connection, Kind
from clawgate.state.engine import address_of
from clawgate.state.postgresql import Postgresql
from clawgate.state.prepared import Prepared, upsert
from clawgate.state.sqlite import Sqlite

thing = sa.Table(
    "thing",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer),
    sa.Column("kept", sa.Text),
)
pair = sa.Table("pair", sa.MetaData(), sa.Column("a", sa.Text, primary_key=True), sa.Column("b", sa.Text, primary_key=True))


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    address = address_of(database_url)
    kind: Kind = Sqlite(address, "FULL", 10.0)
    if address.get_backend_name() == "postgresql":
        kind = Postgresql(address, "test", 10.0)
    engine = sa.create_engine(kind.address, poolclass=NullPool, **kind.options)
    connection = Connection(engine, kind)
    connection.begin(write=True)
    thing.create(connection.sql)
    pair.create(connection.sql)
    yield connection
    connection.close()
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


def test_what_was_touched_is_counted(connection: Connection) -> None:
    both = Prepared(upsert(pair), "a", "b")
    assert both.many(connection, [("x", "y"), ("x", "y"), ("x", "z")]) == 2
    assert both.many(connection, []) == 0
    gone = Prepared(sa.delete(pair).where(pair.c.b == sa.bindparam("which")), "which")
    assert gone.many(connection, [("y",), ("z",), ("a",)]) == 2


def test_a_sign_of_percent_is_a_character(connection: Connection) -> None:
    Prepared(sa.insert(thing), "id", "kept").many(connection, [("a%", "%s"), ("b", "100%")])
    found = Prepared(sa.select(thing.c.kept).where(thing.c.id.like("%\\%", escape="\\")))
    assert found.all(connection) == [("%s",)]
    assert Prepared(sa.text("SELECT '%' FROM thing LIMIT 1")).all(connection) == [("%",)]
