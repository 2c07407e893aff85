"""Databases of older versions."""

from __future__ import annotations

import attrs
import pytest_twisted
import sqlalchemy as sa

from clawgate.model.content import Checksum
from clawgate.model.path import Path
from clawgate.model.upload import Part, Upload
from clawgate.state.engine import Database, address_of
from clawgate.state.schema import SCHEMA
from clawgate.state.upgrading import upgrade
from clawgate.state.uploads import Uploads
from clawgate.workers import Workers

FIRST = {
    "id": "u1",
    "owner": "ada",
    "space": "home$ada",
    "handle": "h1",
    "dialect": "ng",
    "key": "4711",
    "path": "",
    "size": 30,
    "offset": 10,
    "parts": '[["00000",0,10],["00020",20,30]]',
    "checksums": "SHA1:ab",
    "mtime_ns": 5,
    "created": 100.5,
    "expires": 900.5,
    "extra": '{"a":1}',
}
SECOND = FIRST | {"id": "u2", "owner": "bob", "space": "home$bob", "handle": "h2", "path": "x/y", "offset": 0, "parts": "[]"}
BARE = {"size": None, "checksums": "", "mtime_ns": None, "extra": "{}"}


@pytest_twisted.ensureDeferred
async def test_running_uploads_are_carried_over(database_url: str, workers: Workers) -> None:
    engine = sa.create_engine(address_of(database_url))
    with engine.begin() as connection:
        upgrade(connection, attrs.evolve(SCHEMA, head="0001"), "", "state.db")
        table = sa.table("upload", *map(sa.column, FIRST))
        connection.execute(table.insert(), [FIRST, SECOND | BARE])
        connection.execute(sa.text("INSERT INTO favourite VALUES ('home$ada', 'ada', 'n1')"))
    engine.dispose()

    database = Database(database_url, workers, SCHEMA)
    await database.start()
    try:
        uploads = Uploads(database)
        first = Upload("u1", "ada", "home$ada", "h1", "ng", "4711", Path(""), 30, 0, 100.5, 900.5)
        first = attrs.evolve(first, checksums=(Checksum("SHA1", "ab"),), mtime_ns=5, extra={"a": 1})
        second = Upload("u2", "bob", "home$bob", "h2", "ng", "4711", Path("x/y"), None, 0, 100.5, 900.5)
        assert await uploads.all() == [first, second]
        assert await uploads.parts("u1") == [Part("00000", 0, 10), Part("00020", 20, 30)]
        assert await uploads.parts("u2") == []
        assert await uploads.arrived() == {"u1": 20, "u2": 0}
        # It can be continued, and ended.
        await uploads.add_part("u1", Part("00010", 10, 20), 10, 1000.0)
        await uploads.finish(first, Path("z"), 30, "n", 1000.0)
        assert (await uploads.get("u1")).finished
        kept = await database.read(lambda connection: connection.raw.execute("SELECT node FROM favourite").fetchall())
        assert kept == [("n1",)]
    finally:
        await database.stop()
