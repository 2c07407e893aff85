from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest_twisted
from twisted.internet import reactor

from clawgate.gateway.login_sessions import LoginSessions
from clawgate.gateway.page_sessions import PageSessions
from clawgate.model.login_flow import Visitor
from clawgate.model.people import User
from clawgate.settings import LoginFlow, Web
from clawgate.state.engine import Database
from clawgate.state.login_sessions import StoredLoginSessions
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers


class House(NamedTuple):
    pages: PageSessions
    logins: LoginSessions
    known: dict[str, User]
    clock: list[float]


@pytest_twisted.async_yield_fixture
async def house(new_database: Callable[[], str]) -> AsyncIterator[House]:
    workers = Workers(reactor, "state", 2, 50)  # type: ignore[arg-type]
    workers.start()
    database = Database(new_database(), workers, SCHEMA)
    await database.start()
    stored, known, clock = StoredLoginSessions(database), {"alice": User("alice", groups=frozenset("x"))}, [1000.0]

    async def find(id: str) -> User | None:
        return known.get(id)

    pages = PageSessions(stored, Web(session_seconds=100, sessions_per_user=2), find, lambda: clock[0])
    logins = LoginSessions(stored, LoginFlow(session_seconds=10, sessions_per_user=2), lambda: clock[0])
    yield House(pages, logins, known, clock)
    await database.stop()
    workers.stop()


@pytest_twisted.ensureDeferred
async def test_a_session(house: House) -> None:
    secret = await house.pages.begin(Visitor(User("alice")))
    actor = await house.pages.actor(secret)
    assert actor is not None
    assert (actor.user, actor.expires, actor.app_password) == (house.known["alice"], 1100.0, ""), "who that is now"
    assert await house.pages.actor("x" * 43) is None
    await house.pages.end(secret)
    assert await house.pages.actor(secret) is None


@pytest_twisted.ensureDeferred
async def test_it_ends(house: House) -> None:
    secret = await house.pages.begin(Visitor(User("alice")))
    house.clock[0] += 100
    assert await house.pages.actor(secret) is None
    secret = await house.pages.begin(Visitor(User("alice")))
    del house.known["alice"]
    assert await house.pages.actor(secret) is None, "nobody knows her any more"


@pytest_twisted.ensureDeferred
async def test_of_somebody_whom_only_a_provider_knows(house: House) -> None:
    secret = await house.pages.begin(Visitor(User("zoe", "Zoe"), foreign=True))
    actor = await house.pages.actor(secret)
    assert actor is not None and actor.user.name == "Zoe"


@pytest_twisted.ensureDeferred
async def test_how_many(house: House) -> None:
    found = []
    for _ in range(3):
        house.clock[0] += 1
        found.append(await house.pages.begin(Visitor(User("alice"))))
    alive = [await house.pages.actor(secret) is not None for secret in found]
    assert alive == [False, True, True]
    # Logins at the login pages are counted by themselves: these would be the oldest for ever.
    await house.logins.begin("", "browser", "purpose", Visitor(User("alice")))
    assert await house.logins.visitor("browser", "purpose") is not None
    assert [await house.pages.actor(secret) is not None for secret in found] == alive


@pytest_twisted.ensureDeferred
async def test_neither_kind_stands_for_the_other(house: House) -> None:
    secret = await house.pages.begin(Visitor(User("alice")))
    assert await house.logins.visitor(secret, "page") is None
    await house.logins.begin("", "b" * 43, "page", Visitor(User("alice")))
    assert await house.pages.actor("b" * 43) is None
