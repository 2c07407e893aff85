"""Nextcloud's notify_push (clients.md 8.3): a websocket on which desktops and phones are told that something changed.

The client sends a name and a password, or nothing and a ticket that it has got with its credentials before; ``authenticated`` or
``err: ...`` is the answer. From then on ``notify_file`` means that there is something new.

So it does to those who have said ``listen notify_file_id``: the original sends them ids where it knows them, and else the same as
to everybody. The desktop takes numbers only (nextcloud/desktop, ``pushnotifications.cpp``), looks for them at the beginning of
the ids in its journal (``syncjournaldb.cpp``), and leaves it at that if there are none. Ids here are no numbers.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.task import deferLater

from ..errors import ClawgateError, Disconnected, NotFound, NotSupported, Overloaded, TooManyAttempts, Unauthenticated
from ..gateway.notices import Notices, Waiting
from ..log import make_logger
from ..model.people import Actor, Password
from ..settings import Events
from ..web import failures, websocket
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response
from ..web.websocket import Socket

log = make_logger()

SOCKET = "/push/ws"
"""Where the websocket is; any address would do, clients read it in the capabilities."""
PRE_AUTH = "/index.php/apps/notify_push/pre_auth"
"""Where tickets are got."""
TYPES = ("files",)
"""What clients are told of; activities and notifications there are none."""
MESSAGE_BYTES = 4096
"""The longest message of a client."""
ENTER_SECONDS = 15.0
"""How long a client may take to say who it is, and a ticket is good."""
TICKETS = 10000
"""Kept at once; with more the oldest one goes."""
Spaces = Callable[[Actor], Awaitable[Iterable[str]]]


class Tickets:
    """Stand for credentials once, for a moment: scripts in browsers that have none to send get one. In memory only."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is a clock."""
        self._seconds = seconds
        self._open: OrderedDict[str, tuple[float, Actor]] = OrderedDict()

    def make(self, actor: Actor) -> str:
        """A new one for somebody."""
        self._sweep()
        ticket = secrets.token_urlsafe(24)
        self._open[ticket] = (self._seconds() + ENTER_SECONDS, actor)
        if len(self._open) > TICKETS:
            self._open.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> Actor | None:
        """Whose it was; it is good for nothing afterwards."""
        self._sweep()
        found = self._open.pop(ticket, None)
        return found[1] if found is not None else None

    def forget(self, which: Callable[[Actor], bool] | None = None) -> None:
        """Forget all, or those of these actors."""
        for ticket in [ticket for ticket, (_, actor) in self._open.items() if which is None or which(actor)]:
            del self._open[ticket]

    def _sweep(self) -> None:
        now = self._seconds()
        while self._open and next(iter(self._open.values()))[0] <= now:
            self._open.popitem(last=False)


class NotifyPush:
    """One websocket for each client."""

    def __init__(
        self, notices: Notices, spaces: Spaces, login: Login, settings: Events, clock: Any, now: Callable[[], float]
    ) -> None:
        """As `EventStreams`; `clock` is the reactor."""
        self._notices = notices
        self._spaces = spaces
        self._login = login
        self._settings = settings
        self._clock = clock
        self._now = now
        self._entering: set[Deferred[Waiting | None]] = set()
        self.tickets = Tickets(clock.seconds)

    def close(self) -> None:
        """Send away those who have not said yet who they are."""
        for entering in list(self._entering):
            entering.cancel()

    async def connect(self, request: Request) -> Response:
        """101 for everybody: who they are they say on the websocket."""
        if request.raw_path != SOCKET.encode():
            return failures.plain(NotFound("there is nothing at this address"), request.id)
        refusal = websocket.refusal(request)
        if refusal is not None:
            return refusal
        response = websocket.acceptance(request)
        stream = self._talk(request, Socket(request, MESSAGE_BYTES))
        response.body = stream
        response.close = stream.aclose
        return response

    async def pre_auth(self, request: Request) -> Response:
        """A ticket for whoever asks with credentials, as plain text."""
        try:
            actor = await self._login.authenticate(request)
            if request.verb != "POST":
                raise NotSupported("tickets are got by POST")
        except Disconnected:
            raise
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response
        ticket = self.tickets.make(actor)
        return Response(200, [(b"Content-Type", b"text/plain; charset=utf-8"), (b"Cache-Control", b"no-store")], ticket.encode())

    async def _talk(self, request: Request, socket: Socket) -> AsyncGenerator[bytes, None]:
        entering = Deferred.fromCoroutine(self._enter(request, socket)).addTimeout(ENTER_SECONDS, self._clock)
        self._entering.add(entering)
        waiting, words = None, ""
        try:
            waiting = await entering
        except TooLate:
            words = "Authentication timeout"
        except CancelledError:
            words = "err: Not possible at the moment"
        except ClawgateError as error:
            words = "" if isinstance(error, Disconnected) else f"err: {_words(error)}"
        finally:
            self._entering.discard(entering)
        if waiting is None:
            yield socket.text(words) if words else b""
            socket.close(websocket.POLICY)
            yield socket.parting
            return
        listening = Deferred.fromCoroutine(_listen(socket, waiting))
        try:
            yield socket.text("authenticated")
            async for frame in self._tell(socket, waiting):
                yield frame
            socket.close(websocket.GOING_AWAY)
            yield socket.parting
        finally:
            waiting.leave()
            listening.cancel()

    async def _enter(self, request: Request, socket: Socket) -> Waiting | None:
        """None: the client has gone, or broken the rules."""
        name = await socket.receive()
        secret = await socket.receive() if name is not None else None
        if name is None or secret is None:
            return None
        actor = self.tickets.take(secret) or (name and await self._login.enter(Password(name, secret), request.client_ip))
        if not actor:
            raise Unauthenticated("Invalid credentials")
        request.actor = actor
        left = actor.expires - self._now() if actor.expires is not None else None
        return await self._notices.wait(actor, await self._spaces(actor), left, brief=True)

    async def _tell(self, socket: Socket, waiting: Waiting) -> AsyncGenerator[bytes, None]:
        first = True
        async for notice in waiting:
            if socket.closed:
                return
            if notice is not None:
                yield socket.text("notify_file")
                # What happens meanwhile is told together.
                await deferLater(self._clock, self._settings.push_seconds)
            elif socket.unanswered:
                log.debug("a client does not answer, and is let go")
                return
            elif not first:
                yield socket.ping()
            first = False


async def _listen(socket: Socket, waiting: Waiting) -> None:
    """Whatever clients say, ``listen notify_file_id`` above all, changes nothing; but they may go, and want pings answered."""
    try:
        while await socket.receive() is not None:
            pass
    except CancelledError:
        return
    waiting.end()


def _words(error: ClawgateError) -> str:
    if isinstance(error, Unauthenticated):
        return "Invalid credentials"
    if isinstance(error, TooManyAttempts):
        return "Too many failed attempts"
    return str(error) if isinstance(error, Overloaded) else "Not possible at the moment"
