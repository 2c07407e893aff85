"""Server-sent events as ownCloud Web and OpenCloud Web read them (clients.md 8.2), below OCS' notifications."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

from ..errors import ClawgateError, Disconnected, NotSupported, Unauthenticated
from ..gateway.notices import Notices, Waiting
from ..model.notice import Happening, Notice
from ..model.people import Actor
from ..web import failures
from ..web.login import Login
from ..web.request import Request
from ..web.response import Response

PREFIXES = tuple(f"{front}/ocs/v2.php/apps/notifications/api/v1/notifications/sse" for front in ("", "/index.php"))
"""Where the handler belongs."""
Spaces = Callable[[Actor], Awaitable[Iterable[str]]]
ALIVE = b": still here\n\n"
RECENT = 8
"""Batches of notices that are kept as they were rendered, while they are told to one client after the other."""
_HEADERS = [
    (b"Content-Type", b"text/event-stream; charset=utf-8"),
    (b"Cache-Control", b"no-store"),
    # nginx would hold events back until a buffer is full.
    (b"X-Accel-Buffering", b"no"),
]


class EventStreams:
    """One endless answer for each client."""

    def __init__(self, notices: Notices, spaces: Spaces, login: Login, now: Callable[[], float]) -> None:
        """`spaces` gives the ids of those spaces of a person whose changes are known here; `now` tells the seconds since 1970, in
        which credentials say when they end."""
        self._notices = notices
        self._spaces = spaces
        self._login = login
        self._now = now
        self._recent: deque[tuple[Sequence[Notice], bytes]] = deque(maxlen=RECENT)

    async def __call__(self, request: Request) -> Response:
        """200 with a stream that ends when the credentials do or the settings say so; clients then come again by themselves."""
        try:
            actor = await self._login.authenticate(request)
            if request.verb != "GET":
                raise NotSupported("events can only be read")
            left = actor.expires - self._now() if actor.expires is not None else None
            waiting = await self._notices.wait(actor, await self._spaces(actor), left)
        except Disconnected:
            raise
        except ClawgateError as error:
            response = failures.plain(error, request.id)
            if isinstance(error, Unauthenticated):
                response.headers += self._login.challenges(request)
            return response

        async def close() -> None:
            waiting.leave()

        return Response(200, list(_HEADERS), self._stream(request, waiting), close=close)

    async def _stream(self, request: Request, waiting: Waiting) -> AsyncIterator[bytes]:
        async for batch in waiting.batches():
            if request.disconnected:
                return
            yield ALIVE if batch is None else self._rendered(batch)

    def _rendered(self, batch: Sequence[Notice]) -> bytes:
        """Once for all who are told."""
        for known, data in self._recent:
            if known is batch:
                return data
        data = b"".join([rendered(notice) for notice in batch])
        self._recent.appendleft((batch, data))
        return data


def rendered(notice: Notice) -> bytes:
    """One event. Clients look at what they do not have by its id, so a file that is new is one whose processing is over."""
    told = {
        "itemid": notice.id,
        "parentitemid": notice.parent,
        "spaceid": notice.space,
        "initiatorid": notice.initiator,
        "etag": notice.etag,
        "affecteduserids": None,
    }
    return f"event: {called(notice)}\ndata: {json.dumps(told)}\n\n".encode()


def called(notice: Notice) -> str:
    """The name of an event."""
    if notice.happening is Happening.CREATED and notice.folder:
        return "folder-created"
    return _NAMES[notice.happening]


_NAMES = {
    Happening.CREATED: "postprocessing-finished",
    Happening.CHANGED: "postprocessing-finished",
    Happening.RENAMED: "item-renamed",
    Happening.MOVED: "item-moved",
    Happening.REMOVED: "item-trashed",
}
