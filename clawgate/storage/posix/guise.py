"""As whom a tree is worked on, if not as the gateway's own user; and what the gateway must do itself all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, ParamSpec, Protocol, TypeVar

import attrs

from ...model.space import Persona

P = ParamSpec("P")
T = TypeVar("T")

STOP_SECONDS = 5.0
"""How long `Doorkeepers.stop` waits for each thread."""


class Door(Protocol):
    """Calls a function with the gateway's own rights, from a thread that has a person's, and waits for it."""

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns; raises what it raises."""


@attrs.frozen
class Guise:
    """One person at work on one tree."""

    persona: Persona
    shared: bool
    """Whether others work on the same tree, so that its staging folder is not the person's own."""
    door: Door
    """Opens the root: what is above it need not be open to the person."""


class _Errand:
    """One call, and the lock that is released when it is done."""

    __slots__ = ("done", "error", "result", "work")

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Doorkeepers:
    """Threads with the gateway's own rights, at the service of those that act as persons.

    As many as there are of these: each waits for one call at most, so that no call waits for another one's storage.
    """

    def __init__(self, threads: int) -> None:
        self._most = threads
        self._threads: list[threading.Thread] = []
        self._errands: SimpleQueue[_Errand | None] = SimpleQueue()

    def start(self) -> None:
        """Start the threads, which inherit the rights of the one that calls this."""
        for number in range(self._most):
            thread = threading.Thread(target=self._work, name=f"door-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End the threads; nobody may call any more."""
        threads, self._threads = self._threads, []
        for _ in threads:
            self._errands.put(None)
        for thread in threads:
            thread.join(STOP_SECONDS)

    def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Door`. Blocks."""
        errand = _Errand(lambda: function(*args, **kwargs))
        self._errands.put(errand)
        errand.done.acquire()
        if errand.error is not None:
            raise errand.error
        result: T = errand.result
        return result

    def _work(self) -> None:
        while (errand := self._errands.get()) is not None:
            try:
                errand.result = errand.work()
            except BaseException as error:
                errand.error = error
            errand.done.release()
            del errand
