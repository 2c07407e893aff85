from __future__ import annotations

from contextlib import ExitStack

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from clawgate.errors import Disconnected, Locked
from clawgate.gateway.uploads.incoming import Incoming
from clawgate.gateway.uploads.writers import GRACE, Writers
from clawgate.web.body import RequestBody

from .bodies import Task, request_body


class Scene:
    """Requests that come and go, and a clock."""

    def __init__(self, patience: float = 3.0) -> None:
        self.clock = Clock()
        self.writers = Writers(patience, self.clock)

    def write(self, body: RequestBody, flush: Deferred[None] | None = None, start: int = 0, stop: int = 100) -> Task:
        """A request that stores what comes, and then takes as long as `flush`."""
        incoming = Incoming(body, self.clock)
        stored: list[bytes] = []

        async def run() -> tuple[bytes, Exception | None]:
            await self.writers.room("u", start, stop)
            with self.writers.at_work("u", incoming=incoming, start=start, stop=stop):
                async for chunk in incoming.segment(None):
                    stored.append(chunk)
                if flush is not None:
                    await flush
            return b"".join(stored), incoming.failure

        return Task(run())

    def busy(self, until: Deferred[None], upload: str = "u") -> Task:
        """A request that waits for no client."""

        async def run() -> None:
            await self.writers.clear(upload)
            with self.writers.at_work(upload):
                await until

        return Task(run())

    def body(self) -> RequestBody:
        return request_body(self.clock, 100)

    def assert_nobody(self) -> None:
        assert self.writers.of("u") == []
        assert self.clock.getDelayedCalls() == []


def test_one_after_the_other() -> None:
    scene = Scene()
    first, second = scene.body(), scene.body()
    one, two = scene.write(first), scene.write(second)
    assert len(scene.writers.of("u")) == 1
    first.feed(b"a" * 100)
    first.end()
    assert one.result == (b"a" * 100, None)
    assert len(scene.writers.of("u")) == 1
    second.feed(b"b" * 100)
    second.end()
    assert two.result == (b"b" * 100, None)
    scene.assert_nobody()


def test_the_free_upload_is_entered_without_a_pause() -> None:
    scene = Scene()
    assert Task(scene.writers.room("u")).result is False
    scene.writers.departures = 0
    with scene.writers.at_work("u"):
        pass
    assert scene.writers.departures == 1


def test_a_silent_one_is_cut() -> None:
    scene = Scene()
    silent = scene.body()
    one = scene.write(silent)
    silent.feed(b"some")
    scene.clock.advance(1)
    two = scene.write(scene.body())
    scene.clock.advance(1.9)
    assert not one.done
    scene.clock.advance(0.2)
    assert one.result[0] == b"some"
    assert isinstance(one.result[1], Locked)
    assert not two.done and len(scene.writers.of("u")) == 1


def test_one_that_was_silent_for_long_is_cut_at_once() -> None:
    scene = Scene()
    one = scene.write(scene.body())
    scene.clock.advance(60)
    two = scene.write(scene.body())
    assert one.done and not two.done


def test_a_busy_one_refuses() -> None:
    scene = Scene()
    slow = scene.body()
    one, two = scene.write(slow), scene.write(scene.body())
    for _ in range(4):
        scene.clock.advance(0.74)
        slow.feed(b"x")
    assert not two.done
    scene.clock.advance(0.1)
    assert isinstance(two.failure(), Locked)
    assert not one.done
    slow.fail(Disconnected("gone"))
    assert one.result[0] == b"xxxx"
    scene.assert_nobody()


def test_one_that_waits_for_no_client_refuses() -> None:
    scene = Scene()
    until: Deferred[None] = Deferred()
    one, two = scene.busy(until), scene.write(scene.body())
    scene.clock.advance(2.9)
    assert not two.done
    scene.clock.advance(0.2)
    assert isinstance(two.failure(), Locked)
    until.callback(None)
    assert one.done
    scene.assert_nobody()


def test_all_newcomers_hear_of_the_end() -> None:
    """Each of them goes on, one after the other, whatever the order in which they came."""
    scene = Scene()
    until: Deferred[None] = Deferred()
    one = scene.busy(until)
    ends: list[Deferred[None]] = [Deferred() for _ in range(5)]
    others = [scene.busy(end) for end in ends]
    until.callback(None)
    assert one.done
    assert len(scene.writers.of("u")) == 1
    for end in ends:
        end.callback(None)
    assert all(other.done for other in others)
    scene.assert_nobody()


def test_newcomers_that_do_not_write_all_hear_of_the_end() -> None:
    scene = Scene()
    until: Deferred[None] = Deferred()
    scene.busy(until)
    looking = [Task(scene.writers.room("u")) for _ in range(5)]
    scene.clock.advance(1)
    until.callback(None)
    assert [look.result for look in looking] == [True] * 5
    scene.assert_nobody()


def test_what_was_cut_may_take_its_time_to_store_what_has_come() -> None:
    scene = Scene()
    flush: Deferred[None] = Deferred()
    silent = scene.body()
    one = scene.write(silent, flush)
    scene.clock.advance(0.5)
    two = scene.write(scene.body())
    scene.clock.advance(2.5)
    assert not one.done
    scene.clock.advance(GRACE - 0.1)
    assert not two.done
    flush.callback(None)
    assert one.done and not two.done
    assert len(scene.writers.of("u")) == 1


def test_a_storage_that_hangs_does_not_keep_newcomers_for_ever() -> None:
    scene = Scene()
    flush: Deferred[None] = Deferred()
    body = scene.body()
    one = scene.write(body, flush)
    body.fail(Disconnected("gone"))
    two = scene.write(scene.body())
    scene.clock.advance(GRACE - 0.1)
    assert not two.done
    scene.clock.advance(0.2)
    assert isinstance(two.failure(), Locked)
    flush.callback(None)
    assert one.done
    scene.assert_nobody()


def test_without_patience() -> None:
    scene = Scene(0)
    waiting = scene.body()
    one = scene.write(waiting)
    two_body = scene.body()
    two = scene.write(two_body)
    # It was the client's turn: that one is over.
    assert one.done and not two.done
    flush: Deferred[None] = Deferred()
    two_body.fail(Disconnected("gone"))
    assert two.done
    three = scene.busy(flush)
    four = scene.write(scene.body())
    assert isinstance(four.failure(), Locked)
    flush.callback(None)
    assert three.done
    scene.assert_nobody()


def test_without_patience_what_has_ended_may_be_stored() -> None:
    scene = Scene(0)
    flush: Deferred[None] = Deferred()
    body = scene.body()
    one = scene.write(body, flush)
    body.fail(Disconnected("gone"))
    two = scene.write(scene.body())
    assert not two.done
    flush.callback(None)
    assert one.done and len(scene.writers.of("u")) == 1


def test_different_ranges_do_not_meet() -> None:
    scene = Scene()
    one = scene.write(scene.body(), start=0, stop=10)
    two = scene.write(scene.body(), start=10, stop=20)
    empty = scene.write(scene.body(), start=20, stop=20)
    assert len(scene.writers.of("u")) == 3
    three = scene.write(scene.body(), start=9, stop=11)
    assert len(scene.writers.of("u")) == 3
    # It has to wait for both.
    scene.clock.advance(3)
    assert one.done and two.done and not three.done and not empty.done
    assert len(scene.writers.of("u")) == 2


def test_several_uploads_at_once() -> None:
    scene = Scene()
    ends: list[Deferred[None]] = [Deferred(), Deferred()]
    scene.busy(ends[0], "u")
    scene.busy(ends[1], "v")
    until: Deferred[None] = Deferred()

    async def both() -> None:
        await scene.writers.clear("u", "v")
        with scene.writers.at_work("u", "v"):
            await until

    task = Task(both())
    ends[0].callback(None)
    assert (len(scene.writers.of("u")), len(scene.writers.of("v"))) == (0, 1)
    # Somebody slips in where there was room already.
    late: Deferred[None] = Deferred()
    scene.busy(late, "u")
    ends[1].callback(None)
    assert scene.writers.of("v") == []
    late.callback(None)
    assert (len(scene.writers.of("u")), len(scene.writers.of("v"))) == (1, 1)
    until.callback(None)
    assert task.done
    scene.assert_nobody()


def test_a_cancelled_newcomer_leaves_nothing_behind() -> None:
    scene = Scene()
    until: Deferred[None] = Deferred()
    one = scene.busy(until)
    two, three = scene.write(scene.body()), Task(scene.writers.room("u"))
    two.deferred.cancel()
    assert isinstance(two.failure(), CancelledError)
    assert len(scene.writers.of("u")[0].waiting) == 1
    until.callback(None)
    assert one.done and three.result is True
    scene.assert_nobody()


def test_a_cancelled_writer_makes_room() -> None:
    scene = Scene()
    one = scene.write(scene.body())
    two = Task(scene.writers.room("u"))
    one.deferred.cancel()
    assert isinstance(one.failure(), CancelledError)
    assert two.result is True
    scene.assert_nobody()


def test_a_failing_writer_makes_room() -> None:
    scene = Scene()
    with pytest.raises(ZeroDivisionError), ExitStack() as stack:
        stack.enter_context(scene.writers.at_work("u"))
        waiting = Task(scene.writers.room("u"))
        raise ZeroDivisionError
    assert waiting.result is True
    scene.assert_nobody()
