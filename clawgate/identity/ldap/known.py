"""What was found out about people lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ...model.people import User


class Known:
    """Remembers answers, also that there is no such person. Those who ask for the same at once share one answer."""

    def __init__(
        self, find: Callable[[str], Awaitable[User | None]], seconds: float, most: int, clock: Callable[[], float]
    ) -> None:
        """An answer of `find` is remembered for `seconds` of `clock`; at most `most` are, the longest unused goes first."""
        self._find = find
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._people: OrderedDict[str, tuple[float, User | None]] = OrderedDict()
        self.changed: list[Callable[[User, User | None], None]] = []
        """Told how somebody who is remembered was described before, and is now; None: there is no such person any more."""
        self._asking: dict[str, list[Deferred[User | None]]] = {}

    async def get(self, id: str, *, anew: bool = False) -> User | None:
        """As `find`, which may be asked, is asked if it must be `anew`, and raises what it raises."""
        entry = self._people.get(id)
        if entry is not None and not anew and self._clock() < entry[0]:
            self._people.move_to_end(id)
            return entry[1]
        waiter: Deferred[User | None] = Deferred()
        waiting = self._asking.setdefault(id, [])
        waiting.append(waiter)
        if len(waiting) == 1:
            # On its own, because the request that came first may be cancelled while others wait for the same answer.
            Deferred.fromCoroutine(self._ask(id))
        return await waiter

    def put(self, id: str, user: User | None) -> None:
        """Remember what was found out otherwise."""
        _, before = self._people.get(id, (0.0, None))
        self._people[id] = (self._clock() + self._seconds, user)
        self._people.move_to_end(id)
        if len(self._people) > self._most:
            self._people.popitem(last=False)
        if before is not None and user is not before:
            for call in self.changed:
                call(before, user)

    async def _ask(self, id: str) -> None:
        outcome: User | Failure | None
        before = self._people.get(id)
        try:
            outcome = await self._find(id)
            entry = self._people.get(id)
            if entry is None or entry is before:
                self.put(id, outcome)
            else:
                # Who has logged in meanwhile is known better than by an answer that may be older.
                outcome = entry[1]
        except Exception:
            outcome = Failure()  # type: ignore[no-untyped-call]
            if before is not None and self._people.get(id) is before:
                # Not believed any more, but what the directory says next is another description, or the same.
                self._people[id] = (float("-inf"), before[1])
        for waiter in self._asking.pop(id):
            if isinstance(outcome, Failure):
                waiter.errback(outcome)
            else:
                waiter.callback(outcome)
