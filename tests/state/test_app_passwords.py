from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_twisted
import sqlalchemy as sa

from clawgate.errors import Forbidden, NotFound
from clawgate.model.app_password import AppPassword, Snapshot
from clawgate.model.people import Scope, User
from clawgate.state.app_passwords import StoredAppPasswords
from clawgate.state.engine import Database, address_of
from clawgate.state.schema import SCHEMA
from clawgate.state.upgrading import upgrade
from clawgate.workers import Workers

ONE = AppPassword("one", "alice", "Läptop", Scope(True, "home$alice"), 100.5, 900.5, None, False, "alice@example.org")
TWO = AppPassword("two", "alice", "b", Scope(), 101.0)
CARL = User("carl", "Cärl", "c@x.org", frozenset({"b", "a"}), 10, 1000, 100, {"unit": "x"})
HIS = AppPassword("his", "carl", "c", Scope(), 102.0, foreign=True)


@pytest_twisted.async_yield_fixture
async def database(database_url: str, workers: Workers) -> AsyncIterator[Database]:
    """One of the version before."""
    engine = sa.create_engine(address_of(database_url))
    with engine.begin() as connection:
        upgrade(connection, attrs.evolve(SCHEMA, head="0003"), "", "state.db")
    engine.dispose()
    database = Database(database_url, workers, SCHEMA)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
def stored(database: Database) -> StoredAppPasswords:
    return StoredAppPasswords(database)


@pytest_twisted.ensureDeferred
async def test_kept_found_and_used(stored: StoredAppPasswords) -> None:
    await stored.add(TWO, "d2", None, 9)
    await stored.add(ONE, "d1", None, 9)
    await stored.add(HIS, "d3", CARL, 9)
    assert await stored.find("d1") == (ONE, None)
    assert await stored.find("d3") == (HIS, Snapshot(CARL, 102.0))
    assert await stored.find("d4") is None
    assert await stored.of("alice") == [ONE, TWO]
    assert await stored.of(None) == [ONE, TWO, HIS]
    await stored.use({"two": 500.0, "gone": 500.0})
    assert await stored.of("alice") == [ONE, attrs.evolve(TWO, used=500.0)]


@pytest_twisted.ensureDeferred
async def test_what_makes_one_worth_less_moves_the_changes(stored: StoredAppPasswords) -> None:
    assert await stored.changes() == 0
    for one, digest, owner in ((ONE, "d1", None), (TWO, "d2", None), (HIS, "d3", CARL)):
        await stored.add(one, digest, owner, 9)
    await stored.use({"one": 1.0})
    assert await stored.see(CARL, 200.0, 3600.0) is None
    assert await stored.changes() == 0
    assert await stored.replace("one", "d4") == 1
    assert await stored.find("d1") is None
    assert await stored.remove("alice", ["one"]) == 2
    assert await stored.see(attrs.evolve(CARL, mail=""), 200.0, 3600.0) == 3
    assert await stored.changes() == 3
    for wrong in (("alice", ["two", "one"]), ("bob", ["two"])):
        with pytest.raises(NotFound):
            await stored.remove(*wrong)
    with pytest.raises(NotFound):
        await stored.replace("one", "d5")
    assert await stored.changes() == 3
    assert [one.id for one in await stored.of("alice")] == ["two"]


@pytest_twisted.ensureDeferred
async def test_people_are_kept_as_long_as_they_have_some(stored: StoredAppPasswords) -> None:
    assert await stored.see(CARL, 50.0, 0.0) is None
    assert await stored.snapshot("carl") is None
    await stored.add(HIS, "d3", CARL, 9)
    await stored.add(attrs.evolve(HIS, id="other", created=103.0, expires=900.0), "d4", CARL, 9)
    assert await stored.see(CARL, 110.0, 8.0) is None
    assert await stored.snapshot("carl") == Snapshot(CARL, 103.0), "that is recent enough"
    assert await stored.see(CARL, 111.0, 8.0) is None
    assert await stored.snapshot("carl") == Snapshot(CARL, 111.0)
    await stored.remove("carl", ["his"])
    assert await stored.snapshot("carl") is not None
    assert [await stored.expire(899.0), await stored.expire(900.0)] == [0, 1]
    assert await stored.snapshot("carl") is None


@pytest_twisted.ensureDeferred
async def test_not_too_many(stored: StoredAppPasswords) -> None:
    await stored.add(ONE, "d1", None, 2)
    await stored.add(TWO, "d2", None, 2)
    with pytest.raises(Forbidden):
        await stored.add(attrs.evolve(TWO, id="three"), "d3", None, 2)
    await stored.add(attrs.evolve(TWO, id="three", created=900.5), "d3", None, 2)
    assert [one.id for one in await stored.of("alice")] == ["two", "three"]
