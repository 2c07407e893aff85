"""Which handler a path belongs to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import NotFound
from .klein_handler import KleinHandler
from .request import Request
from .response import Response

__all__ = ["Handler", "KleinHandler", "Router"]

Handler = Callable[[Request], Awaitable[Response]]


class Router:
    """A handler that passes requests on by the longest prefix of the path as it is on the wire.

    Prefixes end at segment borders. Nothing is decoded or normalised: ``/a%2Fb`` and ``//a`` are not below ``/a``.
    """

    def __init__(self) -> None:
        self._exact: dict[bytes, tuple[Handler, str]] = {}
        self._deepest = 0

    def add(self, prefix: str, handler: Handler) -> None:
        """Give everything at and below `prefix` (``/status.php``, ``/remote.php/dav/files``; ``/`` for all the rest) to
        `handler`.

        The prefix also names the requests in metrics (`Request.route`).
        """
        key = prefix.rstrip("/").encode()
        self._exact[key] = (handler, prefix)
        self._deepest = max(self._deepest, key.count(b"/"))

    async def __call__(self, request: Request) -> Response:
        """Pass `request` on. Raises `NotFound`, and what the handler raises."""
        handler, request.route = self.find(request.raw_path)
        return await handler(request)

    def find(self, raw_path: bytes) -> tuple[Handler, str]:
        """The handler for a path and the prefix it was added with. Raises `NotFound`."""
        exact = self._exact
        key = raw_path
        # Only as many segments as the deepest prefix has can matter.
        parts = key.split(b"/", self._deepest + 1)
        if len(parts) > self._deepest + 1:
            parts.pop()
            key = b"/".join(parts)
        while True:
            found = exact.get(key)
            if found is not None:
                return found
            if not key:
                raise NotFound("there is nothing at this address")
            key = key.rpartition(b"/")[0]
