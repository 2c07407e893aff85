from __future__ import annotations

from types import SimpleNamespace
from typing import NamedTuple

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from clawgate.errors import Overloaded, StorageUnavailable
from clawgate.gateway.authors import Authors
from clawgate.gateway.notices import Notices
from clawgate.model.authorship import author, by
from clawgate.model.notice import Happening, Notice
from clawgate.model.people import Actor, User
from clawgate.protocols import events
from clawgate.settings import Events


class News(NamedTuple):
    notices: list[Notice]
    upto: int
    complete: bool


def notice(number: int) -> Notice:
    return Notice(Happening.CHANGED, "s", f"s!{number}", "s!0", str(number), False, (number,))


def person(id: str, app_password: str = "") -> Actor:
    return Actor(User(id), app_password=app_password)


class Source:
    """Space `s`, in which nothing but changes of single files happen."""

    def __init__(self) -> None:
        self.number = 0
        self.asked = 0
        self.error: Exception | None = None

    async def newest(self, space: str) -> int:
        return self.number

    async def since(self, space: str, after: int, limit: int) -> News:
        self.asked += 1
        if self.error is not None:
            raise self.error
        found = [notice(number) for number in range(after + 1, self.number + 1)][:limit]
        return News(found, after + len(found), after + len(found) == self.number)

    async def root(self, space: str) -> Notice:
        return Notice(Happening.CHANGED, space, "root", "root", str(self.number), True)


class Listener:
    """Writes down what it hears."""

    def __init__(self, waiting) -> None:
        self.heard: list[str | None] = []
        self.over = False
        self.waiting = waiting
        Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        async for one in self.waiting:
            self.heard.append(one and one.id)
        self.over = True
        self.waiting.leave()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def hub(source, clock):
    settings = Events(streams=4, per_user=2, gather_seconds=0.1, lines=5, queue=10, beat_seconds=30, session_seconds=100)
    return Notices(source, settings, clock)


def change(hub, source, clock, count=1):
    for _ in range(count):
        source.number += 1
        hub.changed("s")
    clock.advance(0.1)
    clock.advance(0)


@pytest_twisted.ensureDeferred
async def test_changes_are_gathered_and_told(hub, source, clock):
    change(hub, source, clock)
    assert source.asked == 0, "nobody waits"
    listener, other = Listener(await hub.wait(person("a"), ["s"])), Listener(await hub.wait(person("b"), ["t"]))
    change(hub, source, clock, 3)
    assert listener.heard == [None, "s!2", "s!3", "s!4"]
    assert other.heard == [None]
    assert source.asked == 1
    hub.changed("s")
    clock.advance(1)
    assert len(listener.heard) == 4, "something was written that no journal has"
    change(hub, source, clock, 6)
    assert listener.heard[4:] == ["root"]
    change(hub, source, clock)
    assert listener.heard[5:] == ["s!11"]


@pytest_twisted.ensureDeferred
async def test_signs_of_life_and_the_end(hub, source, clock):
    listener = Listener(await hub.wait(person("a"), ["s"]))
    short = Listener(await hub.wait(person("a"), ["s"], 10))
    clock.advance(10)
    assert (short.over, listener.over) == (True, False)
    for _ in range(8):
        clock.advance(5)
    assert listener.heard == [None, None]
    clock.advance(30)
    clock.advance(30)
    assert listener.over
    assert hub.streams == 0
    assert not clock.getDelayedCalls()


@pytest_twisted.ensureDeferred
async def test_room(hub, source, clock):
    first = await hub.wait(person("a"), ["s"])
    await hub.wait(person("a"), ["s"])
    with pytest.raises(Overloaded):
        await hub.wait(person("a"), ["s"])
    await hub.wait(person("b"), ["s"])
    await hub.wait(person("b"), ["s"])
    with pytest.raises(Overloaded):
        await hub.wait(person("c"), ["s"])
    # One that was never asked for anything gives its place back, and only once.
    first.leave()
    first.leave()
    await hub.wait(person("a"), ["s"])
    assert hub.streams == 4


@pytest_twisted.ensureDeferred
async def test_who_is_too_slow_is_sent_away(hub, source, clock):
    waiting = await hub.wait(person("a"), ["s"])
    quick = Listener(await hub.wait(person("b"), ["s"]))
    for _ in range(3):
        change(hub, source, clock, 4)
    slow = Listener(waiting)
    assert slow.over
    assert slow.heard == [None]
    assert len(quick.heard) == 13


@pytest_twisted.ensureDeferred
async def test_a_journal_that_cannot_be_read_is_read_later(hub, source, clock):
    listener = Listener(await hub.wait(person("a"), ["s"]))
    source.error = StorageUnavailable("away")
    with capturedLogs() as events:
        change(hub, source, clock)
    assert "nobody is told" in events[0]["log_format"]
    source.error = None
    change(hub, source, clock)
    assert listener.heard == [None, "s!1", "s!2"]


class Turns(Clock):
    """As a reactor: what is asked for in one turn has its own in the next."""

    def advance(self, amount: float) -> None:
        self.rightNow += amount
        for call in [one for one in self.calls if one.getTime() <= self.rightNow]:
            if call.active():
                call.called = 1
                self.calls.remove(call)
                call.func(*call.args, **call.kw)


@pytest_twisted.ensureDeferred
async def test_a_few_are_told_in_one_turn_and_what_comes_meanwhile_together(source, monkeypatch):
    monkeypatch.setattr("clawgate.gateway.notices.AT_ONCE", 2)
    clock = Turns()
    hub = Notices(source, Events(gather_seconds=0.1, queue=10), clock)
    listeners = [Listener(await hub.wait(person("a"), ["s"])) for _ in range(5)]

    def heard() -> list[int]:
        return sorted(len(one.heard) - 1 for one in listeners)

    def write() -> None:
        source.number += 1
        hub.changed("s")

    write()
    clock.advance(0.1)
    assert heard() == [0, 0, 0, 1, 1]
    write()
    write()
    asked = source.asked
    clock.advance(0)
    assert heard() == [0, 1, 1, 1, 1]
    clock.advance(0)
    assert heard() == [1] * 5
    assert source.asked == asked
    for _ in range(4):
        clock.advance(0.1)
    assert source.asked == asked + 1
    assert [one.heard for one in listeners] == [[None, "s!1", "s!2", "s!3"]] * 5

    # The next are found only when all have heard of the last ones, however long that takes.
    hub._telling.add("s")
    write()
    for _ in range(5):
        clock.advance(1)
    write()
    assert source.asked == asked + 1
    hub._telling.discard("s")
    for _ in range(5):
        clock.advance(0.1)
    assert [one.heard[4:] for one in listeners] == [["s!4", "s!5"]] * 5

    hub.dismiss()
    assert sorted(one.over for one in listeners) == [False, False, False, True, True]
    write()
    for _ in range(3):
        clock.advance(0.1)
    assert all(one.over for one in listeners)
    assert max(len(one.heard) for one in listeners) == 6
    clock.advance(0)
    assert hub.streams == 0


@pytest_twisted.ensureDeferred
async def test_one_timer_each_and_not_all_at_once(source, clock):
    hub = Notices(source, Events(gather_seconds=0.1, beat_seconds=30, session_seconds=1000), clock)
    listeners = [Listener(await hub.wait(person("a"), ["s"])) for _ in range(5)]
    for _ in range(20):
        change(hub, source, clock)
    assert len(clock.getDelayedCalls()) == 5
    heard = len(listeners[0].heard)
    # Told at the same moment; a sign of life follows, but to one after the other.
    times = [0.0] * 5
    for second in range(1, 31):
        clock.advance(1)
        times = [at or (second if len(one.heard) > heard else 0) for at, one in zip(times, listeners, strict=True)]
    clock.advance(0.1)
    assert all(one.heard[heard] is None for one in listeners)
    assert len(set(times)) == 5
    assert {24 <= at <= 30 or at == 0 for at in times} == {True}
    hub.close()
    assert not clock.getDelayedCalls()


def test_an_event_is_rendered_once_for_all(monkeypatch):
    rendered = []
    monkeypatch.setattr(events, "rendered", lambda notice: rendered.append(notice) or f"{notice.id};".encode())
    streams = events.EventStreams(None, None, None, None)
    batches = [[notice(number), notice(number + 1)] for number in range(20)]
    for batch in batches:
        assert [streams._rendered(batch) for _ in range(3)] == [f"s!{batch[0].numbers[0]};s!{batch[1].numbers[0]};".encode()] * 3
    assert len(rendered) == 40
    assert len(streams._recent) == events.RECENT
    # Equal is not the same: what was told before may have had another author.
    streams._rendered(list(batches[-1]))
    assert len(rendered) == 42


@pytest_twisted.ensureDeferred
async def test_an_answer_ends_with_the_token(hub, clock):
    class Login:
        async def authenticate(self, request):
            return Actor(User("a"), 1_000_005.0, vouched=True)

    async def spaces(actor):
        return ["s"]

    streams = events.EventStreams(hub, spaces, Login(), lambda: 1_000_000.0)
    response = await streams(SimpleNamespace(verb="GET", disconnected=False))
    heard = []

    async def listen():
        async for data in response.body:
            heard.append(data)
        heard.append("the end")
        await response.close()

    listening = Deferred.fromCoroutine(listen())
    clock.advance(4)
    assert heard == [events.ALIVE]
    clock.advance(1)
    await listening
    assert heard == [events.ALIVE, "the end"]
    assert hub.streams == 0


@pytest_twisted.ensureDeferred
async def test_the_end_for_all(hub, source, clock):
    listener = Listener(await hub.wait(person("a"), ["s"]))
    hub.close()
    assert listener.over
    with pytest.raises(Overloaded):
        await hub.wait(person("b"), ["s"])


@pytest_twisted.ensureDeferred
async def test_of_several_changes_the_last_one_is_enough_for_some(hub, source, clock):
    waiting = await hub.wait(person("a"), ["s"], brief=True)
    steps = aiter(waiting)
    assert await anext(steps) is None
    for _ in range(30):
        change(hub, source, clock)
    assert not waiting.over, "it is not too slow: nothing piles up"
    told = await anext(steps)
    assert told is not None and told.id == "s!30"
    await steps.aclose()
    waiting.leave()


@pytest_twisted.ensureDeferred
async def test_who_is_let_in_by_what_has_ended_is_sent_away(hub, source, clock):
    ended, stays = Listener(await hub.wait(person("a", "1"), ["s"])), Listener(await hub.wait(person("b", "2"), ["s"]))
    hub.dismiss(lambda actor: actor.app_password == "1")
    assert (ended.over, stays.over) == (True, False)
    hub.dismiss()
    assert stays.over
    assert (hub.streams, hub.spaces) == (0, [])


@pytest_twisted.ensureDeferred
async def test_who_has_no_space_is_sent_away_too(hub, source, clock):
    nowhere = Listener(await hub.wait(person("a", "1"), []))
    hub.dismiss(lambda actor: actor.app_password == "1")
    assert nowhere.over
    nowhere = Listener(await hub.wait(person("a"), []))
    hub.close()
    assert nowhere.over and hub.streams == 0


@pytest_twisted.ensureDeferred
async def test_everybody_has_a_turn_and_newcomers_first(hub, source, clock):
    a, b, c = [await hub.wait(person(id), ["s"]) for id in "abc"]
    assert hub.turn(2) == [c, b]
    d = await hub.wait(person("d"), ["s"])
    assert hub.turn(2) == [d, a]
    b.leave()
    assert hub.turn(9) == [c, d, a]
    for one in (a, c, d):
        one.leave()
    assert hub.turn(9) == []


@pytest_twisted.ensureDeferred
async def test_it_is_told_which_program_made_a_change(hub, source, clock):
    told = []
    waiting = await hub.wait(person("a"), ["s"])

    async def listen():
        async for one in waiting:
            told.append(one and (one.id, one.initiator))

    Deferred.fromCoroutine(listen())

    def write(upto: int) -> None:
        before, source.number = source.number, upto
        hub.changed("s", before, upto)

    with by("web-1"):
        write(1)
    write(2)
    with by("web-2"):
        write(4)
        with by("x" * 1000):
            write(5)
    clock.advance(0.1)
    assert told[1:] == [("s!1", "web-1"), ("s!2", ""), ("s!3", "web-2"), ("s!4", "web-2"), ("s!5", "")]
    hub.close()
    waiting.leave()


def test_authors():
    authors = Authors()
    authors.wrote(1, 3, "a")
    authors.wrote(5, 6, "b")
    assert [authors.of([number]) for number in range(1, 8)] == ["", "a", "a", "", "", "b", ""]
    assert (authors.of([2, 3]), authors.of([3, 6]), authors.of([3, 4]), authors.of([])) == ("a", "", "", "")
    authors.told(3)
    assert (authors.of([3]), authors.of([6])) == ("", "b")
    # Where a stretch began is not always known.
    authors.wrote(0, 9, "c")
    assert [authors.of([number]) for number in range(5, 11)] == ["", "b", "c", "c", "c", ""]


@pytest_twisted.ensureDeferred
async def test_what_goes_on_after_a_request_is_nobodys():
    gate: Deferred[None] = Deferred()
    found = []

    async def work():
        found.append(author())
        await gate
        found.append(author())

    with by("me"):
        Deferred.fromCoroutine(work())
        assert author() == "me"
    assert author() == ""
    gate.callback(None)
    assert found == ["me", ""]
