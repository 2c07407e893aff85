from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, gatherResults

from clawgate.errors import TooManyAttempts
from clawgate.model.login_flow import LoginFlow, Visitor
from clawgate.model.people import User
from clawgate.state.engine import Database
from clawgate.state.login_flows import StoredLoginFlows
from clawgate.state.login_sessions import StoredLoginSessions
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

FLOW = LoginFlow("i1", "p1", "a program", "192.0.2.1/32", 100.0, 200.0)
ALICE = Visitor(User("alice", "Älice", "a@x", frozenset({"b", "a"}), 10, 1, 2, {"x": "y"}), True)
BOB = Visitor(User("bob"))


@pytest_twisted.async_yield_fixture
async def database(database_url: str, workers: Workers) -> AsyncIterator[Database]:
    one = Database(database_url, workers, SCHEMA)
    await one.start()
    yield one
    await one.stop()


@pytest_twisted.ensureDeferred
async def test_a_flow_is_granted_once_and_taken_once(database: Database) -> None:
    flows = StoredLoginFlows(database)
    await flows.add(FLOW, 10, 10)
    assert await flows.find("i1", 150.0) == FLOW
    assert await flows.granted("p1", 150.0) is None, "nobody has granted it"
    assert not await flows.take("i1", 150.0)
    assert not await flows.grant("i2", ALICE, 150.0, 300.0)
    assert await flows.grant("i1", ALICE, 150.0, 300.0)
    assert not await flows.grant("i1", BOB, 150.0, 300.0)
    assert not await flows.deny("i1")
    assert await flows.find("i1", 150.0) is None
    assert await flows.granted("i1", 150.0) is None
    assert await flows.granted("p1", 250.0) == (attrs.evolve(FLOW, expires=300.0), ALICE)
    outcomes = await gatherResults([Deferred.fromCoroutine(flows.take("i1", 250.0)) for _ in range(5)])
    assert sorted(outcomes) == [False] * 4 + [True]
    assert await flows.granted("p1", 250.0) is None


@pytest_twisted.ensureDeferred
async def test_a_flow_ends(database: Database) -> None:
    flows = StoredLoginFlows(database)
    await flows.add(FLOW, 10, 10)
    assert await flows.find("i1", 200.0) is None
    assert not await flows.grant("i1", ALICE, 200.0, 300.0)
    assert await flows.grant("i1", ALICE, 199.0, 200.0)
    assert await flows.granted("p1", 200.0) is None
    assert not await flows.take("i1", 200.0)
    assert [await flows.expire(199.0), await flows.expire(200.0)] == [0, 1]
    await flows.add(FLOW, 10, 10)
    assert await flows.deny("i1")
    assert await flows.find("i1", 150.0) is None


@pytest_twisted.ensureDeferred
async def test_what_a_person_has_granted_ends_with_all_logins(database: Database) -> None:
    flows, sessions = StoredLoginFlows(database), StoredLoginSessions(database)
    for number in range(4):
        await flows.add(attrs.evolve(FLOW, id=f"i{number}", poll=f"p{number}"), 10, 10)
    for number, visitor in enumerate((ALICE, BOB, ALICE)):
        assert await flows.grant(f"i{number}", visitor, 150.0, 300.0)
    assert (await sessions.end_all(ALICE.user.id))[0] == 0
    assert [await flows.take(f"i{number}", 150.0) for number in range(3)] == [False, True, False]
    assert await flows.find("i3", 150.0) is not None, "nobody has granted it"


@pytest_twisted.ensureDeferred
async def test_there_is_room_for_so_many(database: Database) -> None:
    flows = StoredLoginFlows(database)
    for number in range(2):
        await flows.add(attrs.evolve(FLOW, id=f"i{number}", poll=f"p{number}"), 3, 2)
    with pytest.raises(TooManyAttempts):
        await flows.add(attrs.evolve(FLOW, id="x", poll="x"), 3, 2)
    elsewhere = attrs.evolve(FLOW, id="y", poll="y", network="192.0.2.2/32")
    await flows.add(elsewhere, 3, 2)
    with pytest.raises(TooManyAttempts):
        await flows.add(attrs.evolve(elsewhere, id="z", poll="z", network="unix"), 3, 2)
    # Those whose time is up take no room, swept or not.
    await flows.add(attrs.evolve(FLOW, id="x", poll="x", created=200.0, expires=300.0), 3, 2)


@pytest_twisted.ensureDeferred
async def test_sessions(database: Database) -> None:
    sessions = StoredLoginSessions(database)
    await sessions.put("b0", "b1", "f1", ALICE, 200.0, 2)
    assert await sessions.find("b1", "f1", 199.0) == ALICE
    assert [await sessions.find(*wrong) for wrong in (("b1", "f1", 200.0), ("b1", "", 1.0), ("b0", "f1", 1.0))] == [None] * 3

    await sessions.put("b1", "b2", "", ALICE, 201.0, 2)
    assert [await sessions.find("b1", "f1", 1.0), await sessions.find("b2", "f1", 1.0)] == [None, ALICE], "it went along"
    await sessions.put("b2", "b3", "f2", BOB, 202.0, 2)
    assert [await sessions.find("b3", purpose, 1.0) for purpose in ("f1", "", "f2")] == [None, None, BOB]
    assert await sessions.find("b2", "f1", 1.0) is None, "what the browser knew before somebody else came is worth nothing"
    await sessions.end("b3", "f2")
    assert await sessions.find("b3", "f2", 1.0) is None

    for number in range(4):
        await sessions.put("none", f"c{number}", "", BOB, 300.0 + number, 2)
    await sessions.put("none", "d", "", ALICE, 250.0, 2)
    there = [await sessions.find(f"c{number}", "", 1.0) for number in range(4)]
    assert there == [None, None, BOB, BOB], "the oldest end"
    assert await sessions.expire(302.0) == 2
    assert await sessions.find("c3", "", 1.0) == BOB


@pytest_twisted.ensureDeferred
async def test_text_that_no_table_takes(database: Database) -> None:
    sessions = StoredLoginSessions(database)
    odd = Visitor(User("carol", "half an emoji \ud83d", attributes={"x": "\0"}), True)
    await sessions.put("b0", "b1", "", odd, 200.0, 2)
    assert await sessions.find("b1", "", 1.0) == odd
