from __future__ import annotations

import json

import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from clawgate.errors import StorageUnavailable
from clawgate.metrics import Metrics
from clawgate.protocols.admin import READY_SECONDS, Admin


async def _good() -> None:
    pass


async def _bad() -> None:
    raise StorageUnavailable("the disk is gone")


async def _broken() -> None:
    raise ValueError("secret details")


async def _silent() -> None:
    await Deferred()


@pytest_twisted.ensureDeferred
async def test_metrics_and_health(serve):
    server = await serve(Admin(Metrics(), {}, Clock()).handlers())

    response, body = await server("GET", "/metrics")
    assert response.code == 200
    assert response.headers.getRawHeaders("content-type")[0].startswith("text/plain; version=")
    assert b"clawgate_open_connections" in body
    response, body = await server("GET", "/health")
    assert (response.code, json.loads(body)) == (200, {"healthy": True})


@pytest_twisted.ensureDeferred
async def test_ready(serve):
    admin = Admin(Metrics(), {"state": _good, "home": _good}, Clock())
    server = await serve(admin.handlers())

    response, body = await server("GET", "/ready")
    assert (response.code, json.loads(body)) == (200, {"ready": True, "checks": {"state": "ok", "home": "ok"}})
    admin.stopping = True
    response, _ = await server("GET", "/ready")
    assert response.code == 503


@pytest_twisted.ensureDeferred
async def test_not_ready_says_what_fails(serve):
    clock = Clock()
    server = await serve(Admin(Metrics(), {"a": _good, "b": _bad, "c": _broken, "d": _silent}, clock).handlers())

    with capturedLogs():
        pending = Deferred.fromCoroutine(server("GET", "/ready"))
        while not clock.getDelayedCalls():
            await _turn()
        clock.advance(READY_SECONDS)
        response, body = await pending

    assert response.code == 503
    assert json.loads(body)["checks"] == {"a": "ok", "b": "the disk is gone", "c": "failed", "d": "no answer"}


async def _turn() -> None:
    from twisted.internet import reactor

    waiter: Deferred[None] = Deferred()
    reactor.callLater(0.01, waiter.callback, None)
    await waiter
