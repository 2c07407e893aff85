"""Tells those who wait of changes in their spaces, once they are entered in the index."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from ..errors import ClawgateError, Overloaded
from ..log import make_logger
from ..model.authorship import author
from ..model.notice import Notice
from ..model.people import Actor
from ..settings import Events
from .authors import Authors

log = make_logger()

AT_ONCE = 40
"""Clients told in one turn of the reactor: about a millisecond."""
AGAIN = 0.01
"""Seconds after which it is looked, at the earliest, whether all have been told of what was found before."""
SPREAD = 0.2
"""By this part signs of life come earlier to some: who was told at the same moment must not all be due at the same one."""
_SLACK = 0.001
"""Seconds by which a timer may be early."""
RETRY = 10
"""Seconds after which somebody for whom there is no room may come again."""


class News(Protocol):
    """A stretch of a journal."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What happened."""

    @property
    def upto(self) -> int:
        """The number of the last change in it."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left after it."""


class Source(Protocol):
    """Where changes are read."""

    async def newest(self, space: str) -> int:
        """The number of the last change in a space."""

    async def since(self, space: str, after: int, limit: int) -> News:
        """What happened after it."""

    async def root(self, space: str) -> Notice:
        """That something or other changed."""


class Waiting:
    """One client that waits: an iterator of notices, with None as a sign of life from time to time. It ends when the client has
    to come again."""

    def __init__(
        self,
        clock: Any,
        settings: Events,
        leave: Callable[[Waiting], None],
        actor: Actor,
        spaces: frozenset[str],
        ends: float,
        beat: float,
        brief: bool,
    ) -> None:
        self.actor = actor
        self.spaces = spaces
        self._brief = brief
        self._clock = clock
        self._most = settings.queue
        self._leave = leave
        self._ends = ends
        self._beat = beat
        self._heard: float = clock.seconds()
        self._queue: deque[Sequence[Notice]] = deque()
        self._queued = 0
        self._wake: Deferred[None] | None = None
        self._timer: Any = None
        self.over = False

    def tell(self, notices: Sequence[Notice]) -> None:
        """Queue notices, at least one; who is too slow for them is sent away."""
        if self._brief:
            # That something changed is all that matters, however much it is.
            self._queue.clear()
            self._queue.append(notices[-1:])
        else:
            self._queue.append(notices)
            self._queued += len(notices)
            if self._queued > self._most:
                self._queue.clear()
                self.over = True
        self.wake()

    def end(self) -> None:
        """Send the client away."""
        self.over = True
        self.wake()

    def wake(self) -> None:
        """Let the iterator look again."""
        if self._wake is not None:
            wake, self._wake = self._wake, None
            wake.callback(None)

    def leave(self) -> None:
        """Nobody waits here any more. Must be called, once or more often."""
        self.over = True
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        leave, self._leave = self._leave, lambda one: None
        leave(self)

    async def __aiter__(self) -> AsyncIterator[Notice | None]:
        async for batch in self.batches():
            if batch is None:
                yield None
                continue
            for notice in batch:
                if self.over:
                    return
                yield notice

    async def batches(self) -> AsyncIterator[Sequence[Notice] | None]:
        """The same as they were found: what is told together is one object for all who are told."""
        yield None
        while not self.over:
            now = self._clock.seconds()
            if self._queue:
                batch = self._queue.popleft()
                self._queued -= len(batch)
                self._heard = now
                yield batch
            elif now >= self._ends - _SLACK:
                return
            elif now >= self._heard + self._beat - _SLACK:
                self._heard = now
                yield None
            else:
                self._wake = Deferred()
                if self._timer is None:
                    # One for all that comes meanwhile: to set it anew for each notice would cost more than the notice.
                    self._timer = self._clock.callLater(self._due() - now, self._ring)
                await self._wake

    def _due(self) -> float:
        """Clock seconds of the next sign of life, or of the end."""
        return min(self._ends, self._heard + self._beat)

    def _ring(self) -> None:
        self._timer = None
        left = self._due() - self._clock.seconds()
        if left > _SLACK:
            self._timer = self._clock.callLater(left, self._ring)
        else:
            self.wake()


class Notices:
    """Knows who waits for which spaces. A space that nobody waits for costs nothing."""

    def __init__(self, source: Source, settings: Events, clock: Any) -> None:
        """`clock` is the reactor."""
        self._source = source
        self._settings = settings
        self._clock = clock
        self._waiting: dict[str, set[Waiting]] = {}
        self._authors: dict[str, Authors] = {}
        self._people: Counter[str] = Counter()
        self._turns: OrderedDict[Waiting, None] = OrderedDict()
        """All of them: who has had no turn yet, then those whose turn is longest ago."""
        self._seen: dict[str, int] = {}
        self._due: set[str] = set()
        self._telling: set[str] = set()
        """Spaces of which something is told just now."""
        self._came = 0
        self.streams = 0
        """Clients that wait."""
        self.told = 0
        """Notices given to clients."""
        self._closed = False

    @property
    def spaces(self) -> list[str]:
        """Those for which somebody waits."""
        return list(self._waiting)

    async def wait(self, actor: Actor, spaces: Iterable[str], seconds: float | None = None, *, brief: bool = False) -> Waiting:
        """Wait for changes in `spaces`, for `seconds` at most; `brief`: of several changes at once only the last one is told.
        Raises `Overloaded` if too many do."""
        person = actor.id
        if self.streams >= self._settings.streams or self._people[person] >= self._settings.per_user or self._closed:
            raise Overloaded("too many clients wait for changes", RETRY)
        most = self._settings.push_session_seconds if brief else self._settings.session_seconds
        ends = self._clock.seconds() + (most if seconds is None else max(0.0, min(seconds, most)))

        def leave(one: Waiting) -> None:
            self.streams -= 1
            del self._turns[one]
            self._people[person] -= 1
            if not self._people[person]:
                del self._people[person]
            for space in one.spaces:
                self._waiting[space].discard(one)
                if not self._waiting[space]:
                    del self._waiting[space]
                    self._seen.pop(space, None)
                    self._authors.pop(space, None)

        # The multiples of the golden ratio lie as far apart as they can.
        beat = self._settings.beat_seconds * (1 - SPREAD * (self._came * 0.618034 % 1))
        self._came += 1
        one = Waiting(self._clock, self._settings, leave, actor, frozenset(spaces), ends, beat, brief)
        self.streams += 1
        self._turns[one] = None
        self._turns.move_to_end(one, last=False)
        self._people[person] += 1
        for space in one.spaces:
            self._waiting.setdefault(space, set()).add(one)
        try:
            for space in one.spaces:
                if space not in self._seen:
                    newest = await self._source.newest(space)
                    self._seen.setdefault(space, newest)
        except BaseException:
            one.leave()
            raise
        return one

    def changed(self, space: str, after: int = 0, upto: int = 0) -> None:
        """Something was entered in the index of a space: the changes after the number `after`, up to `upto`, if that is known."""
        if space in self._waiting and after < upto and (name := author()):
            self._authors.setdefault(space, Authors()).wrote(after, upto, name)
        if space in self._waiting and space not in self._due:
            self._due.add(space)
            self._clock.callLater(self._settings.gather_seconds, self._look, space)

    def dismiss(self, which: Callable[[Actor], bool] | None = None) -> None:
        """Send away all, or those whom credentials have let in that may have ended: they come again, and are judged anew."""
        leaving = [one for one in self._all() if which is None or which(one.actor)]
        for one in leaving:
            # Nothing more is told to them, also where it takes a while until they hear so.
            one.over = True
        Deferred.fromCoroutine(self._each(leaving, Waiting.end)).addErrback(lambda failure: log.failure("not all leave", failure))

    def turn(self, count: int) -> list[Waiting]:
        """The next `count` of those who wait: newcomers, then those whose turn was longest ago."""
        found = list(islice(self._turns, count))
        for one in found:
            self._turns.move_to_end(one)
        return found

    def close(self) -> None:
        """Send everybody away, and let nobody in."""
        self._closed = True
        for one in self._all():
            one.end()

    def _all(self) -> list[Waiting]:
        return list(self._turns)

    def _look(self, space: str) -> None:
        if space in self._telling:
            # What is found later is told later; and what comes faster than it can be told is told together.
            self._clock.callLater(max(self._settings.gather_seconds, AGAIN), self._look, space)
            return
        self._due.discard(space)
        self._telling.add(space)
        telling = Deferred.fromCoroutine(self._tell(space))
        telling.addErrback(lambda failure: log.failure("nobody is told of changes in {space}", failure, space=space))
        telling.addBoth(lambda _: self._telling.discard(space))

    async def _tell(self, space: str) -> None:
        after = self._seen.get(space)
        if after is None:
            return
        try:
            news = await self._source.since(space, after, self._settings.lines)
            if news.complete:
                notices, upto = news.notices, news.upto
            else:
                notices, upto = [await self._source.root(space)], await self._source.newest(space)
        except ClawgateError as error:
            # They ask by themselves from time to time, too.
            log.warn("nobody is told of changes in {space}: {error}", space=space, error=str(error))
            return
        if upto <= self._seen.get(space, upto):
            return
        self._seen[space] = upto
        if (authors := self._authors.get(space)) is not None:
            notices = [notice._replace(initiator=authors.of(notice.numbers)) for notice in notices]
            authors.told(upto)
        if notices:
            waiting = list(self._waiting.get(space, ()))
            self.told += len(waiting) * len(notices)
            await self._each(waiting, lambda one: one.tell(notices))

    async def _each(self, waiting: Sequence[Waiting], act: Callable[[Waiting], None]) -> None:
        """Do something with all of them; others have their turn in between."""
        for start in range(0, len(waiting), AT_ONCE):
            if start:
                await deferLater(self._clock, 0)
            for one in waiting[start : start + AT_ONCE]:
                act(one)
