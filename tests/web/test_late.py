from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from clawgate.errors import Overloaded
from clawgate.web.late import Late
from clawgate.web.response import Response

ANSWER = Response(204)
REQUEST: Any = object()


async def handler(request: Any) -> Response:
    assert request is REQUEST
    return ANSWER


@pytest_twisted.ensureDeferred
async def test_it_is_made_once_with_the_first_request() -> None:
    made = 0

    async def make() -> Any:
        nonlocal made
        made += 1
        return handler

    late = Late(make)
    assert made == 0
    assert [await late(REQUEST), await late(REQUEST)] == [ANSWER, ANSWER]
    assert made == 1


@pytest_twisted.ensureDeferred
async def test_requests_that_come_meanwhile_wait() -> None:
    waiting: list[Deferred[Any]] = []

    async def make() -> Any:
        waiting.append(Deferred())
        return await waiting[-1]

    late = Late(make)
    asked = [Deferred.fromCoroutine(late(REQUEST)) for _ in range(2)]
    assert not any(one.called for one in asked)
    for one in waiting:
        one.callback(handler)
    assert [await one for one in asked] == [ANSWER, ANSWER]


@pytest_twisted.ensureDeferred
async def test_a_failure_is_not_remembered() -> None:
    failures = [Overloaded("too much work")]

    async def make() -> Any:
        if failures:
            raise failures.pop()
        return handler

    late = Late(make)
    with pytest.raises(Overloaded):
        await late(REQUEST)
    assert await late(REQUEST) is ANSWER
