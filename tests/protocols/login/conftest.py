"""The pages behind a real site, with real flows and sessions, and with people who can be told what to say."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest_twisted
from twisted.internet import reactor

from clawgate.errors import ClawgateError, Forbidden, NotFound, Unauthenticated
from clawgate.gateway.login_flows import LoginFlows
from clawgate.gateway.login_sessions import LoginSessions
from clawgate.gateway.namespace import Namespace
from clawgate.gateway.rules import rules_of
from clawgate.model.app_password import AppPassword
from clawgate.model.login_flow import Visitor
from clawgate.model.people import Actor, Scope, User
from clawgate.protocols.login.entry import Entry
from clawgate.protocols.login.handler import PREFIXES, LoginHandler
from clawgate.protocols.login.letting_in import LettingIn
from clawgate.protocols.login.own_files import OwnFiles
from clawgate.protocols.login.own_passwords import OwnPasswords
from clawgate.protocols.login.program import Program
from clawgate.settings import LoginFlow as Rules
from clawgate.settings import Mount
from clawgate.state.engine import Database
from clawgate.state.login_flows import StoredLoginFlows
from clawgate.state.login_sessions import StoredLoginSessions
from clawgate.state.schema import SCHEMA
from clawgate.workers import Workers

LIMIT = 2000
"""Bytes of a form."""


class Service(NamedTuple):
    name: str
    title: str


class People:
    """Everybody's password is ``right``, every code is good."""

    def __init__(self) -> None:
        self.with_passwords = True
        self.providers: list[Service] = [Service("main", "the lab")]
        self.error: ClawgateError | None = None
        """To raise the next time."""
        self.asked: list[tuple[str, ...]] = []

    def _raise(self) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    async def passwords(self) -> bool:
        return self.with_passwords

    async def by_password(self, name: str, secret: str, address: str) -> Visitor:
        self._raise()
        if secret != "right":
            raise Unauthenticated("wrong user name or password")
        return Visitor(User(name, f"{name} <the great>"))

    async def address(
        self, provider: str, redirect_uri: str, nonce: str, verifier: str, state: str, *, anew: bool = False
    ) -> str:
        self._raise()
        self.issuer_of(provider)
        self.asked.append(("address", redirect_uri, nonce, verifier))
        return f"https://idp.example.org/auth?state={state}" + ("&prompt=login" if anew else "")

    async def by_provider(self, provider: str, code: str, redirect_uri: str, nonce: str, verifier: str) -> Visitor:
        self._raise()
        self.asked.append((code, redirect_uri, nonce, verifier))
        return Visitor(User("carol"), foreign=True)

    def issuer_of(self, provider: str) -> str:
        if provider != "main":
            raise NotFound("there is no such login service")
        return "https://idp.example.org"


class Passwords:
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, list[AppPassword]] = {}

    async def issue(self, visitor: Visitor, name: str, stays: Callable[[], Awaitable[bool]]) -> str | None:
        secret = await self.make(visitor, name, Scope(), None)
        return secret if await stays() else None

    async def check(self, visitor: Visitor) -> None:
        if len(await self.of(visitor.user.id)) >= 2:
            raise Forbidden("you have too many")

    async def of(self, user: str) -> Sequence[AppPassword]:
        return self.kept.get(user, [])

    async def make(self, visitor: Visitor, name: str, scope: Scope, days: float | None) -> str:
        end = 0.0 + days * 86400 if days is not None else None
        mine = self.kept.setdefault(visitor.user.id, [])
        mine.append(AppPassword(f"id{len(mine)}", visitor.user.id, name, scope, 0.0, end, foreign=visitor.foreign))
        return f"secret-{len(mine) - 1}-of-{visitor.user.id}"

    async def revoke(self, user: str, id: str) -> None:
        left = [one for one in self.kept.get(user, []) if one.id != id]
        if len(left) == len(self.kept.get(user, [])):
            raise NotFound(f"{user} has no app password {id}")
        self.kept[user] = left


class Pages:
    """Logins at our own page."""

    def __init__(self) -> None:
        self.begun: dict[str, Visitor] = {}

    async def begin(self, visitor: Visitor) -> str:
        secret = str(len(self.begun)) * 43
        self.begun[secret] = visitor
        return secret

    async def actor(self, secret: str) -> Actor | None:
        return Actor(self.begun[secret].user) if secret in self.begun else None

    async def end(self, secret: str) -> None:
        self.begun.pop(secret, None)

    async def end_all(self, user: str) -> int:
        mine = [secret for secret, visitor in self.begun.items() if visitor.user.id == user]
        for secret in mine:
            del self.begun[secret]
        return len(mine)


class House(NamedTuple):
    ask: Any
    people: People
    passwords: Passwords
    clock: list[float]
    """Seconds that are added to the time."""
    pages: Pages


async def _nothing(*_: object) -> None:
    """Spaces need no preparation."""


@pytest_twisted.async_yield_fixture
async def house(serve: Any, tmp_path: Path) -> AsyncIterator[House]:
    workers = Workers(reactor, "state", 2, 50)  # type: ignore[arg-type]
    workers.start()
    database = Database(f"sqlite:///{tmp_path}/state.db", workers, SCHEMA)
    await database.start()
    people, passwords, clock = People(), Passwords(), [0.0]
    rules = Rules(flows_per_network=3)

    def now() -> float:
        return time.time() + clock[0]

    flows = LoginFlows(StoredLoginFlows(database), rules, passwords, lambda address: address, now)
    entry = Entry(people, LoginSessions(StoredLoginSessions(database), rules, now), rules.seconds)
    mounts = {"home": Mount(), "lab": Mount(kind="project", root="lab", title="The <lab>", members=["alice"])}
    namespace = Namespace(rules_of(mounts, str(tmp_path)), _nothing)
    pages = Pages()
    handler = LoginHandler(
        Program(flows, LIMIT),
        LettingIn(flows, entry, LIMIT),
        OwnPasswords(passwords, namespace, entry, LIMIT),
        entry,
        OwnFiles(pages, entry, LIMIT),
    )
    yield House(await serve(dict.fromkeys(PREFIXES, handler)), people, passwords, clock, pages)
    await database.stop()
    workers.stop()
