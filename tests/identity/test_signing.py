"""Keys by which addresses are signed: how long they are good."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.errors import Forbidden, Unauthenticated
from clawgate.identity.signing import DAY, Signing, signature
from clawgate.identity.standing import Standing
from clawgate.model.people import Actor, Scope, User
from clawgate.model.signing import SignedUrl
from clawgate.state.engine import Database
from clawgate.state.schema import SCHEMA
from clawgate.state.signing_keys import StoredSigningKeys
from clawgate.web.signed import read
from clawgate.workers import Workers

URL = "http://x/y?OC-Verb=GET"
PERIOD = 100.0
ADA = Actor(User("ada", groups=frozenset(("g",))))


class House:
    def __init__(self, database: Database, workers: Workers) -> None:
        self.now = 1_800_000_000.0
        """The beginning of a period."""
        self.people = {"ada": User("ada", name="Ada")}
        judge = Standing(self.known, self.known).judge
        self.signing = Signing(StoredSigningKeys(database), judge, PERIOD, 0.5 * PERIOD / DAY, workers, lambda: self.now)

    async def known(self, id: str) -> User | None:
        return self.people.get(id)

    async def good(self, key: str, user: str = "ada") -> bool:
        try:
            actor = await self.signing.actor(SignedUrl(user, URL, signature(URL, key), self.now + 10))
        except Unauthenticated:
            return False
        assert actor.scope.read_only
        assert actor.expires == self.now + 10
        return actor.id == user


@pytest_twisted.async_yield_fixture
async def house(new_database):
    workers = Workers(reactor, "test", 2, 100)
    workers.start()
    database = Database(new_database(), workers, SCHEMA)
    await database.start()
    yield House(database, workers)
    await database.stop()
    workers.stop()


@pytest_twisted.ensureDeferred
async def test_keys_are_changed_and_the_one_before_goes_on(house):
    begin = house.now
    first = await house.signing.key(ADA)
    house.now = begin + PERIOD - 1
    assert await house.signing.key(ADA) == first
    house.now = begin + PERIOD + 50
    assert await house.good(first)
    second = await house.signing.key(ADA)
    assert second != first
    house.now = begin + 2 * PERIOD - 1
    assert await house.good(first), "who got it at last has had it for a whole period"
    assert await house.good(second)
    house.now = begin + 2 * PERIOD
    assert not await house.good(first)
    assert await house.good(second), "also who got it late in its period"
    house.now = begin + 3 * PERIOD - 1
    assert await house.good(second)
    house.now = begin + 3 * PERIOD
    assert not await house.good(second)
    await house.signing.tidy()
    assert await house.signing.key(ADA) != second
    assert not await house.good(second)
    assert not await house.good("0" * 64)


@pytest_twisted.ensureDeferred
async def test_a_clock_that_was_wrong(house):
    begin = house.now
    house.now = begin + PERIOD
    early = await house.signing.key(ADA)
    house.now = begin + PERIOD - 1
    assert await house.signing.key(ADA) == early, "another machine's is a second late"
    assert await house.good(early)
    house.now = begin + 1000 * PERIOD
    wrong = await house.signing.key(ADA)
    house.now = begin + PERIOD
    assert not await house.good(wrong)
    right = await house.signing.key(ADA)
    assert right != wrong
    assert await house.good(right) and not await house.good(wrong)


@pytest_twisted.ensureDeferred
async def test_people_of_directories_and_others(house):
    key = await house.signing.key(ADA)
    del house.people["ada"]
    assert not await house.good(key)
    foreign = Actor(User("eve", mail="eve@x"), vouched=True)
    key = await house.signing.key(foreign)
    assert await house.good(key, "eve")
    house.now += 0.5 * PERIOD
    assert not await house.good(key, "eve")
    assert await house.signing.key(foreign) == key
    assert await house.good(key, "eve")
    house.people["eve"] = User("eve")
    house.now += 0.5 * PERIOD
    assert await house.good(key, "eve"), "of whom directories know they decide"


@pytest_twisted.ensureDeferred
async def test_a_login_that_is_only_remembered_is_of_somebody_who_may_have_left(house):
    key = await house.signing.key(ADA)
    del house.people["ada"]
    with pytest.raises(Unauthenticated, match="not known"):
        await house.signing.key(ADA)
    assert not await house.good(key), "she is nobody whom only a provider knows"


@pytest_twisted.ensureDeferred
async def test_another_password_ends_what_was_signed(house):
    house.people["ada"] = User("ada", mark="old")
    first = await house.signing.key(ADA)
    assert await house.good(first)
    house.people["ada"] = User("ada", mark="new")
    assert not await house.good(first)
    second = await house.signing.key(ADA)
    assert second != first
    assert await house.good(second)
    assert not await house.good(first)
    assert await house.signing.key(ADA) == second


@pytest_twisted.ensureDeferred
async def test_a_login_that_is_only_remembered_gets_no_key_of_the_new_password(house):
    house.people["ada"] = User("ada", mark="new")
    with pytest.raises(Unauthenticated, match="log in again"):
        await house.signing.key(Actor(User("ada", mark="old")))
    key = await house.signing.key(Actor(User("ada", mark="new")))
    # A directory that does not tell for a moment lets nobody in, and ends nothing.
    house.people["ada"] = User("ada")
    assert not await house.good(key)
    assert await house.signing.key(ADA) == key
    house.people["ada"] = User("ada", mark="new")
    assert await house.good(key)
    house.people["ada"] = User("ada", mark="newer")
    assert not await house.good(key)


def test_what_is_signed():
    query = b"id=a%24b!c&OC-Credential=ada&OC-Date=2027-01-15T08%3A00%3A00.000Z&OC-Expires=60&OC-Verb=GET"
    whole = query + b"&OC-Algo=PBKDF2%2F10000-SHA512&OC-Signature=ab12"
    found = read("GET", "https://cloud", b"/archiver", whole, 1_800_000_030.0, 100)
    assert found == SignedUrl("ada", "https://cloud/archiver?" + query.decode(), "ab12", 1_800_000_060.0)
    for now in (1_800_000_060.0, 1_799_990_000.0):
        with pytest.raises(Unauthenticated):
            read("GET", "https://cloud", b"/archiver", whole, now, 100)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("more", [{"app_password": "7"}, {"scope": Scope(read_only=True)}, {"scope": Scope(space="home$ada")}])
async def test_app_passwords_get_no_key(house, more):
    with pytest.raises(Forbidden):
        await house.signing.key(Actor(ADA.user, **more))


@pytest_twisted.ensureDeferred
async def test_signing_for_somebody(house):
    for url in ("http://x/dav/a%20b", "http://x/archiver?id=1"):
        signed = await house.signing.sign(ADA, url, 60)
        path, _, query = signed.removeprefix("http://x").partition("?")
        found = read("GET", "http://x", path.encode(), query.encode(), house.now, 1000)
        assert (await house.signing.actor(found)).id == "ada"
        with pytest.raises(Unauthenticated, match="not good any more"):
            read("GET", "http://x", path.encode(), query.encode(), house.now + 61, 1000)
        other = read("GET", "http://x", path.encode() + b"x", query.encode(), house.now, 1000)
        with pytest.raises(Unauthenticated, match="wrong"):
            await house.signing.actor(other)
    with pytest.raises(Forbidden):
        await house.signing.sign(attrs.evolve(ADA, app_password="x"), url, 60)
