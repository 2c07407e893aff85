"""Nextcloud's login flow v2: a program begins it, a person with a browser grants it, the program fetches an app password."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from ..errors import NotFound
from ..log import make_logger
from ..model.login_flow import LoginFlow, Visitor
from ..settings import LoginFlow as Rules
from ..state.login_flows import StoredLoginFlows

CLIENT_LENGTH = 100
"""Letters of a program's name that are kept."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Begun(NamedTuple):
    """The two tokens of a new flow. Neither leads to the other."""

    page: str
    """For the person: part of the address that the browser opens."""
    poll: str
    """For the program alone."""


class Granted(NamedTuple):
    """What the program gets."""

    user: str
    secret: str


class Passwords(Protocol):
    """Makes app passwords."""

    async def check(self, visitor: Visitor) -> None:
        """Raises what `issue` would raise now."""

    async def issue(self, visitor: Visitor, name: str, stays: Callable[[], Awaitable[bool]]) -> str | None:
        """A new one; returns its secret, or None if `stays`, asked when it is made, says no: then it is ended at once. Raises
        `Forbidden` if the person has too many or is not known any more, `StorageUnavailable`."""


class LoginFlows:
    """The flows that are under way, in the state. Only hashes of tokens are kept."""

    def __init__(
        self,
        stored: StoredLoginFlows,
        rules: Rules,
        passwords: Passwords,
        network: Callable[[str], str],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`network` tells which network an address is in."""
        self._stored = stored
        self._rules = rules
        self._passwords = passwords
        self._network = network
        self._now = now
        self._fetching: set[str] = set()
        self._log = make_logger()

    async def begin(self, client: str, address: str) -> Begun:
        """A new flow for the program that calls itself `client`, at `address`. Raises `TooManyAttempts`."""
        begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        now = self._now()
        name = "".join(letter for letter in " ".join(client.split()) if letter.isprintable())[:CLIENT_LENGTH]
        flow = LoginFlow(_hash(begun.page), _hash(begun.poll), name, self._network(address), now, now + self._rules.seconds)
        await self._stored.add(flow, self._rules.flows, self._rules.flows_per_network)
        return begun

    async def opened(self, token: str) -> LoginFlow:
        """The flow whose page has `token` in its address. Raises `NotFound` if it does not wait any more."""
        if not _TOKEN.fullmatch(token):
            raise _gone()
        return await self.waiting(_hash(token))

    async def waiting(self, id: str) -> LoginFlow:
        """The flow with this id. Raises `NotFound` if it does not wait any more."""
        flow = await self._stored.find(id, self._now())
        if flow is None:
            raise _gone()
        return flow

    async def grant(self, flow: LoginFlow, visitor: Visitor) -> None:
        """Let the program in as `visitor`; it has as long to fetch the app password as it had to wait. Raises `NotFound`,
        and what `Passwords.check` raises."""
        await self._passwords.check(visitor)
        now = self._now()
        if not await self._stored.grant(flow.id, visitor, now, now + self._rules.seconds):
            raise _gone()
        where = f"{flow.client!r} from {flow.network}"
        self._log.info("{user} let in the program {where}", user=visitor.user.id, where=where)

    async def deny(self, id: str) -> None:
        """End a flow that nobody has granted yet. Raises `NotFound`."""
        if not await self._stored.deny(id):
            raise _gone()

    async def poll(self, token: str) -> Granted | None:
        """The outcome, exactly once; None: there is none, or none any more. The app password is made here, so that no secret
        waits anywhere. Raises what making it raises; then the program may ask again.

        The flow goes only when the app password is there: whoever ends all that a person has let in while directories are asked
        finds one of the two.
        """
        found = await self._stored.granted(_hash(token), self._now()) if _TOKEN.fullmatch(token) else None
        if found is None or found[0].id in self._fetching:
            return None
        flow, visitor = found
        self._fetching.add(flow.id)
        try:
            secret = await self._passwords.issue(visitor, flow.client, lambda: self._stored.take(flow.id, self._now()))
        finally:
            self._fetching.discard(flow.id)
        return Granted(visitor.user.id, secret) if secret is not None else None

    async def sweep(self) -> None:
        """Forget those that nobody granted or fetched in time."""
        await self._stored.expire(self._now())


def _hash(token: str) -> str:
    """Tokens are random: a fast hash will do."""
    return hashlib.blake2b(token.encode(), digest_size=32, person=b"clawgate-flow").hexdigest()


def _gone() -> NotFound:
    return NotFound("this login has ended or was never begun")
