"""What this process knows of logins that are over: of the app passwords and the logins at our page that somebody ended, here or
in another process, and of people of whom a directory says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from ..errors import ClawgateError
from ..log import make_logger
from ..model.people import Actor, Scope, User
from ..single_flight import SingleFlight

CHECK_SECONDS = 1.0
"""How old the knowledge of what other processes did may be."""


class Revocations:
    """Compares a number that every change moves with the one seen last, and says which remembered logins must be verified again:
    one person's where that is known, all by app passwords where it is not.

    While the number cannot be read no login by app password is remembered: verifying it then fails as well.
    """

    def __init__(self, changes: Callable[[], Awaitable[int]], clock: Callable[[], float]) -> None:
        """`changes` reads the number; `clock` gives seconds that never go back."""
        self._read = changes
        self._clock = clock
        self._log = make_logger()
        self._number: int | None = None
        self._flight = SingleFlight(self._look)
        self.checked_until = float("-inf")
        """Until this reading of the clock nobody need look for what other processes did."""
        self.forget: list[Callable[[Callable[[Actor], bool]], None]] = []
        """Told which actors are not to be remembered any more."""

    def gone(self, number: int, ids: Collection[str] = (), user: str = "") -> None:
        """The number is `number` after a change made here, of the app passwords `ids` or of all that let in `user`."""
        follows = self._number is not None and number == self._number + 1
        self._number = number
        if follows:
            self._tell(lambda actor: actor.app_password in ids or (bool(user) and actor.id == user))
        else:
            self._tell(lambda actor: True)

    def over(self, session: str) -> None:
        """Somebody has logged out from our page, here; other processes need not know."""
        self._tell(lambda actor: actor.session == session)

    def another(self, before: User, now: User | None) -> None:
        """A directory says of somebody, whom it described as `before`, that the password is another one, or, if `now` is None,
        knows the person no more."""
        if now is None:
            self._tell_all(lambda actor: actor.id == before.id and not actor.vouched)
        elif before.mark and now.mark not in ("", before.mark):
            # App passwords go on.
            self._tell_all(
                lambda actor: actor.id == now.id and actor.user.mark not in ("", now.mark) and not actor.app_password,
            )

    async def refresh(self) -> None:
        """Make sure that what other processes had done a second ago is known; never raises."""
        if self._clock() < self.checked_until:
            return
        await self._flight.join()

    async def _look(self) -> None:
        number: int | None = None
        try:
            number = await self._read()
        except ClawgateError as error:
            self._log.warn("logins by app password are not remembered: {error}", error=str(error))
        except Exception:
            self._log.failure("logins by app password are not remembered")
        if number is None or number != self._number:
            self._number = number
            self._tell(lambda actor: True)
        self.checked_until = self._clock() + CHECK_SECONDS

    def _tell(self, which: Callable[[Actor], bool]) -> None:
        # A scope without an app password is that of signed addresses.
        self._tell_all(lambda actor: bool(actor.app_password or actor.session or actor.scope != Scope()) and which(actor))

    def _tell_all(self, which: Callable[[Actor], bool]) -> None:
        for forget in self.forget:
            forget(which)
