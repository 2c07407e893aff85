from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_twisted
from twisted.internet import reactor

from clawgate.errors import Forbidden, NotFound, StorageUnavailable
from clawgate.gateway.login_flows import CLIENT_LENGTH, Granted, LoginFlows
from clawgate.gateway.login_sessions import LoginSessions
from clawgate.model.login_flow import Visitor
from clawgate.model.people import User
from clawgate.settings import LoginFlow as Rules
from clawgate.state.engine import Database
from clawgate.state.login_flows import StoredLoginFlows
from clawgate.state.login_sessions import StoredLoginSessions
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

ALICE = Visitor(User("alice"))


class Passwords(NamedTuple):
    made: list[tuple[str, str]]
    failures: list[Exception]
    """To raise, the last one first."""
    meanwhile: list[Callable[[], Awaitable[object]]]
    """What happens while directories are asked."""

    async def check(self, visitor: Visitor) -> None:
        if self.failures:
            raise self.failures.pop()

    async def issue(self, visitor: Visitor, name: str, stays: Callable[[], Awaitable[bool]]) -> str | None:
        await self.check(visitor)
        self.made.append((visitor.user.id, name))
        for meanwhile in self.meanwhile:
            await meanwhile()
        return "the secret" if await stays() else None


class House(NamedTuple):
    flows: LoginFlows
    sessions: LoginSessions
    made: list[tuple[str, str]]
    failures: list[Exception]
    meanwhile: list[Callable[[], Awaitable[object]]]
    clock: list[float]
    database: Database


@pytest_twisted.async_yield_fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    workers = Workers(reactor, "state", 2, 50)  # type: ignore[arg-type]
    workers.start()
    database = Database(f"sqlite:///{tmp_path}/state.db", workers, SCHEMA)
    await database.start()
    made: list[tuple[str, str]] = []
    failures: list[Exception] = []
    clock = [1000.0]

    rules = Rules(seconds=100.0, session_seconds=50.0)
    meanwhile: list[Callable[[], Awaitable[object]]] = []
    passwords = Passwords(made, failures, meanwhile)
    flows = LoginFlows(StoredLoginFlows(database), rules, passwords, lambda address: f"net of {address}", lambda: clock[0])
    sessions = LoginSessions(StoredLoginSessions(database), rules, lambda: clock[0])
    yield House(flows, sessions, made, failures, meanwhile, clock, database)
    await database.stop()
    workers.stop()


async def kept(house: House) -> str:
    """Everything in the tables."""
    tables = ("login_flow", "login_session")
    return str([await house.database.read(lambda c, t=t: c.raw.execute(f"SELECT * FROM {t}").fetchall()) for t in tables])


@pytest_twisted.ensureDeferred
async def test_from_beginning_to_end(house: House) -> None:
    begun = await house.flows.begin("  A program\n(1.0)\x07 ", "192.0.2.1")
    flow = await house.flows.opened(begun.page)
    assert (flow.client, flow.network) == ("A program (1.0)", "net of 192.0.2.1")
    assert await house.flows.waiting(flow.id) == flow
    assert await house.flows.poll(begun.poll) is None
    await house.flows.grant(flow, ALICE)
    assert not house.made, "no secret waits to be fetched"
    assert begun.page not in await kept(house) and begun.poll not in await kept(house)
    assert [await house.flows.poll(wrong) for wrong in (begun.page, "", "x" * 43, "ü", flow.poll)] == [None] * 5
    assert await house.flows.poll(begun.poll) == Granted("alice", "the secret")
    assert house.made == [("alice", "A program (1.0)")]
    assert await house.flows.poll(begun.poll) is None


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_granted(house: House) -> None:
    begun = await house.flows.begin("x" * 500, "192.0.2.1")
    flow = await house.flows.opened(begun.page)
    assert len(flow.client) == CLIENT_LENGTH
    for token in (begun.poll, begun.page + "x", flow.id, "", "ü"):
        with pytest.raises(NotFound):
            await house.flows.opened(token)
    await house.flows.deny(flow.id)
    for call in (house.flows.opened(begun.page), house.flows.deny(flow.id), house.flows.grant(flow, ALICE)):
        with pytest.raises(NotFound):
            await call
    assert await house.flows.poll(begun.poll) is None

    begun = await house.flows.begin("", "192.0.2.1")
    flow = await house.flows.opened(begun.page)
    house.clock[0] += 100.0
    for call in (house.flows.opened(begun.page), house.flows.grant(flow, ALICE)):
        with pytest.raises(NotFound):
            await call
    await house.flows.sweep()
    assert await kept(house) == "[[], []]"


@pytest_twisted.ensureDeferred
async def test_a_program_may_ask_again_when_making_failed(house: House) -> None:
    begun = await house.flows.begin("a program", "192.0.2.1")
    house.clock[0] += 99.0
    flow = await house.flows.opened(begun.page)
    house.failures.append(Forbidden("too many"))
    with pytest.raises(Forbidden):
        await house.flows.grant(flow, ALICE)
    await house.flows.grant(flow, ALICE)
    house.failures.append(Forbidden("too many"))
    with pytest.raises(Forbidden):
        await house.flows.poll(begun.poll)
    house.clock[0] += 99.0
    assert await house.flows.poll(begun.poll) is not None, "the time counts from the grant"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("fails", [False, True])
async def test_who_is_logged_out_everywhere_while_an_app_password_is_made(house: House, fails: bool) -> None:
    begun = await house.flows.begin("a program", "192.0.2.1")
    await house.flows.grant(await house.flows.opened(begun.page), ALICE)

    async def end() -> None:
        assert await house.flows.poll(begun.poll) is None, "it is under way"
        await StoredLoginSessions(house.database).end_all("alice")
        if fails:
            raise StorageUnavailable("the directory is away")

    house.meanwhile.append(end)
    if fails:
        with pytest.raises(StorageUnavailable):
            await house.flows.poll(begun.poll)
    else:
        assert await house.flows.poll(begun.poll) is None
    house.meanwhile.clear()
    assert await house.flows.poll(begun.poll) is None
    assert len(house.made) == 1


@pytest_twisted.ensureDeferred
async def test_sessions_belong_to_a_browser_and_a_purpose_and_end(house: House) -> None:
    await house.sessions.begin("old", "new", "a flow", ALICE)
    assert await house.sessions.visitor("new", "a flow") == ALICE
    assert await house.sessions.visitor("old", "a flow") is None
    assert await house.sessions.visitor("new", "") is None
    assert "'new'" not in await kept(house)
    house.clock[0] += 50.0
    assert await house.sessions.visitor("new", "a flow") is None
    await house.sessions.sweep()
    assert await kept(house) == "[[], []]"
