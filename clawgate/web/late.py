"""Handlers that are not made before somebody asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .request import Request
from .response import Response
from .router import Handler


class Late:
    """A handler that is made with the first request for it: for what takes long to import."""

    def __init__(self, make: Callable[[], Awaitable[Handler]]) -> None:
        """`make` is called for the first request, and for those that come until it is done; then never again."""
        self._make = make
        self._handler: Handler | None = None

    async def __call__(self, request: Request) -> Response:
        """Pass `request` on. Raises what `make` raises, and what the handler raises."""
        handler = self._handler
        if handler is None:
            handler = self._handler = await self._make()
        return await handler(request)
