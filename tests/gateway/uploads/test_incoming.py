from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from clawgate.errors import Disconnected, Locked, QuotaExceeded, TooLarge
from clawgate.gateway.uploads.incoming import Incoming

from .bodies import Task, chunks, request_body


async def read(incoming: Incoming, size: int | None = None) -> list[bytes]:
    return [chunk async for chunk in incoming.segment(size)]


def now(coroutine: object) -> object:
    """The result of a coroutine that does not have to wait."""
    task = Task(coroutine)
    assert task.done
    if hasattr(task.result, "value"):
        raise task.failure()
    return task.result


def test_all_at_once() -> None:
    incoming = Incoming(chunks(b"one", b"two"), Clock())
    assert now(read(incoming)) == [b"one", b"two"]
    assert (incoming.ended, incoming.failure) == (True, None)
    assert now(read(incoming)) == []


def test_in_segments() -> None:
    incoming = Incoming(chunks(b"one", b"two", b"three", b"four"), Clock())
    assert now(read(incoming, 4)) == [b"one", b"two"]
    assert not incoming.ended
    assert now(read(incoming, 5)) == [b"three"]
    assert now(read(incoming, 100)) == [b"four"]
    assert incoming.ended


@pytest.mark.parametrize(
    ("room", "expected", "ended"),
    [(7, [b"one", b"two", b"t"], True), (6, [b"one", b"two"], True), (0, [], True), (11, [b"one", b"two", b"three"], False)],
)
def test_no_more_than_there_is_room_for(room: int, expected: list[bytes], ended: bool) -> None:
    full = QuotaExceeded("full")
    incoming = Incoming(chunks(b"one", b"two", b"three"), Clock(), room, full)
    assert now(read(incoming)) == expected
    assert incoming.failure is (full if ended else None)
    assert incoming.ended


def test_the_limit_can_be_set_later() -> None:
    incoming = Incoming(chunks(b"one", b"two", b"three"), Clock())
    assert now(read(incoming, 1)) == [b"one"]
    incoming.limit(4)
    assert now(read(incoming)) == [b"two", b"t"]
    assert isinstance(incoming.failure, TooLarge)


def test_a_client_that_breaks_off() -> None:
    gone = Disconnected("gone")
    incoming = Incoming(chunks(b"one", failure=gone), Clock())
    assert now(read(incoming)) == [b"one"]
    assert (incoming.ended, incoming.failure) == (True, gone)


def test_a_real_client_that_breaks_off() -> None:
    clock = Clock()
    body = request_body(clock, 100)
    incoming = Incoming(body, clock)
    task = Task(read(incoming))
    body.feed(b"one")
    clock.advance(5)
    assert (incoming.waiting, incoming.silent) == (True, 5)
    body.feed(b"two")
    assert incoming.silent == 0
    gone = Disconnected("gone")
    body.fail(gone)
    assert task.done and task.result == [b"one", b"two"]
    assert (incoming.ended, incoming.failure, incoming.waiting) == (True, gone, False)


def test_a_real_client_that_sends_all() -> None:
    clock = Clock()
    body = request_body(clock, 6)
    incoming = Incoming(body, clock)
    body.feed(b"one")
    task = Task(read(incoming))
    body.feed(b"two")
    body.end()
    assert task.done and task.result == [b"one", b"two"]
    assert (incoming.ended, incoming.failure) == (True, None)


def test_what_a_body_does_wrong_is_not_hidden() -> None:
    incoming = Incoming(chunks(b"one", failure=ZeroDivisionError()), Clock())
    with pytest.raises(ZeroDivisionError):
        now(read(incoming))


# Cut


def test_cut_while_it_waits_for_a_real_client() -> None:
    clock = Clock()
    body = request_body(clock, 100)
    incoming = Incoming(body, clock)
    task = Task(read(incoming))
    body.feed(b"one")
    other = Locked("taken over")
    incoming.cut(other)
    assert task.done and task.result == [b"one"]
    assert (incoming.ended, incoming.failure, incoming.waiting, incoming.silent) == (True, other, False, 0)
    # Whatever comes from there now disturbs nobody.
    body.feed(b"two")
    body.feed(b"three")
    body.fail(Disconnected("gone"))
    assert now(read(incoming)) == []
    assert incoming.failure is other


def test_cut_while_it_waits_for_a_generator() -> None:
    clock, more, ended = Clock(), Deferred[None](), []

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        try:
            await more
            yield b"two"
        finally:
            ended.append(True)

    incoming = Incoming(body(), clock)
    task = Task(read(incoming))
    incoming.cut(Locked("taken over"))
    assert task.done and task.result == [b"one"]
    assert ended == [True]


def test_cut_while_the_storage_is_at_it() -> None:
    """What was handed over counts; nothing more is asked for."""
    body = request_body(Clock(), 100)
    body.feed(b"one")
    body.feed(b"two")
    incoming = Incoming(body, Clock())
    stored = []

    async def store() -> None:
        async for chunk in incoming.segment(None):
            stored.append(chunk)
            incoming.cut(Locked("taken over"))

    now(store())
    assert stored == [b"onetwo"]
    assert isinstance(incoming.failure, Locked)


def test_cut_after_the_end_changes_nothing() -> None:
    incoming = Incoming(chunks(b"one"), Clock())
    now(read(incoming))
    incoming.cut(Locked("taken over"))
    assert incoming.failure is None


def test_cut_twice() -> None:
    body = request_body(Clock(), 100)
    incoming = Incoming(body, Clock())
    task = Task(read(incoming))
    first = Locked("first")
    incoming.cut(first)
    incoming.cut(Locked("second"))
    assert task.done and incoming.failure is first


def test_a_cut_body_may_still_end_as_it_likes() -> None:
    """A generator that answers the cancellation with an error of its own, or with bytes."""
    for last in (Disconnected("gone"), None):
        more: Deferred[None] = Deferred()

        async def body(more: Deferred[None] = more, last: Exception | None = last) -> AsyncIterator[bytes]:
            try:
                await more
            except CancelledError:
                if last is not None:
                    raise last from None
                yield b"last words"

        incoming = Incoming(body(), Clock())
        task = Task(read(incoming))
        reason = Locked("taken over")
        incoming.cut(reason)
        assert task.done and task.result == ([] if last else [b"last words"])
        assert incoming.failure is reason


# Cancelled


def test_cancelling_the_request_is_passed_on() -> None:
    clock = Clock()
    body = request_body(clock, 100)
    incoming = Incoming(body, clock)
    task = Task(read(incoming))
    body.feed(b"one")
    task.deferred.cancel()
    assert isinstance(task.failure(), CancelledError)
    assert (incoming.ended, incoming.waiting) == (False, False)
    body.feed(b"two")
    body.fail(Disconnected("gone"))
