from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import treq
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.client import Agent, HTTPConnectionPool

from clawgate.settings import Http
from clawgate.web.router import Router
from clawgate.web.site import ClawSite


class Server:
    """Handlers behind a real site on loopback."""

    def __init__(self, port: Any, pool: HTTPConnectionPool) -> None:
        self._address = f"http://127.0.0.1:{port.getHost().port}"
        self._agent = Agent(reactor, pool=pool)

    async def __call__(self, verb: str, path: str, **options: Any) -> tuple[Any, bytes]:
        client = treq.client.HTTPClient(self._agent)
        response = await client.request(verb, self._address + path, allow_redirects=False, **options)
        return response, await response.content()


@pytest.fixture
def serve():
    """A function that serves handlers by prefix and returns a client."""
    opened: list[tuple[Any, ClawSite, HTTPConnectionPool]] = []

    async def start(handlers: dict[str, Callable[..., Awaitable[Any]]]) -> Server:
        router = Router()
        for prefix, handler in handlers.items():
            router.add(prefix, handler)
        site = ClawSite(router, Http(), reactor)
        port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(site)
        pool = HTTPConnectionPool(reactor)
        opened.append((port, site, pool))
        return Server(port, pool)

    yield start

    import pytest_twisted
    from twisted.internet.defer import Deferred

    async def stop() -> None:
        for port, site, pool in opened:
            await pool.closeCachedConnections()
            await port.stopListening()
            await site.drain(1)

    pytest_twisted.blockon(Deferred.fromCoroutine(stop()))
