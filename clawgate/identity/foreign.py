"""People whom only their tokens describe: what the latest one said, for their app passwords."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ..interfaces import Authenticator
from ..model.people import Actor, Credentials, User
from .background import Background
from .revocations import Revocations

SEEN_SECONDS = 3600.0
"""How exactly it is known when a person was last seen."""


class Store(Protocol):
    """Where such people are kept. Raises `StorageUnavailable` and `Overloaded`."""

    async def see(self, user: User, now: float, every: float) -> int | None:
        """Take over what a login says about a person of whom something is kept; returns the number of changes if that is
        something new. The time is noted if the one noted before is `every` seconds old."""


class Seen(Authenticator):
    """Judges tokens as another authenticator does, and notes who came.

    Remembered logins do not get here, so that a poll costs nothing, and a login does not wait for the note.
    """

    def __init__(self, inner: Authenticator, store: Store, revocations: Revocations, now: Callable[[], float]) -> None:
        """`now` gives seconds since 1970."""
        self._inner = inner
        self._store = store
        self._revocations = revocations
        self._now = now
        self._background: Background[User] = Background(self._see, "what a token says about its owner")

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """As the inner authenticator."""
        actor = await self._inner.authenticate(credentials)
        if actor is not None:
            self.note(actor.user)
        return actor

    def note(self, user: User) -> None:
        """Somebody came, by a token or through a browser."""
        self._background.note(user.id, user)

    async def stop(self) -> None:
        """Wait until everything is written."""
        await self._background.stop()

    async def _see(self, people: Mapping[str, User]) -> None:
        for user in people.values():
            changes = await self._store.see(user, self._now(), SEEN_SECONDS)
            if changes is not None:
                self._revocations.gone(changes, user=user.id)
