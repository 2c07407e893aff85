"""Who waits for changes is sent away when what has let them in would not do so again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from clawgate.errors import StorageUnavailable
from clawgate.gateway.notices import Notices, Waiting
from clawgate.gateway.overseer import Overseer
from clawgate.identity.standing import Standing
from clawgate.model.people import Actor, Scope, User
from clawgate.settings import Events

from .test_notices import Source

ALICE = User("alice", mark="old")


class House:
    """`known` are the people of a directory, `sessions` and `passwords` what lets people in."""

    def __init__(self, most: int) -> None:
        self.known = {"alice": ALICE}
        self.sessions = {"5e55"}
        self.passwords = {"pw"}
        self.asked: list[Actor | str] = []
        self.error: Exception | None = None
        self.notices = Notices(Source(), Events(), Clock())  # type: ignore[arg-type]
        self.sees = True
        judge = Standing(self.find, self.find).judge
        self.overseer = Overseer(self.notices, judge, self.session, self.password, lambda: self.sees, most)

    async def find(self, id: str) -> User | None:
        self.asked.append(id)
        if self.error is not None:
            raise self.error
        return self.known.get(id)

    async def session(self, session: str) -> Actor | None:
        self.asked.append(session)
        return Actor(ALICE, session=session) if session in self.sessions else None

    async def password(self, actor: Actor) -> bool:
        self.asked.append(actor)
        return actor.app_password in self.passwords

    async def wait(self, actor: Actor) -> Waiting:
        return await self.notices.wait(actor, ["s"])


@pytest.fixture
def house() -> Callable[[int], House]:
    return House


@pytest_twisted.ensureDeferred
async def test_each_by_what_has_let_them_in(house: Callable[[int], House]) -> None:
    one = house(100)
    own = await one.wait(Actor(ALICE))
    page = await one.wait(Actor(ALICE, 1e10, session="5e55"))
    program = await one.wait(Actor(ALICE, app_password="pw"))
    token = await one.wait(Actor(User("zoe"), 1e10, vouched=True))
    signed = await one.wait(Actor(ALICE, 1e10, Scope(read_only=True)))
    everybody = (own, page, program, token, signed)

    async def stay() -> list[bool]:
        await one.overseer.look()
        return [not waiting.over for waiting in everybody]

    assert await stay() == [True] * 5
    one.sessions.clear()
    assert await stay() == [True, False, True, True, True]
    one.passwords.clear()
    assert await stay() == [True, False, False, True, True]
    one.known["alice"] = User("alice")
    assert await stay() == [True, False, False, True, True], "the directory does not tell just now"
    one.known["alice"] = User("alice", mark="new")
    assert await stay() == [False, False, False, True, False]
    for waiting in everybody:
        waiting.leave()


@pytest_twisted.ensureDeferred
async def test_whom_no_directory_knows(house: Callable[[int], House]) -> None:
    """Also who was let in when they were known, and began to wait when the directory had said so to everybody else."""
    one = house(100)
    own = await one.wait(Actor(ALICE))
    signed = await one.wait(Actor(ALICE, 1e10, Scope(read_only=True)))
    foreign = await one.wait(Actor(User("zoe"), 1e10, Scope(read_only=True), vouched=True))
    del one.known["alice"]
    one.sees = False
    await one.overseer.look()
    assert not any(waiting.over for waiting in (own, signed, foreign)), "the gateway may not look"
    one.sees = True
    await one.overseer.look()
    assert [own.over, signed.over, foreign.over] == [True, True, False]


@pytest_twisted.ensureDeferred
async def test_a_few_at_a_time_and_the_same_login_once(house: Callable[[int], House]) -> None:
    one = house(2)
    for number in range(3):
        await one.wait(Actor(ALICE, app_password=str(number)))
    one.passwords.clear()
    await one.overseer.look()
    assert len(one.asked) == 2
    await one.overseer.look()
    assert all(waiting.over for waiting in one.notices.turn(9))

    one = house(9)
    before, now = await one.wait(Actor(ALICE)), await one.wait(Actor(User("alice", mark="new")))
    again = await one.wait(Actor(ALICE))
    one.known["alice"] = User("alice", mark="new")
    await one.overseer.look()
    assert [before.over, again.over, now.over] == [True, True, False]
    assert one.asked == ["alice"] * 3, "twice for the one that is over, as it may be known better"


@pytest_twisted.ensureDeferred
async def test_who_cannot_be_judged_stays(house: Callable[[int], House]) -> None:
    one = house(1)
    own, program = await one.wait(Actor(ALICE)), await one.wait(Actor(ALICE, app_password="ended"))
    one.error = StorageUnavailable("the directory is away")
    await one.overseer.look()
    with pytest.raises(StorageUnavailable):
        await one.overseer.look()
    assert (own.over, program.over) == (False, True), "the others are judged all the same"

    one = house(9)
    program, own = await one.wait(Actor(ALICE, app_password="ended")), await one.wait(Actor(ALICE))
    one.error = StorageUnavailable("the directory is away")
    with pytest.raises(StorageUnavailable):
        await one.overseer.look()
    assert (own.over, program.over) == (False, True), "in the same look, too"
