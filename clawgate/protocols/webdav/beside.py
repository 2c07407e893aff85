"""What the front ends beside the trees have in common: who asks, which verb, failures as WebDAV errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from ...errors import ClawgateError, Disconnected, Unauthenticated
from ...model.people import Actor
from ...web.request import Request
from ...web.response import Response
from .address import decode
from .errors import Refused, render
from .handler import Authenticate, Challenges
from .verbs.options import CLASSES

Verb = Callable[[Request, Actor], Awaitable[Response]]


class Beside:
    """Passes requests on to `verbs`."""

    def __init__(self, authenticate: Authenticate, challenges: Challenges, verbs: Mapping[str, Verb]) -> None:
        self._authenticate = authenticate
        self._challenges = challenges
        self._verbs = verbs
        self.allow = ", ".join(["OPTIONS", *verbs])
        """The verbs, as Allow says them."""

    async def __call__(self, request: Request) -> Response:
        """The answer to a request; raises only `Disconnected` and what nobody foresaw."""
        if request.verb == "OPTIONS":
            return Response(200, [CLASSES, (b"Allow", self.allow.encode())])
        try:
            actor = await self._authenticate(request)
            verb = self._verbs.get(request.verb)
            if verb is None:
                raise Refused(405, f"{request.verb} is not possible here", allow=self.allow)
            return await verb(request, actor)
        except Disconnected:
            raise
        except ClawgateError as error:
            failed = render(error)
            if isinstance(error, Unauthenticated):
                failed.headers += self._challenges(request)
            return failed


def segments(raw_path: bytes, prefixes: tuple[str, ...]) -> tuple[str, list[bytes], list[str]]:
    """Which of `prefixes` a path begins with, and the names after it, as written and decoded. Raises `InvalidRequest`."""
    front = next(prefix for prefix in prefixes if raw_path.startswith(prefix.encode()))
    written = raw_path[len(front) :].strip(b"/").split(b"/")
    written = [] if written == [b""] else written
    return front, written, [decode(segment) for segment in written]
