"""Whether passwords are right. Blocking: for the threads of the directory's pool only."""

from __future__ import annotations

import secrets
from contextlib import suppress

from ...model.people import User
from ...settings import Ldap
from . import dn
from .answers import Link
from .errors import NotLetIn, Refused
from .people import People, can_be_asked
from .pool import Pool
from .verdict import Verdict, judge


class Logins:
    """Binds as people, on connections that are used for nothing else: a kept one would go on as whoever logged in last."""

    def __init__(self, settings: Ldap, people: People, pool: Pool) -> None:
        self._settings = settings
        self._people = people
        self._pool = pool
        self._has_service = bool(settings.bind_dn)

    def login(self, name: str, password: str) -> User | None:
        """Who logs in; None if the directory does not know `name`, or does not tell whether it does.

        Raises `NotLetIn`, `BadEntry`, `DirectoryUnavailable`, `Refused`.
        """
        if not can_be_asked(name):
            return None
        if not password or not _can_be_sent(password):
            # Servers take an empty one for an anonymous bind and call it a success (RFC 4513 section 5.1.2).
            raise NotLetIn
        return self._direct(name, password) if self._settings.user_dn else self._searched(name, password)

    def _searched(self, name: str, password: str) -> User | None:
        """Look for the entry first, then bind as it."""
        found = self._pool.ask(lambda link: self._people.named(link, name))
        if len(found) != 1:
            self._pretend()
            if found:
                raise NotLetIn(f"several entries fit {name!r}, such as {found[0].dn} and {found[1].dn}")
            return None
        entry = found[0]
        verdict = self._pool.ask_apart(lambda link: judge(link.bind(entry.dn, password)))
        if not verdict.right:
            raise NotLetIn(verdict.reason and f"{entry.dn}: {verdict.reason}")
        return self._pool.ask(lambda link: self._people.user(link, entry))

    def _direct(self, name: str, password: str) -> User | None:
        """Bind first, then read the entry that was bound as, and no other one that the name may also fit."""
        own = dn.fill(self._settings.user_dn, self._people.own_name(name))
        verdict, user = self._pool.ask_apart(lambda link: self._try(link, own, password))
        if verdict.right:
            if self._has_service:
                user = self._pool.ask(lambda link: self._read(link, own))
            if user is None:
                raise NotLetIn(f"{own} cannot be read, or does not fit user_filter")
            return user
        if verdict.reason:
            raise NotLetIn(f"{own}: {verdict.reason}")
        # Servers say the same of a wrong password and of a name that does not exist.
        if self._has_service and self._pool.ask(lambda link: self._people.called(link, own)) is not None:
            raise NotLetIn
        return None

    def _try(self, link: Link, own: str, password: str) -> tuple[Verdict, User | None]:
        """Bind, and look around as the person if nobody else can."""
        verdict = judge(link.bind(own, password))
        return verdict, self._read(link, own) if verdict.right and not self._has_service else None

    def _read(self, link: Link, own: str) -> User | None:
        entry = self._people.called(link, own)
        return self._people.user(link, entry) if entry is not None else None

    def _pretend(self) -> None:
        """For somebody unknown, do what a wrong password costs: try one where it cannot be right."""
        settings = self._settings
        decoy = settings.decoy_dn or f"{settings.user_attribute}={secrets.token_hex(8)},{settings.base}"
        with suppress(Refused):
            self._pool.ask_apart(lambda link: judge(link.bind(decoy, secrets.token_urlsafe(12))))


def _can_be_sent(password: str) -> bool:
    """Whether `password` is text (RFC 4513 section 5.1.3) that also servers written in C read to its end."""
    try:
        return b"\0" not in password.encode()
    except UnicodeEncodeError:
        return False
