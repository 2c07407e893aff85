from __future__ import annotations

import attrs
import pytest_twisted
import sqlalchemy as sa

from clawgate.model.attempts import Attempts
from clawgate.state.attempts import StoredAttempts
from clawgate.state.engine import Database, address_of
from clawgate.state.schema import SCHEMA
from clawgate.state.upgrading import upgrade
from clawgate.workers import Workers

ALICE = Attempts("a" * 32, "192.0.2.1/32", 5, 100.5, 50.25, 900.5)
WHOLE = Attempts("", "2001:db8::/64", 100, 101.0, 0.0, 800.0)


@pytest_twisted.ensureDeferred
async def test_rows_are_kept_replaced_forgotten_and_expire(database_url: str, workers: Workers) -> None:
    engine = sa.create_engine(address_of(database_url))
    with engine.begin() as connection:
        upgrade(connection, attrs.evolve(SCHEMA, head="0002"), "", "state.db")
    engine.dispose()
    database = Database(database_url, workers, SCHEMA)
    await database.start()
    try:
        stored = StoredAttempts(database)
        await stored.write([ALICE, WHOLE], [])
        assert await stored.load(10) == [WHOLE, ALICE]
        await stored.write([attrs.evolve(ALICE, failures=6)], [("", WHOLE.network), ("not", "there")])
        assert await stored.load(10) == [attrs.evolve(ALICE, failures=6)]
        await stored.write([WHOLE], [])
        assert [await stored.expire(799.0), await stored.expire(800.0)] == [0, 1]
        await stored.write([WHOLE], [])
        assert await stored.load(1) == [attrs.evolve(ALICE, failures=6)]
        assert len(await stored.load(10)) == 1, "what is too much is removed"
    finally:
        await database.stop()
