"""Whether a login of before still lets somebody in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..model.login_flow import Judgement, Visitor
from ..model.people import User

_Find = Callable[[str], Awaitable[User | None]]


class Standing:
    """The one place where that is decided, for whatever a login leaves behind: logins at our pages, flows that were granted, keys
    by which addresses are signed, those who wait for changes.

    Such things end when no directory knows the person any more, and when the password of the login is another one now.
    """

    def __init__(self, known: _Find, anew: _Find) -> None:
        """`known` is whom the directories know by an id, `anew` the same with nothing of it remembered."""
        self._known = known
        self._anew = anew

    async def judge(self, visitor: Visitor) -> Judgement:
        """What has become of the login of `visitor`. Raises what directories raise when they cannot be asked."""
        known = await self._known(visitor.user.id)
        if visitor.is_over(known):
            # Another process may have let the person in by a password that is newer than what is remembered here.
            return await self.judge_anew(visitor)
        return _judgement(visitor, known)

    async def judge_anew(self, visitor: Visitor) -> Judgement:
        """The same with nothing remembered: for what is made by that login and lives for long. Raises the same."""
        return _judgement(visitor, await self._anew(visitor.user.id))


def _judgement(visitor: Visitor, known: User | None) -> Judgement:
    return Judgement(visitor.now(known), visitor.is_over(known), visitor.foreign and known is None)
