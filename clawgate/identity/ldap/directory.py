"""One directory, as the rest of the gateway sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from ...errors import Forbidden
from ...interfaces import Authenticator, Directory, Match
from ...log import make_logger
from ...model.people import Actor, Credentials, Password, User
from ...settings import Ldap
from ...workers import Workers
from .errors import BadEntry, DirectoryUnavailable, NotLetIn, Refused
from .known import Known
from .logins import Logins
from .people import People
from .pool import Pool

P = ParamSpec("P")
T = TypeVar("T")


class LdapDirectory(Authenticator, Directory):
    """Passwords and people of ``[ldap.NAME]``."""

    def __init__(
        self,
        name: str,
        settings: Ldap,
        logins: Logins,
        people: People,
        pool: Pool,
        workers: Workers,
        clock: Callable[[], float],
    ) -> None:
        """`workers` are the threads that all questions are put in; whoever made the directory starts and stops them."""
        self.name = name
        self.workers = workers
        self._logins = logins
        self._people = people
        self._pool = pool
        self._known = Known(self._find, settings.cache_seconds, settings.cache_people, clock)
        self._known.changed.append(self._tell)
        self.changed: list[Callable[[User, User | None], None]] = []
        """Called with somebody as described before, when the directory describes them again, and as described now; None: there is
        no such person any more."""
        self.sees = not settings.user_dn
        """Whether who is not found when the gateway looks is not there. Where people are bound as without a search, nobody but
        themselves may be allowed to read their entries; that it is not so is known when somebody has been found."""
        self._log = make_logger()

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor, under the id that the directory has; None for tokens and people that it does not know.

        Raises `Unauthenticated` for a password that is not accepted, whatever the reason, `Forbidden` if the directory's entry
        cannot be used, `DirectoryUnavailable`, `Overloaded`.
        """
        if not isinstance(credentials, Password):
            return None
        try:
            user = await self._run(self._logins.login, credentials.user, credentials.secret)
        except NotLetIn as error:
            if error.detail:
                self._log.warn("directory {name}: a login is refused: {detail}", name=self.name, detail=error.detail)
            raise
        except BadEntry as error:
            self._complain(str(error))
            raise Forbidden("what the directory of users says about you cannot be used; ask who keeps it") from error
        if user is None:
            return None
        self._known.put(user.id, user)
        return Actor(user)

    async def find_user(self, id: str) -> User | None:
        """The person with this id, as known at most ``cache_seconds`` ago. Raises `DirectoryUnavailable`, `Overloaded`."""
        return await self._known.get(id)

    async def find_anew(self, id: str) -> User | None:
        """The person with this id as known now. Raises as `find_user`."""
        return await self._known.get(id, anew=True)

    async def search(self, text: str, limit: int) -> Sequence[Match]:
        """As `Directory.search`. Raises `DirectoryUnavailable`, `Overloaded`."""
        found, wrong = await self._run(self._people.search, text.strip(), limit)
        for complaint in wrong:
            self._complain(complaint)
        return found

    async def search_groups(self, text: str, limit: int) -> Sequence[str]:
        """As `Directory.search_groups`. Raises `DirectoryUnavailable`, `Overloaded`."""
        return await self._run(self._people.search_groups, text.strip(), limit)

    async def close(self) -> None:
        """Close all connections; nobody may ask any more, and the workers still run."""
        await self.workers.run_always(self._pool.close)

    async def _find(self, id: str) -> User | None:
        try:
            found = await self._run(self._people.find, id)
        except BadEntry as error:
            self._complain(str(error))
            return None
        self.sees = self.sees or found is not None
        return found

    def _tell(self, before: User, now: User | None) -> None:
        if now is not None or self.sees:
            for call in self.changed:
                call(before, now)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self.workers.run(function, *args, **kwargs)
        except Refused as error:
            self._log.error("directory {name}: {error}", name=self.name, error=str(error))
            raise DirectoryUnavailable("the directory of users does not answer as it should; try again later") from error

    def _complain(self, what: str) -> None:
        self._log.warn("directory {name}: an entry cannot be used: {what}", name=self.name, what=what)
