"""App passwords: random secrets by which programs log in as a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from ..errors import Forbidden, InvalidRequest, Unauthenticated
from ..interfaces import Authenticator, Directory
from ..log import make_logger
from ..model.app_password import AppPassword, Snapshot, clean_name
from ..model.login_flow import Visitor
from ..model.people import Actor, Credentials, Password, Scope, User
from ..settings import AppPasswords as Rules
from . import app_secrets
from .revocations import Revocations
from .standing import Standing

DAY = 86400.0
LONGEST = 36500.0
"""Days."""


class Store(Protocol):
    """Where app passwords are kept. Raises `StorageUnavailable` and `Overloaded`."""

    async def add(self, new: AppPassword, digest: str, owner: User | None, most: int) -> None:
        """Keep a new one under the `digest` of its secret, and, if given, who its `owner` is. Raises `Forbidden` if that person
        has `most` others."""

    async def find(self, digest: str) -> tuple[AppPassword, Snapshot | None] | None:
        """The one with this digest; if it is `foreign`, with its owner."""

    async def of(self, user: str | None) -> list[AppPassword]:
        """Those of one person, or everybody's."""

    async def remove(self, user: str, ids: Iterable[str]) -> int:
        """Forget those of `user`; returns the number of `changes` then. Raises `NotFound`."""

    async def replace(self, id: str, digest: str) -> int:
        """Change the digest; returns the number of `changes` then. Raises `NotFound`."""

    async def snapshot(self, user: str) -> Snapshot | None:
        """What is kept of a person of whom no directory knows."""

    async def expire(self, now: float) -> int:
        """Forget those whose time was up at `now`; returns how many."""


class AppPasswords(Authenticator):
    """Judges secrets that have our form, and makes and ends them.

    Who the owner is, the directories say at every login that is not remembered: when none of them knows the person any more, the
    app password is worth nothing, and when one that must be asked does not answer, neither does this. A `foreign` owner is who
    the last token said; nobody else tells when such a person leaves, so that there is a time without any token after which the
    app password is not accepted until the next one.
    """

    def __init__(
        self,
        store: Store,
        directories: Sequence[Directory],
        rules: Rules,
        revocations: Revocations,
        now: Callable[[], float],
    ) -> None:
        """`directories` are asked in their order; `revocations` learn of what is ended here; `now` gives seconds since 1970."""
        self._store = store
        self._directories = tuple(directories)
        self._rules = rules
        self._revocations = revocations
        self._now = now
        self._log = make_logger()

    # making and ending

    async def make(
        self,
        user: User,
        name: str,
        *,
        foreign: bool,
        scope: Scope = Scope(),  # noqa: B008 - a value
        days: float | None = None,
        login: str = "",
        by_operator: bool = False,
    ) -> tuple[AppPassword, str]:
        """A new app password of `user` and its secret, which is told only here.

        `days` is how long it lives, 0: for ever, None: as the settings say. `login` is the name that the person had logged in
        by, if it is not the id. Raises `Forbidden` if there are too many, or it is not `by_operator` and people may not make any;
        `InvalidRequest` for impossible `days`.
        """
        if not (self._rules.self_made or by_operator):
            raise Forbidden("app passwords are made by the operator of this server only")
        if days is None:
            days = self._rules.days
        if not 0 <= days <= LONGEST:
            raise InvalidRequest(f"an app password can live for {LONGEST:.0f} days, or for ever (0)")
        now = self._now()
        secret = app_secrets.make()
        new = AppPassword(
            app_secrets.new_id(),
            user.id,
            clean_name(name),
            scope,
            now,
            now + days * DAY if days else None,
            foreign=foreign,
            login=login if login != user.id else "",
        )
        await self._store.add(new, app_secrets.digest(secret), user if foreign else None, self._rules.per_user)
        self._log.info("app password {id} of {user} was made", id=new.id, user=user.id)
        return new, secret

    async def make_for(
        self,
        actor: Actor,
        name: str,
        *,
        login: str = "",
        scope: Scope = Scope(),  # noqa: B008 - a value
        days: float | None = None,
    ) -> tuple[AppPassword, str]:
        """`make` for somebody who is logged in by a password or token; raises `Forbidden` for those who are let in by less: an
        app password, a signed address, a login at our page, all of which can be ended without a thought for what they made.

        Raises `Unauthenticated` if the login is only remembered: of somebody whom the directory does not know any more, or by a
        password that is another one now; `StorageUnavailable`.
        """
        if actor.app_password:
            raise Forbidden("an app password cannot make app passwords; log in with your password or by your login service")
        if actor.session or actor.scope != Scope():
            raise Forbidden("with these credentials no app passwords can be made")
        person, over, foreign = await Standing(self.known, self.known_anew).judge_anew(Visitor(actor.user, actor.vouched))
        if person is None:
            raise Unauthenticated("the password was changed; log in again" if over else "you are not known here any more")
        return await self.make(actor.user, name, foreign=foreign, scope=scope, days=days, login=login)

    async def known(self, id: str) -> User | None:
        """The person whom the directories know by this id; None: nobody. Raises `StorageUnavailable`."""
        for directory in self._directories:
            user = await directory.find_user(id)
            if user is not None:
                return user
        return None

    async def known_anew(self, id: str) -> User | None:
        """As `known`, and nothing of it remembered from before."""
        for directory in self._directories:
            user = await directory.find_anew(id)
            if user is not None:
                return user
        return None

    async def seen(self, id: str) -> Snapshot | None:
        """A person of whom no directory knows and who has app passwords, as the last login described them."""
        return await self._store.snapshot(id)

    async def of(self, user: str | None = None) -> list[AppPassword]:
        """Those of one person, or everybody's; also those that have expired and were not cleared up yet."""
        return await self._store.of(user)

    async def revoke(self, user: str, id: str) -> None:
        """End one at once. Raises `NotFound`."""
        await self.revoke_all(user, [id])

    async def revoke_all(self, user: str, ids: Sequence[str]) -> None:
        """End some of one person at once, or none. Raises `NotFound`."""
        self._revocations.gone(await self._store.remove(user, ids), ids)
        self._log.info("app passwords {ids} of {user} were revoked", ids=", ".join(ids), user=user)

    async def rotate(self, id: str) -> str:
        """A new secret for the same app password; the one of before is worth nothing at once. Raises `NotFound`."""
        secret = app_secrets.make()
        self._revocations.gone(await self._store.replace(id, app_secrets.digest(secret)), [id])
        self._log.info("app password {id} has a new secret", id=id)
        return secret

    async def again(self, actor: Actor) -> bool:
        """Whether the app password that `actor` is logged in by would let its owner in now. Raises `StorageUnavailable`."""
        for one in await self._store.of(actor.id):
            if one.id == actor.app_password:
                return one.foreign or await self.known(one.user) is not None
        return False

    async def tidy(self) -> None:
        """Forget those whose time is up."""
        await self._store.expire(self._now())

    # logging in

    async def authenticate(self, credentials: Credentials) -> Actor | None:
        """The actor; None for tokens and for passwords that cannot be ours.

        Raises `Unauthenticated` for what has our form and is not accepted. Nobody else is asked about such: a program that goes
        on sending a revoked app password must not get its owner's account in a directory locked.
        """
        if not isinstance(credentials, Password) or not app_secrets.is_one(credentials.secret):
            return None
        found = await self._store.find(app_secrets.digest(credentials.secret))
        if found is None or credentials.user not in (found[0].user, found[0].login or found[0].user):
            raise Unauthenticated("wrong user name or password")
        one, snapshot = found
        now = self._now()
        if one.expires is not None and one.expires <= now:
            raise Unauthenticated("this app password has expired")
        if not one.foreign:
            user, expires = await self.known(one.user), one.expires
        else:
            user, expires = (snapshot.user, self._rest(one, snapshot)) if snapshot is not None else (None, None)
        if user is None:
            raise Unauthenticated("the owner of this app password is not known any more")
        if expires is not None and expires <= now:
            raise Unauthenticated("this app password rests until its owner logs in by the login service again")
        return Actor(user, expires, one.scope, one.id)

    def _rest(self, one: AppPassword, snapshot: Snapshot) -> float | None:
        """Until when a `foreign` one can be used if its owner does not log in otherwise."""
        if not self._rules.foreign_days:
            return one.expires
        rests = snapshot.seen + self._rules.foreign_days * DAY
        return rests if one.expires is None else min(rests, one.expires)
