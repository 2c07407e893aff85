"""Tells those who wait of changes in their spaces, once they are entered in the index."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from ..errors import ClawgateError, Overloaded
from ..log import make_logger
from ..model.authorship import author
from ..model.notice import Notice
from ..model.people import Actor
from ..settings import Events
from .authors import Authors

log = make_logger()

AT_ONCE = 200
"""Clients told in one turn of the reactor."""
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
        brief: bool,
    ) -> None:
        self.actor = actor
        self.spaces = spaces
        self._brief = brief
        self._clock = clock
        self._settings = settings
        self._leave = leave
        self._ends = ends
        self._queue: deque[Notice] = deque()
        self._wake: Deferred[None] | None = None
        self.over = False

    def tell(self, notices: Iterable[Notice]) -> None:
        """Queue notices; who is too slow for them is sent away."""
        if self._brief:
            # That something changed is all that matters, however much it is.
            self._queue.clear()
            self._queue.extend(list(notices)[-1:])
        else:
            self._queue.extend(notices)
        if len(self._queue) > self._settings.queue:
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
        leave, self._leave = self._leave, lambda one: None
        leave(self)

    async def __aiter__(self) -> AsyncIterator[Notice | None]:
        yield None
        while not self.over:
            if self._queue:
                yield self._queue.popleft()
                continue
            left = self._ends - self._clock.seconds()
            if left <= 0:
                return
            self._wake = Deferred()
            timer = self._clock.callLater(min(left, self._settings.beat_seconds), self.wake)
            await self._wake
            if timer.active():
                timer.cancel()
            elif not self._queue and not self.over:
                yield None


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
        self._seen: dict[str, int] = {}
        self._due: set[str] = set()
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
            self._people[person] -= 1
            if not self._people[person]:
                del self._people[person]
            for space in one.spaces:
                self._waiting[space].discard(one)
                if not self._waiting[space]:
                    del self._waiting[space]
                    self._seen.pop(space, None)
                    self._authors.pop(space, None)

        one = Waiting(self._clock, self._settings, leave, actor, frozenset(spaces), ends, brief)
        self.streams += 1
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
        for one in {one for waiting in self._waiting.values() for one in waiting}:
            if which is None or which(one.actor):
                one.end()

    def close(self) -> None:
        """Send everybody away, and let nobody in."""
        self._closed = True
        for one in {one for waiting in self._waiting.values() for one in waiting}:
            one.end()

    def _look(self, space: str) -> None:
        self._due.discard(space)
        Deferred.fromCoroutine(self._tell(space)).addErrback(
            lambda failure: log.failure("nobody is told of changes in {space}", failure, space=space)
        )

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
            self._pass_on(list(self._waiting.get(space, ())), notices)

    def _pass_on(self, waiting: list[Waiting], notices: Sequence[Notice]) -> None:
        for one in waiting[:AT_ONCE]:
            one.tell(notices)
            self.told += len(notices)
        if waiting[AT_ONCE:]:
            self._clock.callLater(0, self._pass_on, waiting[AT_ONCE:], notices)
