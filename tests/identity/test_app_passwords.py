"""Making, using and ending app passwords, with the real tables."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.logger import capturedLogs, formatEvent

from clawgate.errors import Forbidden, InvalidRequest, NotFound, StorageUnavailable, Unauthenticated
from clawgate.identity import app_secrets
from clawgate.identity.app_passwords import AppPasswords
from clawgate.identity.cache import RememberedLogins
from clawgate.identity.chain import Chain
from clawgate.identity.foreign import SEEN_SECONDS, Seen
from clawgate.identity.last_use import LastUse
from clawgate.identity.revocations import CHECK_SECONDS, Revocations
from clawgate.interfaces import Authenticator, Directory, Match
from clawgate.model.people import Actor, Bearer, Credentials, Password, Scope, User
from clawgate.settings import AppPasswords as Rules
from clawgate.state.app_passwords import StoredAppPasswords
from clawgate.state.engine import Connection, Database
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

ALICE = User("alice", "Alice", groups=frozenset({"physics"}))
CARL = User("carl", "Carl", "c@x.org", frozenset({"b", "a"}), 10, 1000, 100, {"unit": "x"})
DAY = 86400.0


class People(Directory):
    def __init__(self, *users: User) -> None:
        self.users = {user.id: user for user in users}
        self.error: Exception | None = None
        self.asked = 0

    async def find_user(self, id: str) -> User | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.users.get(id)

    async def search(self, text: str, limit: int) -> list[Match]:
        return []

    async def search_groups(self, text: str, limit: int) -> list[str]:
        return []


class Tokens(Authenticator):
    """Token `x` is what somebody said that it is."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        found = self.users.get(credentials.token) if isinstance(credentials, Bearer) else None
        return Actor(found) if found is not None else None


class Process:
    """What one process has of all this; several share the tables."""

    def __init__(self, database: Database, people: People, rules: Rules, time: Any) -> None:
        stored = StoredAppPasswords(database)
        self.tokens = Tokens()
        self.revocations = Revocations(stored.changes, time)
        self.app_passwords = AppPasswords(stored, [people], rules, self.revocations, time)
        self.last_use = LastUse(stored.use, rules.used_seconds, time)
        self.seen = Seen(self.tokens, stored, self.revocations, time)
        self.logins = RememberedLogins(
            Chain([self.app_passwords, self.seen]), 300, time, now=time, revocable=self.revocations, used=self.last_use
        )
        self.revocations.forget.append(self.logins.forget)

    async def login(self, user: str, secret: str) -> Actor | None:
        return await self.logins.authenticate(Password(user, secret))

    async def token(self, user: User) -> None:
        """Log in by a token that nobody has seen before."""
        token = f"t{len(self.tokens.users)}"
        self.tokens.users[token] = user
        actor = await self.logins.authenticate(Bearer(token))
        assert actor is not None
        assert actor.user == user
        await self.seen.stop()


class World:
    def __init__(self, database: Database) -> None:
        self.now = 1_800_000_000.0
        self.database = database
        self.people = People(ALICE)
        self.rules = Rules(per_user=3, used_seconds=300, foreign_days=90)

    async def process(self) -> Process:
        """One that has just started."""
        process = Process(self.database, self.people, self.rules, lambda: self.now)
        await process.revocations.refresh()
        return process


@pytest_twisted.async_yield_fixture
async def world(database_url: str, workers: Workers) -> AsyncIterator[World]:
    database = Database(database_url, workers, SCHEMA)
    await database.start()
    yield World(database)
    await database.stop()


async def refused(process: Process, user: str, secret: str) -> bool:
    try:
        return await process.login(user, secret) is None
    except Unauthenticated:
        return True


# secrets


def test_secrets_have_one_form():
    some = [app_secrets.make() for _ in range(200)]
    assert len(set(some)) == 200
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{4}[0-9]", one) for one in some)
    assert all(app_secrets.is_one(one) for one in some)
    assert len({app_secrets.digest(one) for one in some}) == 200


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        lambda secret: secret.replace("-", ""),
        lambda secret: secret[:-1],
        lambda secret: secret + "\n",
        lambda secret: secret[:-1] + str((int(secret[-1]) + 1) % 10),
        lambda secret: "O" + secret[1:],
        lambda secret: "\N{ARABIC-INDIC DIGIT ONE}" + secret[1:],
    ],
)
def test_what_is_not_quite_one_may_be_another_password(change):
    assert not app_secrets.is_one(change(app_secrets.make()))


def test_words_that_people_choose_are_none():
    assert not app_secrets.is_one("HANDS-BRAND-STAMP-MAKER-TRACK")


# logging in


@pytest_twisted.ensureDeferred
async def test_the_owner_is_who_the_directory_says_now(world: World) -> None:
    process = await world.process()
    made, secret = await process.app_passwords.make(ALICE, "Laptop", foreign=False)
    assert await process.login("alice", secret) == Actor(ALICE, None, Scope(), made.id)

    world.people.users["alice"] = changed = attrs.evolve(ALICE, groups=frozenset({"art"}))
    process.logins.forget()
    assert await process.login("alice", secret) == Actor(changed, None, Scope(), made.id)


@pytest_twisted.ensureDeferred
async def test_a_person_whom_no_directory_knows_any_more_is_refused(world: World) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(ALICE, "x", foreign=False)
    world.people.users.clear()
    with pytest.raises(Unauthenticated, match="not known any more"):
        await process.login("alice", secret)


@pytest_twisted.ensureDeferred
async def test_a_directory_that_does_not_answer_is_no_refusal(world: World) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(ALICE, "x", foreign=False)
    world.people.error = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        await process.login("alice", secret)
    world.people.error = None
    assert await process.login("alice", secret)


@pytest_twisted.ensureDeferred
async def test_the_name_must_be_the_owners(world: World) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(ALICE, "x", foreign=False, login="alice@example.org")
    _, other = await process.app_passwords.make(ALICE, "x", foreign=False, login="alice")
    assert await process.login("alice", secret)
    assert await process.login("alice@example.org", secret)
    for name in ("bob", "", "Alice", "alice "):
        for one in (secret, other):
            with pytest.raises(Unauthenticated):
                await process.login(name, one)
    with pytest.raises(Unauthenticated):
        await process.login("alice@example.org", other)


@pytest_twisted.ensureDeferred
async def test_others_are_asked_only_about_what_cannot_be_ours(world: World) -> None:
    process = await world.process()
    for credentials in (Password("alice", "right"), Password("alice", ""), Bearer(app_secrets.make())):
        assert await process.app_passwords.authenticate(credentials) is None
    with pytest.raises(Unauthenticated):
        await process.app_passwords.authenticate(Password("alice", app_secrets.make()))
    assert world.people.asked == 0


@pytest_twisted.ensureDeferred
async def test_an_end_is_kept_to_also_by_remembered_logins(world: World) -> None:
    process = await world.process()
    made, secret = await process.app_passwords.make(ALICE, "x", foreign=False, days=0.001)
    assert made.expires == world.now + 86.4
    assert await process.login("alice", secret)
    world.now += 86
    assert await process.login("alice", secret)
    assert process.logins.hits == 1
    world.now += 1
    with pytest.raises(Unauthenticated, match="expired"):
        await process.login("alice", secret)
    await process.app_passwords.tidy()
    assert await process.app_passwords.of() == []


# making


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (mirall)  3.7\t", "Mozilla/5.0 (mirall) 3.7"),
        ("a\x00\x1b[31mb\nc\u202e", "a [31mb c"),
        ("", "app password"),
        (" \n", "app password"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 500, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 120),
    ],
)
@pytest_twisted.ensureDeferred
async def test_names_are_one_printable_line(world: World, said: str, name: str) -> None:
    made, _ = await (await world.process()).app_passwords.make(ALICE, said, foreign=False)
    assert made.name == name


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf"), 36501])
@pytest_twisted.ensureDeferred
async def test_impossible_lives(world: World, days: float) -> None:
    with pytest.raises(InvalidRequest):
        await (await world.process()).app_passwords.make(ALICE, "x", foreign=False, days=days)


@pytest_twisted.ensureDeferred
async def test_the_usual_life_is_a_setting(world: World) -> None:
    world.rules = attrs.evolve(world.rules, days=2)
    made = [(await (await world.process()).app_passwords.make(ALICE, "x", foreign=False, days=days))[0] for days in (None, 0, 1)]
    assert [one.expires for one in made] == [world.now + 2 * DAY, None, world.now + DAY]


@pytest_twisted.ensureDeferred
async def test_there_are_not_endlessly_many(world: World) -> None:
    process = await world.process()
    for days in (1, 0, 0):
        await process.app_passwords.make(ALICE, "x", foreign=False, days=days)
    with pytest.raises(Forbidden, match="3 app passwords"):
        await process.app_passwords.make(ALICE, "x", foreign=False)
    await process.app_passwords.make(CARL, "x", foreign=True)
    world.now += 2 * DAY
    await process.app_passwords.make(ALICE, "one has expired", foreign=False)
    assert [one.user for one in await process.app_passwords.of()] == ["alice"] * 3 + ["carl"]
    assert [one.name for one in await process.app_passwords.of("alice")][-1] == "one has expired"


@pytest_twisted.ensureDeferred
async def test_who_may_make_some(world: World) -> None:
    process = await world.process()
    made, secret = await process.app_passwords.make_for(Actor(ALICE), "x", login="alice@example.org")
    assert (made.foreign, made.login) == (False, "alice@example.org")
    made, _ = await process.app_passwords.make_for(Actor(CARL, vouched=True), "x")
    assert made.foreign
    with pytest.raises(Unauthenticated, match="not known"):
        # By a login that is remembered: this would be good for months.
        await process.app_passwords.make_for(Actor(CARL), "x")
    world.people.users["alice"] = attrs.evolve(ALICE, mark="new")
    with pytest.raises(Unauthenticated, match="changed"):
        await process.app_passwords.make_for(Actor(attrs.evolve(ALICE, mark="old")), "x")
    for less in (Actor(ALICE, 1e10, session="x"), Actor(ALICE, 1e10, Scope(read_only=True))):
        with pytest.raises(Forbidden, match="with these credentials"):
            await process.app_passwords.make_for(less, "x")
    actor = await process.login("alice", secret)
    assert actor is not None
    with pytest.raises(Forbidden):
        await process.app_passwords.make_for(actor, "x")
    world.rules = attrs.evolve(world.rules, self_made=False)
    with pytest.raises(Forbidden):
        await (await world.process()).app_passwords.make_for(Actor(ALICE), "x")


# ending


@pytest_twisted.ensureDeferred
async def test_whether_it_would_let_in_again(world: World) -> None:
    process = await world.process()
    made, secret = await process.app_passwords.make(ALICE, "x", foreign=False)
    _, foreign = await process.app_passwords.make(CARL, "x", foreign=True)
    actors = [await process.login("alice", secret), await process.login("carl", foreign)]

    async def again() -> list[bool]:
        return [await process.app_passwords.again(actor) for actor in actors if actor is not None]

    assert await again() == [True, True]
    world.people.users.clear()
    assert await again() == [False, True]
    world.people.users["alice"] = ALICE
    assert await again() == [True, True]
    await (await world.process()).app_passwords.revoke("alice", made.id)
    assert await again() == [False, True]


@pytest_twisted.ensureDeferred
async def test_revoking_is_felt_at_once_here_and_within_a_second_elsewhere(world: World) -> None:
    here, there = await world.process(), await world.process()
    made, secret = await here.app_passwords.make(ALICE, "x", foreign=False)
    _, other = await here.app_passwords.make(ALICE, "y", foreign=False)
    for process in (here, there):
        for one in (secret, other):
            assert await process.login("alice", one)
    with pytest.raises(NotFound):
        await here.app_passwords.revoke("bob", made.id)
    await here.app_passwords.revoke("alice", made.id)

    assert await refused(here, "alice", secret)
    assert await there.login("alice", secret), "nobody has looked yet"
    world.now += CHECK_SECONDS
    assert await refused(there, "alice", secret)
    for process in (here, there):
        assert await process.login("alice", other)
    with pytest.raises(NotFound):
        await here.app_passwords.revoke("alice", made.id)


@pytest_twisted.ensureDeferred
async def test_only_what_was_revoked_must_be_verified_again(world: World) -> None:
    process = await world.process()
    made, secret = await process.app_passwords.make(ALICE, "x", foreign=False)
    _, other = await process.app_passwords.make(ALICE, "y", foreign=False)
    for _ in range(2):
        assert await process.login("alice", other)
    misses = process.logins.misses
    await process.app_passwords.revoke("alice", made.id)
    assert await process.login("alice", other)
    assert process.logins.misses == misses
    assert await refused(process, "alice", secret)


@pytest_twisted.ensureDeferred
async def test_several_are_revoked_together_or_none(world: World) -> None:
    process = await world.process()
    ids = [(await process.app_passwords.make(ALICE, "x", foreign=False))[0].id for _ in range(2)]
    with pytest.raises(NotFound):
        await process.app_passwords.revoke_all("alice", [*ids, "other"])
    assert [one.id for one in await process.app_passwords.of("alice")] == sorted(ids)
    await process.app_passwords.revoke_all("alice", ids)
    assert await process.app_passwords.of("alice") == []


@pytest_twisted.ensureDeferred
async def test_rotating_changes_nothing_but_the_secret(world: World) -> None:
    here, there = await world.process(), await world.process()
    made, before = await here.app_passwords.make(ALICE, "x", foreign=False, scope=Scope(True, "home$alice"), days=5)
    for process in (here, there):
        assert await process.login("alice", before)
    after = await here.app_passwords.rotate(made.id)

    assert await refused(here, "alice", before)
    actor = await here.login("alice", after)
    assert actor == Actor(ALICE, made.expires, Scope(True, "home$alice"), made.id)
    world.now += CHECK_SECONDS
    assert await refused(there, "alice", before)
    assert await there.login("alice", after) == actor
    with pytest.raises(NotFound):
        await here.app_passwords.rotate("other")


@pytest_twisted.ensureDeferred
async def test_a_verification_that_a_revocation_overtakes_is_not_remembered(world: World) -> None:
    process = await world.process()
    made, secret = await process.app_passwords.make(ALICE, "x", foreign=False)

    class Revoking(People):
        async def find_user(self, id: str) -> User | None:
            await process.app_passwords.revoke("alice", made.id)
            return ALICE

    process.app_passwords._directories = (Revoking(),)
    assert await process.login("alice", secret), "it was right when it was looked up"
    assert await refused(process, "alice", secret)


@pytest_twisted.ensureDeferred
async def test_while_the_state_is_away_no_login_by_app_password_is_remembered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(ALICE, "x", foreign=False)
    process.tokens.users["t"] = CARL
    assert await process.login("alice", secret)
    assert await process.logins.authenticate(Bearer("t"))

    async def away(function: Any) -> Any:
        raise StorageUnavailable("state.db does not work at the moment")

    with monkeypatch.context() as patched:
        patched.setattr(world.database, "read", away)
        world.now += CHECK_SECONDS
        with pytest.raises(StorageUnavailable):
            await process.login("alice", secret)
        assert await process.logins.authenticate(Bearer("t")), "others are remembered"
    world.now += CHECK_SECONDS
    assert await process.login("alice", secret)


# people whom no directory knows


@pytest_twisted.ensureDeferred
async def test_a_foreign_owner_is_who_the_last_token_said(world: World) -> None:
    here, there = await world.process(), await world.process()
    made, secret = await here.app_passwords.make(CARL, "x", foreign=True)
    ends = world.now + 90 * DAY
    for process in (here, there):
        assert await process.login("carl", secret) == Actor(CARL, ends, Scope(), made.id)
    assert world.people.asked == 0

    less = attrs.evolve(CARL, groups=frozenset({"a"}))
    await here.token(less)
    actor = await here.login("carl", secret)
    assert actor is not None
    assert actor.user == less
    world.now += CHECK_SECONDS
    assert await there.login("carl", secret) == actor


@pytest_twisted.ensureDeferred
async def test_foreign_ones_rest_until_their_owner_is_seen_again(world: World) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(CARL, "x", foreign=True)
    world.now += 89 * DAY
    await process.token(CARL)
    world.now += 89 * DAY
    assert await process.login("carl", secret)
    world.now += 1 * DAY
    with pytest.raises(Unauthenticated, match="rests"):
        await process.login("carl", secret)
    await process.token(CARL)
    assert await process.login("carl", secret)
    world.rules = attrs.evolve(world.rules, foreign_days=0)
    world.now += 9000 * DAY
    assert await (await world.process()).login("carl", secret)


@pytest_twisted.ensureDeferred
async def test_tokens_write_only_for_those_who_have_app_passwords_and_only_news(world: World) -> None:
    process = await world.process()
    writes: list[object] = []
    write = world.database.write

    async def counting(function: Any) -> Any:
        writes.append(function)
        return await write(function)

    made, _ = await process.app_passwords.make(CARL, "x", foreign=True)
    world.database.write = counting  # type: ignore[method-assign]
    await process.token(User("dora"))
    world.now += SEEN_SECONDS - 1
    await process.token(CARL)
    assert not writes
    world.now += 1
    await process.token(CARL)
    assert len(writes) == 1
    await process.app_passwords.revoke("carl", made.id)
    writes.clear()
    await process.token(attrs.evolve(CARL, name="Karl"))
    assert not writes
    assert await process.app_passwords.seen("carl") is None


@pytest_twisted.ensureDeferred
async def test_a_token_is_accepted_when_nothing_can_be_noted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await world.process()

    async def away(function: Any) -> Any:
        raise StorageUnavailable("state.db does not work at the moment")

    monkeypatch.setattr(world.database, "read", away)
    with capturedLogs() as logged:
        await process.token(CARL)
    assert [formatEvent(event) for event in logged] == [
        "what a token says about its owner cannot be noted: state.db does not work at the moment"
    ]


# last use


@pytest_twisted.ensureDeferred
async def test_the_last_use_is_noted_now_and_then(world: World) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(ALICE, "x", foreign=False)

    async def used() -> float | None:
        await process.last_use.stop()
        (one,) = await process.app_passwords.of("alice")
        return one.used

    assert await used() is None
    first = world.now
    await process.login("alice", secret)
    assert await used() == first
    world.now += 299
    await process.login("alice", secret)
    assert await used() == first
    assert process.logins.hits == 1
    world.now += 1
    await process.login("alice", secret)
    assert await used() == first + 300


@pytest_twisted.ensureDeferred
async def test_a_use_that_cannot_be_noted_disturbs_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await world.process()
    _, secret = await process.app_passwords.make(ALICE, "x", foreign=False)

    async def away(function: Any) -> Any:
        raise StorageUnavailable("state.db does not work at the moment")

    monkeypatch.setattr(world.database, "write", away)
    assert await process.login("alice", secret)
    await process.last_use.stop()


def everything(connection: Connection) -> list[Any]:
    """What is in all tables."""
    return [connection.sql.execute(sa.select(table)).all() for table in SCHEMA.metadata.sorted_tables]


@pytest_twisted.ensureDeferred
async def test_no_secret_in_logs_or_tables(world: World) -> None:
    process = await world.process()
    with capturedLogs() as logged:
        made, secret = await process.app_passwords.make(ALICE, "x", foreign=False)
        await process.login("alice", secret)
        rotated = await process.app_passwords.rotate(made.id)
        await process.login("alice", rotated)
        assert await refused(process, "alice", secret)
        await process.app_passwords.revoke("alice", made.id)
    assert len(logged) == 3
    for one in (secret, rotated):
        assert one not in str(logged)
        assert one not in repr(vars(process.logins))
        kept = str(await world.database.read(everything))
        assert "('all', 2)" in kept
        assert one not in kept
