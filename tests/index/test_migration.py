"""An index of an older version."""

from __future__ import annotations

import attrs
import pytest_twisted
import sqlalchemy as sa

from clawgate.index.index import Index
from clawgate.index.rows import count
from clawgate.index.schema import SCHEMA
from clawgate.model.path import ROOT, Path
from clawgate.state.engine import Database
from clawgate.state.upgrading import upgrade

from .outside import AT_ONCE, agrees, known, learn, scanner

COLUMNS = "no, space, parent, name, kind, size, mtime_ns, seen, id, own, etag, checksums, stamp, learned"


@pytest_twisted.ensureDeferred
async def test_ids_and_etags_stay(house, new_database):
    (house.root / "a/b").mkdir(parents=True)
    (house.root / "a/file").write_bytes(b"1")
    (house.root / "a/b/file").write_bytes(b"22")
    await learn(house.storage)
    before = await known(house.storage)
    old = await house.database.read(
        lambda c: c.raw.execute(f"SELECT {COLUMNS.replace('own', 'id AS own')} FROM index_node").fetchall()
    )
    epoch, space = house.storage.index.epoch, house.storage.index.id
    await house.close()

    url = new_database()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, attrs.evolve(SCHEMA, head="0001"), "", "index")
        connection.execute(sa.text("INSERT INTO index_meta VALUES ('epoch', :epoch)"), {"epoch": epoch})
        connection.execute(sa.text("INSERT INTO index_space (no, id) VALUES (1, :id)"), {"id": space})
        table = sa.table("index_node", *map(sa.column, COLUMNS.split(", ")))
        connection.execute(table.insert(), [dict(zip(COLUMNS.split(", "), row, strict=True)) for row in old])
        # Removed, and not swept yet.
        gone = dict(zip(COLUMNS.split(", "), old[1], strict=True)) | {"no": 99, "parent": -1, "name": "99", "id": "x", "own": "x"}
        connection.execute(table.insert(), [gone])
    engine.dispose()

    house.url = url
    storage = await house.open()
    assert await known(storage) == before
    assert await agrees(storage)
    owns = await house.database.read(lambda c: c.raw.execute("SELECT DISTINCT own FROM index_node").fetchall())
    assert owns == [("",)]
    # Nothing is known of what folders looked like: each is read once.
    assert (await scanner(storage).run(AT_ONCE)).changed == 3
    assert (await scanner(storage).run(AT_ONCE)).changed == 0
    assert await known(storage) == before
    await house.index.tidy()
    assert await house.database.read(lambda c: count(c, storage.index.no)) == len(before)
    assert (await storage.stat(ROOT)).size == 3
    (house.root / "a/file").rename(house.root / "a/b/moved")
    await scanner(storage).run(AT_ONCE)
    assert (await known(storage))["a/b/moved"].id == before["a/file"].id
    assert (await storage.stat(Path("a/b"))).size == 3


@pytest_twisted.ensureDeferred
async def test_a_new_index_is_the_same_as_one_that_grew(house, new_database):
    grown = new_database()
    engine = sa.create_engine(grown)
    with engine.begin() as connection:
        upgrade(connection, SCHEMA, "", "index")
    found = [_look(engine)]
    engine.dispose()
    database = Database(made := new_database(), house.workers, SCHEMA)
    await database.start()
    await Index(database, 10, 1.0).space("home$x")
    await database.stop()
    engine = sa.create_engine(made)
    found.append(_look(engine))
    engine.dispose()
    assert found[0] == found[1]


def _look(engine: sa.Engine) -> dict[str, object]:
    inspector = sa.inspect(engine)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            sorted((index["name"], tuple(index["column_names"]), index["unique"]) for index in inspector.get_indexes(table)),
        )
        for table in inspector.get_table_names()
        if table in SCHEMA.metadata.tables
    }
