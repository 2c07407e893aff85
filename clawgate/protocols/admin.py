"""For the people and machines that run the gateway: metrics, health, readiness. On a listener of their own, without login."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.interfaces import IReactorTime

from ..errors import ClawgateError
from ..log import make_logger
from ..metrics import CONTENT_TYPE, Metrics
from ..web.request import Request
from ..web.response import Response

Check = Callable[[], Awaitable[object]]
"""Asks something that the gateway needs; raises if it does not answer."""

READY_SECONDS = 5.0
"""How long a check may take."""


class Admin:
    """The handlers of the admin listener."""

    def __init__(self, metrics: Metrics, checks: Mapping[str, Check], clock: IReactorTime) -> None:
        """`checks` by name: databases and storages."""
        self._metrics = metrics
        self._checks = checks
        self._clock = clock
        self._log = make_logger()
        self.stopping = False
        """Set when the gateway stops taking requests: not ready any more, though alive."""

    def handlers(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        """By prefix, as a router takes them."""
        return {"/metrics": self.metrics, "/health": self.health, "/ready": self.ready}

    async def metrics(self, request: Request) -> Response:
        """All counts, for Prometheus."""
        return Response(200, [(b"Content-Type", CONTENT_TYPE.encode())], self._metrics.render())

    async def health(self, request: Request) -> Response:
        """200: the process works. Says nothing about what it needs."""
        return _json(200, {"healthy": True})

    async def ready(self, request: Request) -> Response:
        """200: databases and storages answer. Otherwise 503; details are in the log and, by name, in the answer."""
        names = list(self._checks)
        results = await gatherResults([Deferred.fromCoroutine(self._ask(name)) for name in names])
        checks = dict(zip(names, results, strict=True))
        if self.stopping:
            checks["gateway"] = "stopping"
        ready = all(text == "ok" for text in checks.values())
        return _json(200 if ready else 503, {"ready": ready, "checks": checks})

    async def _ask(self, name: str) -> str:
        try:
            await Deferred.fromCoroutine(_awaited(self._checks[name])).addTimeout(READY_SECONDS, self._clock)
        except TimeoutError:
            self._log.warn("not ready: {name} did not answer in {seconds} s", name=name, seconds=READY_SECONDS)
            return "no answer"
        except ClawgateError as error:
            self._log.warn("not ready: {name}: {error}", name=name, error=str(error))
            return str(error)
        except Exception:
            self._log.failure("not ready: {name}", name=name)
            return "failed"
        return "ok"


async def _awaited(check: Check) -> object:
    return await check()


def _json(status: int, value: object) -> Response:
    body = json.dumps(value).encode() + b"\n"
    return Response(status, [(b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store")], body)
