"""The front end: who asks, which verb, and every failure as a WebDAV error."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from ... import settings
from ...errors import ClawgateError, Disconnected, Unauthenticated
from ...gateway.finding import Finding
from ...gateway.locks import Locks
from ...gateway.namespace import Namespace
from ...gateway.previews import Previews
from ...gateway.properties import Properties
from ...gateway.tree import Tree
from ...model.people import Actor
from ...web.request import Request
from ...web.response import Response
from .address import Address, parse
from .dav import FILES, Chunked, Dav, Verb
from .errors import Refused, render
from .listing_cache import ListingCache
from .transfer_headers import Headers
from .verbs.delete import delete
from .verbs.get import get, head
from .verbs.lock import lock
from .verbs.mkcol import mkcol
from .verbs.move_copy import copy, move
from .verbs.options import answer
from .verbs.propfind import propfind
from .verbs.proppatch import proppatch
from .verbs.put import put
from .verbs.report import report
from .verbs.search import search
from .verbs.unlock import unlock

VERBS: dict[str, Verb] = {
    "GET": get,
    "HEAD": head,
    "PUT": put,
    "DELETE": delete,
    "MKCOL": mkcol,
    "MOVE": move,
    "COPY": copy,
    "PROPFIND": propfind,
    "PROPPATCH": proppatch,
    "LOCK": lock,
    "UNLOCK": unlock,
    "REPORT": report,
    "SEARCH": search,
}

Authenticate = Callable[[Request], Awaitable[Actor]]
"""Raises `Unauthenticated` and what else keeps a person out."""
Challenges = Callable[[Request], list[tuple[bytes, bytes]]]
"""The WWW-Authenticate headers of a 401."""


class DavHandler:
    """Answers everything below the DAV prefixes (see `address`)."""

    def __init__(
        self,
        tree: Tree,
        namespace: Namespace,
        locks: Locks,
        properties: Properties,
        settings: settings.Dav,
        authenticate: Authenticate,
        challenges: Challenges,
        *,
        chunked: Chunked | None = None,
        post: Verb | None = None,
        announced: Headers | None = None,
        fingerprint: Callable[[str], str] = lambda space: "",
        redirected: Callable[[str, str], int] = lambda mount, agent: 0,
        previews: Previews | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`chunked` takes PUTs that carry ``OC-Chunked``, `post` what is POSTed to collections, which is `announced` to clients
        in headers; `fingerprint` is that of `Dav`; `now` tells the seconds since 1970."""
        self.dav = Dav(
            tree=tree,
            namespace=namespace,
            locks=locks,
            properties=properties,
            settings=settings,
            listings=ListingCache(settings.listing_cache_bytes),
            now=now,
            chunked=chunked,
            finding=Finding(tree, settings.searches, settings.search_window),
            fingerprint=fingerprint,
            redirected=redirected,
            previews=previews,
            announced=announced or [],
        )
        self._verbs = VERBS if post is None else {**VERBS, "POST": post}
        self._authenticate = authenticate
        self._challenges = challenges

    async def __call__(self, request: Request) -> Response:
        """The answer to a request; raises only `Disconnected` and what nobody foresaw."""
        address: Address | None = None
        try:
            if request.verb == "OPTIONS":
                return answer(self.dav.announced)
            actor = await self._authenticate(request)
            verb = self._verbs.get(request.verb)
            if verb is None:
                raise Refused(405, f"{request.verb} is not possible here", allow=FILES)
            address = parse(request.raw_path)
            if address.item:
                address = await self.dav.located(actor, address)
            return await verb(self.dav, request, actor, address)
        except Disconnected:
            raise
        except ClawgateError as error:
            response = render(error, address)
            if isinstance(error, Unauthenticated):
                response.headers += self._challenges(request)
            if request.verb == "POST":
                response.headers += self.dav.announced
            return response
