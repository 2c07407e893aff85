from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from typing import NamedTuple

import pytest_twisted
from twisted.internet import reactor

from clawgate.gateway.login_sessions import LoginSessions
from clawgate.gateway.page_sessions import PageSessions
from clawgate.identity.standing import Standing
from clawgate.model.login_flow import Visitor
from clawgate.model.people import User
from clawgate.model.signing import SigningKey
from clawgate.settings import LoginFlow, Web
from clawgate.state.engine import Database
from clawgate.state.login_sessions import StoredLoginSessions
from clawgate.state.schema import SCHEMA
from clawgate.state.signing_keys import StoredSigningKeys
from clawgate.workers import Workers


class Ended:
    """Who was told to be sent away."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def over(self, session: str) -> None:
        self.told.append(session)

    def gone(self, number: int, ids: Collection[str] = (), user: str = "") -> None:
        self.told.append((number, user))


class House(NamedTuple):
    pages: PageSessions
    ended: Ended
    keys: StoredSigningKeys
    logins: LoginSessions
    known: dict[str, User]
    clock: list[float]
    anew: dict[str, User]
    """What is not remembered; empty: the same."""


@pytest_twisted.async_yield_fixture
async def house(new_database: Callable[[], str]) -> AsyncIterator[House]:
    workers = Workers(reactor, "state", 2, 50)  # type: ignore[arg-type]
    workers.start()
    database = Database(new_database(), workers, SCHEMA)
    await database.start()
    stored, known, clock = StoredLoginSessions(database), {"alice": User("alice", groups=frozenset("x"))}, [1000.0]

    async def find(id: str) -> User | None:
        return known.get(id)

    async def find_anew(id: str) -> User | None:
        return (anew or known).get(id)

    ended, anew = Ended(), dict[str, User]()
    judge = Standing(find, find_anew).judge
    pages = PageSessions(stored, Web(session_seconds=100, sessions_per_user=2), judge, ended, lambda: clock[0])
    logins = LoginSessions(stored, LoginFlow(session_seconds=10, sessions_per_user=2), lambda: clock[0], judge)
    yield House(pages, ended, StoredSigningKeys(database), logins, known, clock, anew)
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


@pytest_twisted.ensureDeferred
async def test_another_password_ends_what_was_begun_with_the_one_before(house: House) -> None:
    house.known["alice"] = User("alice", mark="old")
    first = await house.pages.begin(Visitor(User("alice", mark="old")))
    await house.logins.begin("", "browser", "purpose", Visitor(User("alice", mark="old")))
    by_provider = await house.pages.begin(Visitor(User("alice")))
    assert await house.pages.actor(first) is not None
    house.known["alice"] = User("alice", mark="new")
    assert await house.pages.actor(first) is None
    assert len(house.ended.told) == 1, "what was remembered of it is forgotten"
    assert await house.logins.visitor("browser", "purpose") is None
    assert await house.pages.actor(by_provider) is not None, "there no password was asked for"
    house.known["alice"] = User("alice", mark="old")
    assert await house.pages.actor(first) is None, "it does not come back"
    assert await house.logins.visitor("browser", "purpose") is None


@pytest_twisted.ensureDeferred
async def test_a_directory_that_does_not_tell_ends_nothing(house: House) -> None:
    marked = Visitor(User("alice", mark="old"))
    house.known["alice"] = marked.user
    secret = await house.pages.begin(marked)
    await house.logins.begin("", "browser", "purpose", marked)
    for known in ({"alice": User("alice")}, {}):
        house.known.clear()
        house.known.update(known)
        assert await house.pages.actor(secret) is None
        assert await house.logins.visitor("browser", "purpose") is None
    house.known["alice"] = marked.user
    assert await house.pages.actor(secret) is not None
    assert await house.logins.visitor("browser", "purpose") is not None
    assert house.ended.told == []


@pytest_twisted.ensureDeferred
async def test_what_is_remembered_of_the_password_before_ends_nothing(house: House) -> None:
    house.anew["alice"] = User("alice", mark="new")
    house.known["alice"] = User("alice", mark="old")
    secret = await house.pages.begin(Visitor(User("alice", mark="new")))
    await house.logins.begin("", "browser", "purpose", Visitor(User("alice", mark="new")))
    assert await house.pages.actor(secret) is not None
    assert await house.logins.visitor("browser", "purpose") is not None
    house.anew["alice"] = User("alice", mark="newer")
    assert await house.pages.actor(secret) is None
    assert await house.logins.visitor("browser", "purpose") is None


@pytest_twisted.ensureDeferred
async def test_logging_out_everywhere(house: House) -> None:
    house.known["bob"] = User("bob")
    mine = [await house.pages.begin(Visitor(User("alice"))) for _ in range(2)]
    other = await house.pages.begin(Visitor(User("bob")))
    await house.logins.begin("", "browser", "", Visitor(User("alice")))

    def key(known: SigningKey | None) -> SigningKey:
        return SigningKey("k", "", 1000.0, User("alice"), 1000.0, False)

    await house.keys.change("alice", key)
    session = (await house.pages.actor(mine[0])).session  # type: ignore[union-attr]
    assert session and session != mine[0]
    assert await house.pages.of() == [("alice", 1100.0), ("alice", 1100.0), ("bob", 1100.0)]
    assert await house.pages.of("bob") == [("bob", 1100.0)]
    assert await house.pages.end_all("alice") == 3
    assert house.ended.told == [(1, "alice")]
    assert [await house.pages.actor(secret) is not None for secret in (*mine, other)] == [False, False, True]
    assert await house.logins.visitor("browser", "") is None
    assert await house.keys.find("alice") is None, "nor can addresses be signed any more"
    assert await house.pages.end_all("alice") == 0
