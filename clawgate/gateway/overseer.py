"""Sends away those who wait for changes when what has let them in would not do so again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import ClawgateError
from ..model.login_flow import Visitor
from ..model.people import Actor
from .login_sessions import Judge
from .notices import Notices

AT_A_TIME = 200
"""Clients judged in one look."""


class Overseer:
    """Whoever ends a login says so to those who wait by it; this is for what nobody says: a directory that has another password,
    another process that has logged somebody out, a login that ended in the moment in which somebody began to wait.

    Tokens are not judged: they say themselves when they end.
    """

    def __init__(
        self,
        notices: Notices,
        judge: Judge,
        session: Callable[[str], Awaitable[Actor | None]],
        app_password: Callable[[Actor], Awaitable[bool]],
        sees: Callable[[], bool],
        most: int = AT_A_TIME,
    ) -> None:
        """`judge` says what has become of a login by password, `session` whose a login at our page is, `app_password` whether
        somebody's still lets in, `sees` whether all people are found when directories are asked for them. `most` are judged in
        one look."""
        self._notices = notices
        self._judge = judge
        self._session = session
        self._app_password = app_password
        self._sees = sees
        self._most = most

    async def look(self) -> None:
        """Judge some of those who wait, others the next time. Raises what those who are asked raise, when the others are judged;
        nobody is sent away because of that."""
        judged: dict[tuple[Actor, str], bool] = {}
        failure: ClawgateError | None = None
        for one in self._notices.turn(self._most):
            # People are the same whatever their password.
            key = (one.actor, one.actor.user.mark)
            if key not in judged:
                try:
                    judged[key] = await self._lasts(one.actor)
                except ClawgateError as error:
                    judged[key], failure = True, error
            if not judged[key]:
                one.end()
        if failure is not None:
            raise failure

    async def _lasts(self, actor: Actor) -> bool:
        if actor.app_password:
            return await self._app_password(actor)
        if actor.session:
            return await self._session(actor.session) is not None
        if actor.vouched:
            return True
        # As if a provider vouched: that no directory knows the person is one thing, that none tells of the password another.
        judgement = await self._judge(Visitor(actor.user, foreign=True))
        return not (judgement.over or (judgement.foreign and self._sees()))
