from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import pytest_twisted

from clawgate.errors import Forbidden, NotFound, StorageUnavailable, TooManyAttempts, Unauthenticated
from clawgate.identity.standing import Standing
from clawgate.identity.visitor_passwords import VisitorPasswords
from clawgate.identity.visits import Visits
from clawgate.interfaces import Door
from clawgate.model.app_password import AppPassword
from clawgate.model.login_flow import Visitor
from clawgate.model.people import Actor, Credentials, Password, Scope, User
from clawgate.settings import Oidc

ALICE = User("alice", groups=frozenset({"g"}))
CAME: list[User] = []


class Gate(Door):
    """Knows alice, who has an app password too."""

    def __init__(self) -> None:
        self.seen: list[tuple[Credentials, str]] = []

    async def enter(self, credentials: Credentials, address: str) -> Actor | None:
        self.seen.append((credentials, address))
        assert isinstance(credentials, Password)
        if credentials.secret == "braked":
            raise TooManyAttempts("too many failed logins", 7)
        found = {"own": Actor(ALICE), "app": Actor(ALICE, app_password="x1", scope=Scope(read_only=True))}
        return found.get(credentials.secret)


class Issuer:
    """Lets everybody in as the code says."""

    def __init__(self, title: str = "") -> None:
        self.settings = Oidc(issuer="https://idp.example.org", browser_client_id="pages", browser_title=title)
        self.browser = self

    async def address(self, attempt: Any, state: str, *, anew: bool) -> str:
        return f"https://idp.example.org/{state}/{attempt.nonce}/{anew}"

    async def redeem(self, code: str, attempt: Any) -> User:
        return User(code)


async def known(id: str) -> User | None:
    return ALICE if id == "alice" else None


def visits(*, passwords: bool = True) -> tuple[Visits, Gate]:
    gate = Gate()
    tokens: Any = type("Tokens", (), {"browsers": {"main": Issuer(), "other": Issuer("Other place")}})()

    async def allowed() -> bool:
        return passwords

    return Visits(gate, tokens, known, CAME.append, allowed), gate


@pytest_twisted.ensureDeferred
async def test_by_password() -> None:
    people, gate = visits()
    assert await people.by_password("alice", "own", "192.0.2.1") == Visitor(ALICE)
    assert gate.seen == [(Password("alice", "own", page=True), "192.0.2.1")]
    with pytest.raises(Unauthenticated, match="wrong"):
        await people.by_password("alice", "wrong", "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        await people.by_password("alice", "braked", "192.0.2.1")


@pytest_twisted.ensureDeferred
async def test_app_passwords_make_no_others() -> None:
    people, _ = visits()
    with pytest.raises(Unauthenticated, match="for programs"):
        await people.by_password("alice", "app", "192.0.2.1")


@pytest_twisted.ensureDeferred
async def test_where_nobody_has_a_password_none_is_tried() -> None:
    people, gate = visits(passwords=False)
    with pytest.raises(Unauthenticated):
        await people.by_password("alice", "own", "192.0.2.1")
    assert not gate.seen


@pytest_twisted.ensureDeferred
async def test_by_provider() -> None:
    people, _ = visits()
    assert [(one.name, one.title) for one in people.providers] == [("main", "main"), ("other", "Other place")]
    for anew in (False, True):
        address = await people.address("main", "uri", "nonce", "verifier", "state", anew=anew)
        assert address == f"https://idp.example.org/state/nonce/{anew}"
    assert await people.by_provider("main", "alice", "uri", "nonce", "verifier") == Visitor(User("alice"), foreign=False)
    assert await people.by_provider("main", "zoe", "uri", "nonce", "verifier") == Visitor(User("zoe"), foreign=True)
    assert [one.id for one in CAME] == ["alice", "zoe"]
    with pytest.raises(NotFound):
        await people.by_provider("strange", "alice", "uri", "nonce", "verifier")


async def yes() -> bool:
    return True


class Made:
    """Keeps what is made."""

    def __init__(self, *people: User) -> None:
        self.people = {user.id: user for user in people}
        self.made: list[tuple[Any, ...]] = []

        self.judge = Standing(self.known, self.known).judge

    async def known(self, id: str) -> User | None:
        return self.people.get(id)

    async def make(self, user: User, name: str, *, foreign: bool, scope: Scope, days: float | None) -> tuple[AppPassword, str]:
        self.made.append((user, name, foreign, scope, days))
        return AppPassword(name, user.id, name, scope, 0.0), "secret"

    async def revoke(self, user: str, id: str) -> None:
        self.made.append((user, id))
        raise NotFound("somebody else was first")

    async def of(self, id: str) -> Sequence[AppPassword]:
        return [AppPassword("1", id, "x", Scope(), 0.0), AppPassword("2", id, "y", Scope(), 0.0, expires=100.0)]


@pytest_twisted.ensureDeferred
async def test_app_passwords_are_of_who_somebody_is_now() -> None:
    made: Any = Made(ALICE)
    passwords = VisitorPasswords(made, 9, made.judge)
    assert await passwords.issue(Visitor(User("alice", groups=frozenset({"old"}))), "a", yes) == "secret"
    assert await passwords.make(Visitor(User("zoe"), foreign=True), "b", Scope(True, "s"), 3.0) == "secret"
    # A directory has come to know somebody whom only a provider knew.
    await passwords.issue(Visitor(User("alice"), foreign=True), "c", yes)
    assert made.made == [
        (ALICE, "a", False, Scope(), None),
        (User("zoe"), "b", True, Scope(True, "s"), 3.0),
        (ALICE, "c", False, Scope(), None),
    ]
    with pytest.raises(Forbidden):
        await passwords.issue(Visitor(User("zoe")), "who has left the directory since the login", yes)
    assert len(made.made) == 3


@pytest_twisted.ensureDeferred
async def test_what_nobody_may_fetch_any_more_ends() -> None:
    made: Any = Made(ALICE)

    async def no() -> bool:
        return False

    async def away() -> bool:
        raise StorageUnavailable("the state is away")

    passwords = VisitorPasswords(made, 9, made.judge)
    assert await passwords.issue(Visitor(ALICE), "a", no) is None
    with pytest.raises(StorageUnavailable):
        await passwords.issue(Visitor(ALICE), "b", away)
    assert [one for one in made.made if len(one) == 2] == [("alice", "a"), ("alice", "b")]


@pytest_twisted.ensureDeferred
async def test_whether_there_can_be_another_one() -> None:
    made: Any = Made(ALICE)
    await VisitorPasswords(made, 2, made.judge, lambda: 100.0).check(Visitor(ALICE))
    for most, now in ((2, 99.0), (1, 100.0)):
        with pytest.raises(Forbidden, match="revoke some"):
            await VisitorPasswords(made, most, made.judge, lambda now=now: now).check(Visitor(ALICE))
    with pytest.raises(Forbidden, match="not known"):
        await VisitorPasswords(made, 9, made.judge).check(Visitor(User("zoe")))


@pytest_twisted.ensureDeferred
async def test_who_has_another_password_since_the_login_gets_none() -> None:
    made: Any = Made(User("alice", mark="new"))
    passwords = VisitorPasswords(made, 9, made.judge)
    before = Visitor(User("alice", mark="old"))
    for act in (passwords.check(before), passwords.issue(before, "x", yes)):
        with pytest.raises(Forbidden, match="another one now"):
            await act
    assert made.made == []
    await passwords.issue(Visitor(User("alice")), "by a provider: no password was asked for", yes)
    assert len(made.made) == 1
