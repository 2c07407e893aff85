"""Users from a file with argon2 hashes: the embedded default."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence

import attrs

from ..errors import ClawgateError, SettingsError, StorageUnavailable, Unauthenticated
from ..interfaces import Authenticator, Directory, Match
from ..log import make_logger
from ..model.people import Actor, Credentials, Password, User
from ..single_flight import SingleFlight
from ..workers import Workers
from .passwords import decoy, matches
from .users_file import Account, parse

CHECK_SECONDS = 1.0
"""How old the knowledge of the file may be."""

_Seen = tuple[int, int, int, int]
_MISSING: _Seen = (0, 0, 0, 0)


class UserFile(Authenticator, Directory):
    """People and their passwords from one TOML file (see `users_file`), read again when it changed.

    A file that cannot be read any more, or is wrong, leaves the people of before, and the log says so: a slip of the editor
    does not lock everybody out. A file that is gone knows nobody.
    """

    def __init__(self, path: str, hashing: Workers, reading: Workers, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back. The file is read by other threads than passwords are verified by, so that
        remembered logins never wait behind those that must be verified."""
        self._path = path
        self._hashing = hashing
        self._reading = reading
        self._clock = clock
        self._log = make_logger()
        self._accounts: Mapping[str, Account] = {}
        self._actors: dict[str, Actor] = {}
        self._decoy = decoy(())
        self._seen: _Seen | None = None
        self._complaint = ""
        self._flight = SingleFlight(self._look)
        self.checked_until = float("-inf")
        """Until this reading of the clock the file need not be looked at."""
        self.changed: list[Callable[[], None]] = []
        """Called when the file was read anew."""

    async def anybody(self) -> bool:
        """There is somebody in the file."""
        await self.refresh()
        return bool(self._accounts)

    async def load(self) -> None:
        """Read the file now. Raises `SettingsError` if it is wrong, `StorageUnavailable` if it cannot be read."""
        seen, accounts = await self._reading.run(_read, self._path, None)
        self._take(seen, accounts or {})

    async def refresh(self) -> None:
        """Make sure that the file was looked at within the last second; never raises for what is in the file."""
        if self._clock() < self.checked_until:
            return
        await self._flight.join()

    async def _look(self) -> None:
        try:
            seen, accounts = await self._reading.run(_read, self._path, self._seen)
            self._complaint = ""
            if accounts is not None:
                self._take(seen, accounts)
        except ClawgateError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._log.error("the accounts of before stay in force: {error}", error=str(error))
        except Exception:
            self._log.failure("the accounts of before stay in force")
        self.checked_until = self._clock() + CHECK_SECONDS

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor; None for users that are not in the file (which takes as long as a wrong password) and for tokens.

        Raises `Unauthenticated` for a wrong password, `Overloaded`.
        """
        if not isinstance(credentials, Password):
            return None
        await self.refresh()
        account = self._accounts.get(credentials.user)
        phc = account.password if account is not None else self._decoy
        right = await self._hashing.run(matches, phc, credentials.secret)
        if self._accounts.get(credentials.user) != account:
            # The file was read anew meanwhile.
            return await self.authenticate(credentials)
        if account is None:
            return None
        if not right:
            raise Unauthenticated("wrong user name or password")
        return self._actors[account.user.id]

    async def find_user(self, id: str) -> User | None:
        """The person with this id."""
        await self.refresh()
        account = self._accounts.get(id)
        return account.user if account is not None else None

    async def search(self, text: str, limit: int) -> Sequence[Match]:
        """People whose id, name or mail address contains `text`, sorted by name."""
        await self.refresh()
        wanted = text.strip().casefold()
        people = [account.user for account in self._accounts.values()] if wanted else []
        listed = [Match(one.id, one.name, one.mail) for one in people]
        found = [one for one in listed if any(wanted in value.casefold() for value in one)]
        return sorted(found, key=lambda one: ((one.name or one.id).casefold(), one.id))[:limit]

    async def search_groups(self, text: str, limit: int) -> Sequence[str]:
        """Groups that anybody in the file is in."""
        await self.refresh()
        wanted = text.strip().casefold()
        if not wanted:
            return ()
        known = {group for account in self._accounts.values() for group in account.user.groups}
        return sorted(group for group in known if wanted in group.casefold())[:limit]

    def _take(self, seen: _Seen, accounts: Mapping[str, Account]) -> None:
        self._seen, self._accounts = seen, accounts
        self._actors = {id: Actor(account.user) for id, account in accounts.items()}
        self._decoy = decoy(account.password for account in accounts.values())
        self.checked_until = self._clock() + CHECK_SECONDS
        for call in self.changed:
            call()


def _marked(account: Account) -> Account:
    """With a mark that tells nothing of the password."""
    mark = hashlib.blake2b(account.password.encode(), digest_size=16, person=b"clawgate-mark").hexdigest()
    return attrs.evolve(account, user=attrs.evolve(account.user, mark=mark))


def _read(path: str, known: _Seen | None) -> tuple[_Seen, Mapping[str, Account] | None]:
    """What identifies the file's version, and its accounts, None if the version is `known`. Blocking."""
    try:
        with open(path, encoding="utf-8") as stream:
            status = os.fstat(stream.fileno())
            seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)
            if seen == known:
                return seen, None
            return seen, {id: _marked(account) for id, account in parse(stream.read(), path).items()}
    except FileNotFoundError:
        return _MISSING, None if known == _MISSING else {}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8: {error}") from error
    except OSError as error:
        raise StorageUnavailable(f"{path}: cannot be read: {error.strerror}") from error
